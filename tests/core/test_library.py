"""Kinds found by scanning folders; a file that fails is told and left out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow import AudioNode, AudioOut
from graphflow.core.library import Library, user_package

NODE = '''"""A file."""

from graphflow import AudioNode, AudioOut


class {name}(AudioNode):
    """{doc}"""

    out = AudioOut()

    @staticmethod
    def tick():
        return 0.0
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(user_package(tmp_path))]:
        del sys.modules[name]


def put(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folder_of_families(folder: Path) -> None:
    put(folder, "drones/deep_drone.py", NODE.format(name="DeepDrone", doc="Deep."))
    put(folder, "flat.py", NODE.format(name="Flat", doc="Flat."))
    put(folder, "_parts.py", "raise RuntimeError")
    put(folder, "notes.txt", "no Python")
    library = Library()
    assert library.scan(folder) == []
    assert list(library) == ["deep_drone", "flat"]
    cls = library["deep_drone"]
    assert cls.__module__ == f"{user_package(folder)}.drones.deep_drone"
    assert (cls.spec.family, cls.spec.doc, cls.spec.file) == ("drones", "Deep.", folder / "drones" / "deep_drone.py")
    assert str(library) == f"deep_drone (drones)\nflat ({folder.name})"


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("x = 1\nimport not_there\n", 2, "ModuleNotFoundError: No module named 'not_there'; this file is left out"),
        ("x = (\n", 1, "not Python: '(' was never closed; this file is left out"),
        ("\n\nraise SystemExit(3)\n", 3, "SystemExit: 3; this file is left out"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError: division by zero; this file is left out"),
        ("raise ValueError('two\\nlines')", 1, "ValueError: two lines; this file is left out"),
        (
            "import json\njson.loads('')",
            2,
            "JSONDecodeError: Expecting value: line 1 column 1 (char 0); this file is left out",
        ),
    ],
)
def test_a_file_that_fails_is_told_with_its_line_and_the_rest_goes_on(
    folder: Path, text: str, line: int, message: str
) -> None:
    put(folder, "a_broken.py", text)
    put(folder, "fine.py", NODE.format(name="Fine", doc="Fine."))
    library = Library()
    problems = library.scan(folder)
    assert list(map(str, problems)) == [f"{folder / 'a_broken.py'}:{line}: {message}"]
    assert list(library) == ["fine"]
    assert not [name for name in sys.modules if name.endswith("a_broken")]


def test_a_class_that_contradicts_itself_is_told_at_its_line(folder: Path) -> None:
    file = put(folder, "odd.py", NODE.format(name="Odd", doc="Odd.").replace("def tick()", "def tick(freq)"))
    (problem,) = Library().scan(folder)
    assert str(problem) == (
        f"{file}:6: DeclarationError: {user_package(folder)}.odd.Odd: tick takes 'freq', which is not declared; "
        "this file is left out"
    )


def test_the_first_of_a_name_stays(folder: Path) -> None:
    put(folder, "a/one.py", NODE.format(name="Same", doc="First."))
    two = put(folder, "b/two.py", NODE.format(name="Same", doc="Second."))
    library = Library()
    assert list(map(str, library.scan(folder))) == [
        f"{two}: the kind 'same' is there already, from {folder / 'a' / 'one.py'}; rename the class"
    ]
    assert library["same"].spec.doc == "First."


@pytest.mark.parametrize(
    "name, message",
    [
        ("Lambda", "class Lambda makes the kind 'lambda', which is a word of Python; choose another name"),
        ("Loop", "class Loop makes the kind 'loop', which is a verb of the REPL; choose another name"),
    ],
)
def test_a_kind_must_be_a_name(folder: Path, name: str, message: str) -> None:
    file = put(folder, "x.py", NODE.format(name=name, doc="X."))
    library = Library()
    assert list(map(str, library.scan(folder))) == [f"{file}: {message}"]
    assert len(library) == 0


def test_a_file_runs_again_only_when_it_has_changed(folder: Path) -> None:
    file = put(folder, "x.py", NODE.format(name="X", doc="Old."))
    library = Library()
    library.scan(folder)
    before = library["x"]
    library.scan(folder)
    assert library["x"] is before
    file.write_text(NODE.format(name="X", doc="New."))  # of the same size, and perhaps in the same second
    library.scan(folder)
    assert library.problems == []
    assert (before.spec.doc, library["x"].spec.doc) == ("Old.", "New.")


def test_a_file_that_breaks_while_it_is_edited_leaves_the_old_class(folder: Path) -> None:
    file = put(folder, "x.py", NODE.format(name="X", doc="Old."))
    library = Library()
    library.scan(folder)
    before = library["x"]
    file.write_text("x = (")
    assert len(library.scan(folder)) == 1
    assert library["x"] is before


def test_no_such_folder(tmp_path: Path) -> None:
    assert list(map(str, Library().scan(tmp_path / "no"))) == [
        f"{tmp_path / 'no'}: no such folder; expected one that holds node files"
    ]


def test_a_folder_that_is_not_trusted_is_read_but_not_run(folder: Path) -> None:
    put(folder, "big_wobble.py", "raise RuntimeError\nclass BigWobble(AudioNode): ...\nclass Plain: ...\n")
    put(folder, "broken.py", "x = (")
    library = Library()
    library.distrust(folder)
    assert (library.untrusted, len(library), library.problems) == ({"big_wobble": folder}, 0, [])


def test_imported_and_private_classes_are_not_kinds(folder: Path) -> None:
    put(folder, "x.py", NODE.format(name="_Base", doc="Not one.") + "\nfrom graphflow import ControlNode\n")
    library = Library()
    assert library.scan(folder) == []
    assert len(library) == 0


def test_the_nodes_that_come_with_graphflow() -> None:
    library = Library.builtin()
    assert library.problems == []
    assert library["sine"].__module__ == "graphflow.nodes.oscillators.sine"
    assert library["prompt_crossfade"].spec.room == "control"
    assert Library.builtin()["sine"] is library["sine"]


def test_classes_can_be_added_by_hand() -> None:
    class Mine(AudioNode):
        """Mine."""

        out = AudioOut()

        @staticmethod
        def tick() -> float:
            return 0.0

    assert list(Library(Mine)) == ["mine"]

"""A library renewed from files that were saved, came or went; the old one stays as it is."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.core.library import Library, module_name, user_package
from graphflow.core.renewal import NodeFile, renewed, without

NODE = '''from graphflow import AudioNode, AudioOut


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


def put(folder: Path, file: str, *kinds: str, doc: str = "It.") -> NodeFile:
    path = folder / file
    path.write_text("".join(NODE.format(name=kind, doc=doc) for kind in kinds))
    return NodeFile(path, module_name(folder, path, user_package(folder)))


def scanned(folder: Path) -> Library:
    library = Library()
    assert library.scan(folder) == []
    return library


def test_a_saved_file_brings_new_classes_and_leaves_the_old_library(folder: Path) -> None:
    one, two = put(folder, "one.py", "One"), put(folder, "two.py", "Two")
    library = scanned(folder)
    before = library["one"]
    put(folder, "one.py", "One", "More", doc="Anew.")
    renewal = renewed(library, [one, two], used=["one"])
    assert str(renewal) == "! one one.py\n! more one.py"
    assert renewal.library["one"].spec.doc == "Anew."
    assert renewal.library["two"] is library["two"]
    assert (library["one"], list(library)) == (before, ["one", "two"])


def test_a_file_that_says_what_it_said_is_nothing_new(folder: Path) -> None:
    one = put(folder, "one.py", "One")
    library = scanned(folder)
    put(folder, "one.py", "One")
    renewal = renewed(library, [one], used=["one"])
    assert not renewal
    assert str(renewal) == "nothing"


def test_a_file_that_fails_leaves_its_kinds_and_the_others_go_on(folder: Path) -> None:
    one, two = put(folder, "one.py", "One"), put(folder, "two.py", "Two")
    library = scanned(folder)
    one.file.write_text("x = 1\nx.y\n")
    put(folder, "two.py", "Two", doc="Anew.")
    renewal = renewed(library, [one, two], used=["one", "two"])
    assert str(renewal) == (
        f"! two two.py\n{one.file}:2: AttributeError: 'int' object has no attribute 'y'; what it held before plays on"
    )
    assert renewal.library["one"] is library["one"]


def test_a_file_can_be_asked_about_before_it_is_run(folder: Path) -> None:
    library = scanned(folder)
    one = put(folder, "one.py", "One")
    one.file.write_text("raise RuntimeError('it was run')\n")
    renewal = renewed(library, [one], (), lambda file: f"{file}: it crashed in a trial")
    assert list(map(str, renewal.problems)) == [f"{one.file}: it crashed in a trial; what it held before plays on"]
    assert not renewal


def test_what_no_file_holds_any_more_stays_while_it_is_used(folder: Path) -> None:
    one, two = put(folder, "one.py", "One", "Other"), put(folder, "two.py", "Two")
    library = scanned(folder)
    put(folder, "one.py", "One")
    two.file.unlink()
    renewal = renewed(library, [one, two], used=["two"])
    assert (renewal.kept, renewal.dropped) == ({"two": two.file}, {"other": one.file})
    assert list(renewal.library) == ["one", "two"]
    again = renewed(renewal.library, [two], used=[])
    assert again.dropped == {"two": two.file}


def test_a_file_that_is_given_another_name_takes_its_kinds_along(folder: Path) -> None:
    one = put(folder, "one.py", "One")
    library = scanned(folder)
    two = put(folder, "two.py", "One", doc="Moved.")
    one.file.unlink()
    renewal = renewed(library, [one, two], used=["one"])
    assert str(renewal) == "! one two.py"
    assert renewal.library["one"].spec.file == two.file


def test_a_kind_of_the_same_name_elsewhere_is_refused(folder: Path) -> None:
    one = put(folder, "one.py", "One")
    library = scanned(folder)
    two = put(folder, "two.py", "One")
    renewal = renewed(library, [two], used=["one"])
    assert list(map(str, renewal.problems)) == [
        f"{two.file}: the kind 'one' is there already, from {one.file}; rename the class"
    ]
    assert renewal.library["one"] is library["one"]


def test_kinds_can_be_taken_back(folder: Path) -> None:
    one = put(folder, "one.py", "One")
    library = scanned(folder)
    put(folder, "one.py", "One", "More", doc="Anew.")
    less = without(renewed(library, [one], used=["one"]), {"one", "more"}, library)
    assert not less
    assert list(less.library.values()) == [library["one"]]


def test_a_save_right_after_another_is_seen_though_the_clock_has_not_moved(folder: Path) -> None:
    one = put(folder, "one.py", "One", doc="A")
    library = scanned(folder)
    stamp = one.file.stat()
    put(folder, "one.py", "One", doc="B")
    os.utime(one.file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert renewed(library, [one], used=["one"]).library["one"].spec.doc == "B"


def test_the_text_that_the_compiler_reads_is_the_one_that_was_run(folder: Path) -> None:
    one = put(folder, "one.py", "One")
    tick = scanned(folder)["one"].__dict__["tick"].__func__
    one.file.write_text("x = (  # half saved")
    assert len(renewed(Library(), [one], ()).problems) == 1
    assert "return 0.0" in inspect.getsource(tick)

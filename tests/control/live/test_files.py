"""Saving, loading and what differs: nobody's work is lost."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.control.live import folder_lock
from graphflow.control.live.folder_lock import held
from graphflow.core.errors import UserError
from graphflow.core.library import Library
from tests.control.live.stages import LIBRARY, ONE, Trial

TYPED = """\
# the evening's patch
format = 1
title = "Evening"
wires = [
  "a -> out",  # straight
]

[nodes.out]
kind = "out"

[nodes.a]     # the tone
kind = "steady"
value = 0.125 # soft
"""


@pytest.fixture
def evening(trial, tmp_path):
    """A stage whose patch lies in a file."""
    path = tmp_path / "evening.toml"
    path.write_text(TYPED)
    made: Trial = trial(TYPED, folder=tmp_path, path=path)
    return made, path


def test_saving_what_was_not_changed_changes_no_byte(evening):
    t, path = evening
    assert t.does("save()") == "saved evening.toml"
    assert path.read_bytes() == TYPED.encode()
    assert t.does("diff()") == "nothing differs from the file"


def test_what_was_typed_is_written_as_a_person_would(evening):
    t, path = evening
    t.does("a.value = 0.5\nb = steady(value=-0.25)\nb >> out\nb.value << level(value=0.1)\ntempo = 90")
    assert t.does("diff()") == (
        "~ a.value = 0.5, was 0.125\n+ b = steady(value=-0.25)\n+ value_level = level(value=0.1)\n"
        "+ b -> out\n+ value_level -> b.value\n~ transport.tempo = 90, was None"
    )
    t.does("save()")
    assert (
        path.read_text()
        == """\
# the evening's patch
format = 1
title = "Evening"
wires = [
  "a -> out",  # straight
  "b -> out",
  "value_level -> b.value",
]

[nodes.out]
kind = "out"

[nodes.a]     # the tone
kind = "steady"
value = 0.5 # soft

[nodes.b]
kind = "steady"
value = -0.25

[nodes.value_level]
kind = "level"
value = 0.1

[transport]
tempo = 90.0
"""
    )


def test_what_controllers_left_is_saved_on_request(evening):
    t, path = evening
    t.session.set("a", "value", 0.75)
    assert t.does("diff()").splitlines() == [
        "nothing differs from the file",
        "~ a.value = 0.75, was 0.125 (left by controllers; save(all=True) writes it)",
    ]
    t.does("save()")
    assert path.read_text() == TYPED
    t.does("save(all=True)")
    assert path.read_text() == TYPED.replace("0.125", "0.75")
    t.does("save()")
    assert path.read_text() == TYPED.replace("0.125", "0.75")
    assert t.session.get("a", "value") == 0.75


def test_prompts_that_controllers_left_are_saved_on_request(evening):
    t, path = evening
    t.does("choir = band()")
    assert t.does("choir.prompts") == "[]"
    t.does("save()")
    t.session.prompt("choir", 1, "jazz", 0.5)
    assert t.does("diff()").splitlines() == [
        "nothing differs from the file",
        "~ choir.prompts = a list (left by controllers; save(all=True) writes it)",
    ]
    t.does("save(all=True)")
    assert 'prompts = ["", { text = "jazz", weight = 0.5 }]' in path.read_text()
    t.does("choir.prompts = ['blues']")
    assert t.session.prompts("choir")[0].text == "blues" and t.session.prompts("choir")[1].text == ""
    t.does("del choir.prompts")
    assert "prompts" not in t.values("choir") and t.session.with_values_left() == t.session.patch
    t.does("undo()")
    assert t.session.prompts("choir")[0].text == "blues"
    assert "choir.prompts is 3; expected text, or a list of texts" in t.fails("choir.prompts = 3")


def test_an_entry_that_fails_saves_nothing(evening):
    t, path = evening
    t.fails("a.value = 0.5\nsave()\na.value = 7")
    assert path.read_text() == TYPED
    t.fails("save('morning')\ndel out")
    assert not path.with_name("morning.toml").exists()


def test_saving_under_a_name(evening):
    t, path = evening
    t.does("a.value = 0.5\nsave('morning')")
    assert path.read_text() == TYPED
    morning = path.with_name("morning.toml")
    assert morning.read_text() == TYPED.replace("0.125", "0.5")
    t.does("a.value = 0.25\nsave()")  # from now on it is this file
    assert "0.25 # soft" in morning.read_text()
    assert t.fails("save('evening')") == 'cell 3: evening.toml is there already; save("evening", over=True) replaces it'
    t.does("save('evening', over=True)")
    assert path.read_text() == morning.read_text()
    assert t.fails("save('nowhere/x')").startswith("cell 5: x.toml cannot be saved: there is no folder ")


def test_a_patch_made_from_nothing_is_saved(trial, tmp_path):
    t = trial("", folder=tmp_path)
    t.does("a = steady(value=0.5)\nspeaker = new.out()\na >> speaker")
    t.does("save('first')")
    assert (tmp_path / "first.toml").read_text() == (
        'format = 1\nwires = [\n  "a -> speaker",\n]\n\n[nodes.a]\nkind = "steady"\nvalue = 0.5\n\n'
        '[nodes.speaker]\nkind = "out"\n'
    )


def test_what_somebody_else_changed_is_kept(evening):
    t, path = evening
    theirs = TYPED.replace("the evening's patch", "everybody's patch") + '\n[nodes.c]\nkind = "count"\n'
    path.write_text(theirs)
    assert t.does("a.value = 0.5\nsave()") == (
        "evening.toml was changed meanwhile; both changes are in it now\nsaved evening.toml"
    )
    assert path.read_text() == theirs.replace("0.125", "0.5")
    assert "c" in t.session.patch.nodes
    t.does("save()")
    assert path.read_text() == theirs.replace("0.125", "0.5")


def test_what_both_changed_is_not_saved_over(evening):
    t, path = evening
    theirs = TYPED.replace("0.125", "0.375")
    path.write_text(theirs)
    t.does("a.value = 0.5")
    assert t.fails("save()") == (
        "cell 2: evening.toml was changed meanwhile (nodes.a.value: the file has 0.375, live it was 0.5; "
        "the file counts); save under another name"
    )
    assert path.read_text() == theirs
    path.write_text("format = ")
    assert t.fails("save()").startswith("cell 3: evening.toml was changed meanwhile and is broken now (")
    path.unlink()
    t.does("save()")
    assert path.read_text() == TYPED.replace("0.125", "0.5")


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are POSIX's")
def test_a_file_keeps_its_mode_and_a_link_its_end(evening, tmp_path):
    t, path = evening
    path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    t.stage.files.path = link
    t.does("a.value = 0.5\nsave()")
    assert link.is_symlink()
    assert "0.5 # soft" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_file_that_is_read_only_is_left_as_it_is(evening):
    t, path = evening
    path.chmod(0o444)
    refusal = "evening.toml is read-only; save under another name, or make it writable first"
    assert t.fails("a.value = 0.5\nsave()") == f"cell 1, line 2: {refusal}"
    assert path.read_text() == TYPED
    t.does("a.value = 0.5\nsave('morning')")
    assert t.fails("save('evening', over=True)") == f"cell 3: {refusal}"
    path.chmod(0o644)
    t.does("save('evening', over=True)")
    assert "0.5 # soft" in path.read_text()


def test_an_entry_whose_file_cannot_be_written_changes_nothing(evening, monkeypatch):
    t, path = evening
    t.does("a.value = 0.25")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = t.fails("undo()\na.value = 0.5\nb = steady()\nsave()\ntempo = 90")
    assert line == f"cell 2: evening.toml cannot be written in {path.parent} (No space left on device)"
    assert "b" not in t.session._parts.instances
    assert t.session.get("a", "value") == 0.25
    monkeypatch.undo()
    assert path.read_text() == TYPED
    assert [file.name for file in path.parent.iterdir()] == ["evening.toml"]
    assert t.does("diff()") == "~ a.value = 0.25, was 0.125"
    assert t.does("undo()") == "~ a.value = 0.125, was 0.25"


def test_an_entry_whose_file_cannot_be_put_in_place_changes_nothing(evening, monkeypatch):
    t, path = evening

    def refused(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refused)
    line = t.fails("a.value = 0.5\nb = steady()\nsave()")
    assert line == f"cell 1: evening.toml cannot be written in {path.parent} (Operation not permitted)"
    assert "b" not in t.session._parts.instances
    assert t.stage.files.text == TYPED
    assert [file.name for file in path.parent.iterdir()] == ["evening.toml"]


def test_an_entry_that_cannot_play_leaves_its_file_as_it_was(evening):
    t, path = evening
    t.fails("a.value = 0.5\nundo_me = steady()\nsave()\na >> a")
    assert path.read_text() == TYPED
    assert [file.name for file in path.parent.iterdir()] == ["evening.toml"]


def test_a_file_gets_what_was_meant_where_save_is_said(evening):
    t, path = evening
    t.does("a.value = 0.5\nsave()\na.value = 0.75\nsave('later')\na.value = 1.0")
    assert path.read_text() == TYPED.replace("0.125", "0.5")
    assert path.with_name("later.toml").read_text() == TYPED.replace("0.125", "0.75")
    assert t.values("a") == {"value": 1.0}
    assert t.does("diff()") == "~ a.value = 1, was 0.75"
    t.does("save()\na.value = 0.25\nsave()")
    assert path.with_name("later.toml").read_text() == TYPED.replace("0.125", "0.25")
    t.does("def make():\n    global c\n    c = steady()\nmake()\nsave()")
    assert "[nodes.c]" in path.with_name("later.toml").read_text()


def test_an_entry_that_loads_saves_into_what_it_has_loaded(evening):
    t, path = evening
    other = path.with_name("other.toml")
    other.write_text(ONE)
    t.does("load('other')\na.value = 0.5\nsave()")
    assert path.read_text() == TYPED
    assert "value = 0.5" in other.read_text()
    t.does("load('evening')\nload('other')\nundo_this = steady()\nsave()\nload()\na.value = 0.25")
    assert "undo_this" in t.session.patch.nodes
    assert path.read_text() == TYPED


def test_what_another_program_saves_at_the_same_moment_is_not_lost(evening, monkeypatch):
    t, path = evening
    theirs = TYPED.replace("soft", "loud")
    sync = os.fsync

    def meanwhile(descriptor: int) -> None:
        sync(descriptor)
        path.write_text(theirs)

    monkeypatch.setattr(os, "fsync", meanwhile)
    line = (
        "evening.toml was saved by another program at this moment; nothing has changed here: enter it again, "
        "and both changes are brought together"
    )
    assert t.fails("a.value = 0.5\nsave()") == f"cell 1: {line}"
    assert path.read_text() == theirs
    with pytest.raises(UserError, match="at this moment"):
        t.stage.files.save(path.with_name("new.toml"), t.session.patch, TYPED)
    monkeypatch.undo()
    t.does("a.value = 0.5\nsave()")
    assert path.read_text() == theirs.replace("0.125", "0.5")


@pytest.mark.skipif(sys.platform == "win32", reason="the lock is POSIX's")
def test_two_programs_take_turns(evening, monkeypatch):
    t, path = evening
    monkeypatch.setattr(folder_lock, "WAIT", 0.02)
    with held(path.parent):
        line = t.fails("a.value = 0.5\nsave()")
        assert line == "cell 1: evening.toml is being saved by another program; enter it again"
    t.does("a.value = 0.5\nsave()")
    assert path.read_text() == TYPED.replace("0.125", "0.5")


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_written_is_told(evening, tmp_path):
    t, _ = evening
    tmp_path.chmod(0o500)
    outcome = t.stage.run("a.value = 0.5\nsave()")
    tmp_path.chmod(0o700)
    assert not outcome.ok
    assert "cannot be written" in outcome.text


def test_loading_without_a_name_goes_back_to_what_the_file_says(evening):
    t, path = evening
    t.does("a.value = 0.5\nb = steady()\nb >> out")
    assert t.does("load()") == "Evening plays"
    assert t.wires == ["a -> out"]
    assert t.session.get("a", "value") == 0.125
    assert t.does("diff()") == "nothing differs from the file"
    path.unlink()
    assert t.fails("load()") == f"cell 4: evening.toml: no such file in {path.parent}"


def test_loading_goes_over_to_another_patch(evening):
    t, path = evening
    other = ONE.replace('"steady"', '"steady"\nvalue = 0.5').replace("format = 1", 'format = 1\ntitle = "Other"')
    path.with_name("other.toml").write_text(other)
    instance = t.session._parts.instances["a"]
    t.session.set("a", "value", -1.0)
    assert t.does("load('other')") == "Other plays"
    assert t.session._parts.instances["a"] is instance
    assert t.session.get("a", "value") == 0.5
    t.does("a.value = 0.25\nsave()")
    assert "value = 0.25" in path.with_name("other.toml").read_text()
    path.with_name("broken.toml").write_text('format = 1\nwires = ["a -> b"]\n')
    assert t.fails("load('broken')").startswith('cell 3: wires: "a -> b": no node is called')
    path.with_name("torn.toml").write_text("format = 1\nwires = [")
    assert t.fails("load('torn')").startswith("cell 4: torn.toml, end of document: not TOML")
    t.does("undo(2)")
    assert t.values("a") == {"value": 0.125}


PLAYER = """
format = 1
title = "{title}"
wires = ["drum -> out", "a -> out"]
[nodes.drum]
kind = "player"
file = "drum.wav"
loop = true
[nodes.a]
kind = "steady"
[nodes.out]
kind = "out"
"""


@pytest.fixture
def two_folders(trial, tmp_path):
    """A stage whose patch lies in `one`; in `two` lies another, with a sound of the same name."""
    for name, value in (("one", 0.25), ("two", 0.5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "patch.toml").write_text(PLAYER.format(title=name))
        soundfile.write(tmp_path / name / "drum.wav", np.full(48_000, value, np.float32), 48_000, subtype="FLOAT")
    text = (tmp_path / "one" / "patch.toml").read_text()
    library = Library(*LIBRARY.values(), Library.builtin()["player"])
    made: Trial = trial(text, folder=tmp_path / "one", path=tmp_path / "one" / "patch.toml", library=library)
    return made, tmp_path


def level(t: Trial) -> float:
    return round(float(t.hear(9600)[-1, 0]), 3)


def test_the_folder_follows_the_patch_that_is_loaded(two_folders):
    t, tmp_path = two_folders
    session, steady = t.session, t.session._parts.instances["a"]
    first = level(t)
    t.does("load('../two/patch')")
    assert session.folder == tmp_path / "two"
    assert session._flow._control.folder == tmp_path / "two"
    assert level(t) == round(first + 0.25, 3)  # the other drum
    assert session._parts.instances["a"] is steady
    t.does("a.value = 0.125\nsave()\nsave('more')")
    assert (tmp_path / "two" / "more.toml").exists()
    assert "0.125" in (tmp_path / "two" / "patch.toml").read_text()
    t.does("undo()")
    t.does("undo()")
    assert session.folder == t.stage.files.folder == tmp_path / "one"
    assert t.stage.files.path == tmp_path / "one" / "patch.toml"
    assert level(t) == first
    t.does("a.value = -0.125\nsave()")
    assert "-0.125" in (tmp_path / "one" / "patch.toml").read_text()
    assert "-0.125" not in (tmp_path / "two" / "patch.toml").read_text()


def test_a_step_back_from_elsewhere_leads_to_the_former_file_too(two_folders):
    t, tmp_path = two_folders
    t.does("load('../two/patch')")
    t.session.play(t.session.history.back(t.session.patch), step="back")
    assert t.stage.files.path == tmp_path / "one" / "patch.toml"
    assert t.session.folder == t.stage.files.folder == tmp_path / "one"
    t.does("redo()\na.value = 0.125\nsave()")
    assert t.session.folder == tmp_path / "two"
    assert "0.125" in (tmp_path / "two" / "patch.toml").read_text()


def test_a_patch_elsewhere_that_cannot_play_changes_no_folder(two_folders):
    t, tmp_path = two_folders
    (tmp_path / "two" / "drum.wav").unlink()
    assert t.fails("load('../two/patch')") == (f"cell 1: drum.file is 'drum.wav'; no such file in {tmp_path / 'two'}")
    assert t.session.folder == t.session._parts.folder == t.stage.files.folder == tmp_path / "one"
    assert t.stage.files.path == tmp_path / "one" / "patch.toml"

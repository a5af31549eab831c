"""Takes: what is written while it plays, played again, is the same sound to the bit."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import performer
import pytest
import soundfile
from performer import LIBRARY, PATCH, Performer, Sound, Stage, played_again, same

from graphflow.audio.layout import ENGINE
from graphflow.core.errors import UserError
from graphflow.core.library import Library
from graphflow.core.patch_text import read_data
from graphflow.session import take, take_changes
from graphflow.session.replay import Replay
from graphflow.session.session import Session
from graphflow.session.take_writer import record

BLOCKS = (128, 128, 128, 64, 333, 1500)


def performed(folder: Path, seed: int, acts: int = 80) -> tuple[Stage, Sound]:
    """A set of random acts, and what was heard of it."""
    stage = Stage(folder)
    somebody = Performer(stage.session, seed)
    for _ in range(acts):
        somebody.act()
        stage.block = somebody.dice.choice(BLOCKS)
        stage.run(somebody.dice.randrange(2000), look=somebody.dice.random() < 0.8)
    stage.session.hush(False)
    stage.run(20_000)
    return stage, stage.close()


def own_sound(folder: Path) -> Sound:
    return np.ascontiguousarray(soundfile.read(folder / take.AUDIO, dtype="float32", always_2d=True)[0])


def events(folder: Path, what: str) -> list[dict[str, Any]]:
    return [event for event in take.read_events(folder) if next(iter(event)) == what]


@pytest.mark.parametrize("seed", range(4))
def test_a_performance_is_repeated_to_the_bit(tmp_path: Path, seed: int):
    stage, heard = performed(tmp_path / "take", seed)
    said: list[str] = []
    assert same(own_sound(tmp_path / "take"), heard) == ""
    assert same(played_again(tmp_path / "take", report=said.append), heard) == ""
    assert said == []
    assert stage.session.engine.statistics().clipped == 0  # else half of it could be anything
    assert len(events(tmp_path / "take", "plan")) > 30


def test_a_replay_that_is_a_frame_off_is_not_the_same(tmp_path: Path):
    """The proof by which the others stand."""
    _, heard = performed(tmp_path / "take", 1)
    file = tmp_path / "take" / take.EVENTS
    lines = file.read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith('{"set":"hall') and n > len(lines) // 2)
    event = json.loads(lines[at])
    lines[at] = json.dumps({**event, "value": event["value"] + 0.001}) + "\n"
    file.write_text("".join(lines))
    assert same(played_again(tmp_path / "take"), heard).startswith("differ from frame")


def test_what_was_meant_is_there_to_read(tmp_path: Path):
    stage, _ = performed(tmp_path / "take", 2)
    data: dict[str, Any] = {}
    wires: list[str] = []
    for event in events(tmp_path / "take", "patch"):
        data = take_changes.tree_changed(data, event["patch"])
        wires = take_changes.changed(wires, event["wires"])
    patch, problems = read_data({**data, "wires": wires})
    assert not problems
    assert patch == stage.session.patch
    assert (tmp_path / "take" / take.PATCH).read_text() == PATCH
    controls = events(tmp_path / "take", "control")
    assert {event["control"] for event in controls} == {"knob.value"}


def test_an_edit_is_noted_where_it_was_taken_and_not_where_it_was_asked_for(tmp_path: Path):
    stage = Stage(tmp_path / "take")
    stage.run(1000)
    stage.session.play(stage.session.patch.without_node("tick"), at=5000, fade=0.0)
    stage.run(1000)
    stage.session.play(stage.session.patch.without_node("hiss"), at=3000, fade=0.0)  # merged: one edit, at 5000
    stage.run(5000)
    stage.session.set("hall", "mix", 0.9, frame=7777)
    stage.session.set("hall", "mix", 0.1, frame=100)  # too late: now
    stage.run(2000)
    heard = stage.close()
    plans = events(tmp_path / "take", "plan")
    assert [plan["frame"] for plan in plans] == [0, 5000]
    assert plans[1]["edit"]["begun"] == 2000
    assert len(plans[1]["edit"]["instances"]["gone"]) == 2
    mixes = [event for event in events(tmp_path / "take", "set") if event["set"].endswith(".mix")]
    assert [(event["value"], event["frame"]) for event in mixes] == [(0.1, 7000), (0.9, 7777)]
    assert same(played_again(tmp_path / "take"), heard) == ""


def test_a_tail_ends_where_it_ended(tmp_path: Path):
    stage = Stage(tmp_path / "take")
    stage.run(9600)
    stage.session.play(stage.session.patch.without_node("echo").with_wires("bend -> hall"), fade=20.0)
    stage.run(48_000, look=False)  # nobody looks: it rings on longer than it would
    assert len(stage.session.engine.rings) == 1
    stage.run(48_000 * 8)
    assert stage.session.engine.rings == ()
    heard = stage.close()
    assert len(events(tmp_path / "take", "plan")) == 5  # the start, the edit and its end, the tail's end and its end
    assert same(played_again(tmp_path / "take"), heard) == ""


@pytest.mark.parametrize("part", [0.4, 0.7, 0.95])
def test_a_take_that_was_cut_off_is_played_up_to_there(tmp_path: Path, part: float):
    """As kill -9 leaves it, and worse: in the middle of a line."""
    _, heard = performed(tmp_path / "take", 3)
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "take", cut)
    text = (cut / take.EVENTS).read_bytes()
    (cut / take.EVENTS).write_bytes(text[: int(part * len(text))])
    last = [event["frame"] for event in take.read_events(cut) if next(iter(event)) in ("piece", "set", "gain")][-1]
    soundfile.write(cut / take.AUDIO, own_sound(cut)[:last], 48_000, subtype="FLOAT")
    again = played_again(cut)
    assert len(again) == last
    assert same(again, np.ascontiguousarray(heard[:last])) == ""


def test_it_is_on_disk_while_it_plays(tmp_path: Path):
    """What a process that is killed leaves is what was written by then: events first, then sound."""
    stage = Stage(tmp_path / "take")
    stage.run(9600)
    assert stage.writer is not None
    performer.wait_until(lambda: stage.writer.statistics().frames == 9600, 10.0, "a write")
    left = tmp_path / "left"
    shutil.copytree(tmp_path / "take", left)
    heard = stage.close()
    assert same(played_again(left), heard) == ""


def test_a_folder_in_use_is_refused_in_one_line(tmp_path: Path):
    (tmp_path / "take").mkdir()
    stage = Stage(tmp_path / "take")  # an empty one will do
    stage.run(128)
    stage.close()
    with pytest.raises(UserError, match=r"take is there already, with something in it; name a new folder$"):
        Stage(tmp_path / "take")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file: it cannot be written \(File exists\)"):
        Stage(tmp_path / "file")
    with pytest.raises(UserError, match=r"no take; expected a folder that --record has made"):
        Replay(tmp_path, LIBRARY)


def test_it_begins_before_the_first_sound_or_not_at_all(tmp_path: Path):
    stage = Stage(None)
    stage.run(128)
    with pytest.raises(UserError, match="a take begins before the first sound"):
        record(stage.session, tmp_path / "take")
    stage.close()


@pytest.mark.skipif(os.name == "nt", reason="a limit on the size of files stands for a full disk; POSIX only")
def test_a_full_disk_ends_the_recording_and_not_the_music(tmp_path: Path):
    import resource

    stage = Stage(tmp_path / "take")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert stage.writer is not None
        stage.run(4800)
        performer.wait_until(lambda: stage.writer.statistics().frames == 4800, 10.0, "a write")
        stage.run(19_200)
        performer.wait_until(lambda: bool(stage.writer.trouble), 10.0, "the end of the recording")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    stage.session.set("hall", "mix", 0.5)
    stage.run(24_000)
    assert not stage.writer._left  # or it would grow for as long as the music goes on
    heard = stage.close()
    assert np.abs(heard[-1000:]).max() > 0.001
    told = [line for line in stage.lines if "recording has ended" in line]
    assert len(told) == 1
    assert told[0].endswith("; the music goes on")
    again = played_again(tmp_path / "take")  # up to there it is a take
    assert 0 < len(again) < 24_000
    assert same(again, np.ascontiguousarray(heard[: len(again)])) == ""


def test_without_a_recording_nothing_is_noted_and_the_plan_is_the_same(tmp_path: Path):
    plain, recorded = Stage(None), Stage(tmp_path / "take")
    for stage in (plain, recorded):
        stage.run(500)
        stage.session.play(stage.session.patch.without_node("tick"))
        stage.session.set("hall", "mix", 0.5)
        stage.run(2000)
    words, others = (stage.session.engine._words for stage in (plain, recorded))
    assert str(plain.session.engine) == str(recorded.session.engine)
    assert words[ENGINE.QUEUE_WRITTEN] == others[ENGINE.QUEUE_WRITTEN]
    assert not words[[ENGINE.JOURNAL, ENGINE.JOURNAL_WRITTEN, ENGINE.JOURNAL_LOST, ENGINE.TAPE, ENGINE.HEARD]].any()
    assert others[ENGINE.JOURNAL_WRITTEN] > 0
    assert same(plain.close(), recorded.close()) == ""


def test_a_slow_disk_loses_sound_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("graphflow.session.take_writer.SECONDS", 0.1)
    monkeypatch.setattr("graphflow.session.take_writer.EVERY", 3600.0)
    stage = Stage(tmp_path / "take")
    stage.run(9600)
    heard = stage.close()
    replay = Replay(tmp_path / "take", LIBRARY)
    kept = len(own_sound(tmp_path / "take"))
    assert replay.lost[0] == (kept, 128)
    assert kept + sum(frames for _, frames in replay.lost) == replay.frames == 9600
    again = np.concatenate(list(replay.blocks()))
    replay.close()
    assert same(again, heard) == ""


def test_what_the_sound_card_hears_is_kept_too(tmp_path: Path):
    text = PATCH.replace('"hiss -> bend', '"ear -> hall", "hiss -> bend') + '[nodes.ear]\nkind = "input"\n'
    patch = performer.read(text)[0]
    session = Session(LIBRARY)
    record(session, tmp_path / "take", text, inputs=1)
    session.engine.channels(1, 2)
    session.play(patch, fade=0.0)
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, (200, 128, 1)).astype(np.float32)
    heard = np.concatenate([session.engine.run(128, block) for block in noise])
    session.close()
    assert same(played_again(tmp_path / "take"), heard) == ""
    soundfile.write(tmp_path / "take" / take.HEARD, np.zeros((25_600, 2)), 48_000, subtype="FLOAT")
    assert same(played_again(tmp_path / "take"), heard) != ""


NODE = '''
from graphflow import AudioNode, AudioOut, State
class Mine(AudioNode):
    """A ramp that falls back."""
    at = State()
    out = AudioOut("It.")
    @staticmethod
    def tick(at: float) -> tuple[float, float]:
        return at * 0.25, (at + 0.01) % 1.0
'''


def test_node_files_go_with_it_in_every_version(tmp_path: Path):
    """Saved again while it plays; on the other machine neither is there, and somebody has to trust the take's own."""
    (tmp_path / "nodes").mkdir()
    file = tmp_path / "nodes" / "mine.py"
    text = 'format = 1\nwires = ["m -> out"]\n[nodes.m]\nkind = "mine"\n[nodes.out]\nkind = "output"\n'
    file.write_text(NODE)
    first = Library.builtin()
    first.scan(file.parent)
    stage = Stage(tmp_path / "take", text, library=first)
    stage.run(5000)
    file.write_text(NODE.replace("0.01", "0.02"))
    second = Library.builtin()
    second.scan(file.parent)
    stage.session.play(stage.session.patch, library=second)
    stage.run(5000)
    heard = stage.close()
    assert len(list((tmp_path / "take" / take.NODES).iterdir())) == 2
    elsewhere = Library.builtin()
    with pytest.raises(UserError, match=r"is a program that came with the take; look at it, then: graphflow trust "):
        played_again(tmp_path / "take", library=elsewhere)
    assert same(played_again(tmp_path / "take", library=elsewhere, trusted=True), heard) == ""
    with pytest.raises(UserError, match="came with the take"):  # the first version is nowhere else any more
        played_again(tmp_path / "take", library=second)
    shutil.rmtree(tmp_path / "take" / take.NODES)
    with pytest.raises(UserError, match="the file of 'mine' is missing; the take cannot be played without it"):
        played_again(tmp_path / "take", library=elsewhere, trusted=True)


def test_a_sound_file_that_has_changed_is_told(tmp_path: Path):
    tone = np.random.default_rng(1).uniform(-0.5, 0.5, (9600, 1)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", tone, 48_000, subtype="FLOAT")
    text = (
        'format = 1\nwires = ["p -> out"]\n[nodes.p]\nkind = "player"\nfile = "a.wav"\n[nodes.out]\nkind = "output"\n'
    )
    session = Session(LIBRARY, folder=tmp_path)
    record(session, tmp_path / "take", text)
    session.play(performer.read(text)[0], fade=0.0)
    heard = np.concatenate([session.engine.run(128) for _ in range(50)])
    session.close()
    assert heard.any()
    said: list[str] = []
    assert same(played_again(tmp_path / "take", report=said.append), heard) == ""
    assert said == []
    soundfile.write(tmp_path / "a.wav", tone[::-1] * 0.5, 48_000, subtype="FLOAT")
    played_again(tmp_path / "take", report=said.append)
    assert said == ["nodes.p.file is 'a.wav', which has changed since the take"]
    (tmp_path / "a.wav").unlink()
    with pytest.raises(UserError, match=r"nodes\.p\.file is 'a\.wav'; no such file in "):
        played_again(tmp_path / "take")


def test_a_take_with_holes_is_played_as_far_as_it_goes(tmp_path: Path):
    """Where more happened at once than could be noted."""
    _, heard = performed(tmp_path / "take", 4)
    file = tmp_path / "take" / take.EVENTS
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    kept = [event for n, event in enumerate(lines) if "edit" in event or "new" in event or "kind" in event or n % 3]
    file.write_text("".join(json.dumps(event) + "\n" for event in kept))
    assert len(played_again(tmp_path / "take")) == len(heard)


def test_lists_and_tables_as_what_changed():
    old, new = [1, 2, 3, 4], [1, 5, 3, 4, 6]
    change = take_changes.changes(old, new)
    assert change == {"gone": [1], "come": [[1, 5], [4, 6]]}
    assert take_changes.changed(old, change) == new
    assert take_changes.changes(old, [2, 1]) == {"all": [2, 1]}
    assert take_changes.changes([1], [1, 1]) == {"all": [1, 1]}
    assert take_changes.changes(old, old) == {}
    links = [("a", 1), ("b", 2)]
    again = json.loads(json.dumps(take_changes.changes([], links)))
    assert take_changes.changed([], again) == [list(link) for link in links]
    tree = take_changes.tree_changes({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}, "e": {"f": 4}})
    assert tree == {"d": None, "a": {"c": None}, "e": {"f": 4}}
    assert take_changes.tree_changed({"a": {"b": 1, "c": 2}, "d": 3}, tree) == {"a": {"b": 1}, "e": {"f": 4}}


def test_states_as_what_changed():
    old = {"params": {"a": 1.0, "b": None}, "style": {"parts": [1]}, "tempo": 1}
    new = {"params": {"a": 1.0, "b": 2.0}, "style": {"parts": []}, "tempo": None}
    change = take_changes.state_changes(old, new)
    assert change == {"also": {"params": {"b": 2.0}, "style": {"parts": []}, "tempo": None}}
    assert json.dumps(take_changes.state_changed(old, change)) == json.dumps(new)
    assert take_changes.state_changes(old, old) == {"also": {}}
    assert take_changes.state_changes(None, old) == {"state": old}
    less = {"params": {"a": 1.0}, "style": {"parts": [1]}, "tempo": 1}
    assert take_changes.state_changes(old, less) == {"state": less}
    assert take_changes.state_changed(old, {"state": less}) == less
    assert take_changes.state_changes({"a": 1}, {"a": True}) == {"also": {"a": True}}

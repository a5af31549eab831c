"""What the callback notes for a recorder."""

from __future__ import annotations

import numpy as np
import pytest
from small_nodes import Level, Rig, Scale, Tone

from graphflow.audio.edits import Edit
from graphflow.audio.engine import Engine
from graphflow.audio.instance import Instance
from graphflow.audio.journal import PLENTY, SIZE, Journal, Noted, numbers
from graphflow.audio.layout import ENGINE
from graphflow.audio.ring import FADE, Ring, Word
from graphflow.core.plan import DEVICE, Link
from graphflow.session.replay_out import Replayed


class Asked:
    """A diary."""

    def __init__(self) -> None:
        self.edits: list[tuple[int, int, int]] = []
        self.commands: list[tuple[int, str, str, float, int]] = []

    def edit(self, edit: Edit, now: int, number: int) -> None:
        self.edits.append((number, now, edit.fade_frames))

    def command(self, number: int, instance: Instance, param: str, value: float, glide: int) -> None:
        self.commands.append((number, instance.name, param, value, glide))


def recorded(engine: Engine) -> tuple[Asked, Journal, Ring]:
    asked, tape = Asked(), Ring.local(2, 1 << 15)
    return asked, engine.record(asked, tape), tape


def notes(journal: Journal, *kinds: Noted) -> list[tuple[int, ...]]:
    """(kind, frame, first word) of each."""
    return [tuple(map(int, row[:3])) for row in journal.taken() if not kinds or row[0] in kinds]


def test_plans_and_commands_on_the_frame_where_they_were_taken() -> None:
    rig = Rig(block=100)
    asked, journal, _ = recorded(rig.engine)
    rig.play({"tone": Tone}, ["tone.out -> device.out"], fade=50)
    rig.run(200)
    rig.play({"tone": Tone, "scale": Scale}, ["tone.out -> scale.input", "scale.out -> device.out"], fade=50, at=330)
    tone = rig.instances["tone"]
    assert rig.engine.set(tone, "freq", 50.0, frame=375)
    assert rig.engine.set(tone, "freq", 60.0, frame=10)
    assert rig.engine.set(tone, "freq", 70.0)
    rig.run(400)
    # the last command was for now and so came first, then the one that was late; the clean plan comes a block later
    assert notes(journal, Noted.PLAN, Noted.SET) == [
        (Noted.PLAN, 0, 1), (Noted.SET, 200, 3), (Noted.SET, 200, 2), (Noted.PLAN, 330, 2), (Noted.SET, 375, 1),
        (Noted.PLAN, 400, 3),
    ]  # fmt: skip
    assert asked.edits == [(1, 0, 0), (2, 200, 50)]  # before the first block there is nothing to fade from
    assert asked.commands[0] == (1, "tone", "freq", 50.0, 960)


def test_a_command_for_nobody_is_noted_as_lost() -> None:
    rig = Rig()
    _, journal, _ = recorded(rig.engine)
    rig.play({"tone": Tone}, ["tone.out -> device.out"])
    rig.run(128)
    rig.engine.set(rig.instances["tone"], "freq", 50.0, frame=300)
    rig.play({"level": Level}, ["level.out -> device.out"])
    rig.run(512)
    sets = [row for row in journal.taken() if row[0] == Noted.SET]
    assert [(int(row[1]), int(row[3])) for row in sets] == [(300, 0)]


def test_how_long_pieces_are_and_only_where_that_changes() -> None:
    rig = Rig()
    _, journal, _ = recorded(rig.engine)
    rig.play({"tone": Tone}, ["tone.out -> device.out"])
    rig.run(256)
    rig.run(1500, block=1500)
    rig.engine.set(rig.instances["tone"], "freq", 50.0, frame=1800)
    rig.run(256)
    pieces = [(0, 128), (256, 1024), (1280, 476), (1756, 44), (1800, 84), (1884, 128)]
    assert [note[1:] for note in notes(journal, Noted.PIECE)] == pieces


def test_the_gain_as_it_is_played() -> None:
    rig = Rig()
    _, journal, _ = recorded(rig.engine)
    rig.run(256)
    rig.engine.fade(0.0, 0.1)
    rig.run(256)
    rig.engine.silence()
    rig.engine.fade(0.5, 0.01)
    rig.run(128)
    gains = [(int(row[1]), *numbers(row)) for row in journal.taken() if row[0] == Noted.GAIN]
    assert [gain[0] for gain in gains] == [0, 256, 512]
    assert [gain[1:3] for gain in gains] == [(1.0, 1.0), (1.0, 0.0), (0.0, 0.5)]
    assert gains[1][3] == pytest.approx(1.0 / 4800)


def test_what_a_reader_sees_of_a_ring_and_only_where_it_matters() -> None:
    engine = Engine()
    _, journal, _ = recorded(engine)
    ring = Ring.local(2, 4096)
    band = engine.make("band", Replayed.spec, {})
    band.ring = ring.words
    ring.words[[Word.JOURNAL, Word.OWNER]] = engine.userdata, band.generation
    engine.play([band], [Link(band.key, "out", DEVICE, "out")])

    def run(blocks: int) -> list[list[int]]:
        for _ in range(blocks):
            engine.run(128)
        return [list(map(int, row[1:6])) for row in journal.taken() if row[0] == Noted.RING]

    assert run(4) == []
    ring.restart(600)
    assert run(1) == [[512, band.generation, 1, 600, 600]]
    ring.write(np.ones((2, 1000), np.float32))
    assert run(2) == [[640, band.generation, 1, 600, PLENTY]]
    ring.write(np.ones((2, 100), np.float32))
    assert run(4) == []
    assert run(2) == [[1536, band.generation, 1, 600, 1700]]  # its end is less than a fade after the block's
    assert 1536 + 128 + FADE > 1700
    ring.write(np.ones((2, 2000), np.float32))
    assert run(2) == [[1664, band.generation, 1, 600, PLENTY]]


def test_who_is_too_slow_loses_notes_and_knows_how_many() -> None:
    rig = Rig()
    _, journal, tape = recorded(rig.engine)
    for n in range(SIZE // 2 + 50):
        rig.engine.run(2 + 2 * (n % 2))
        rig.engine.run(3)
        tape.words[Word.READ] = tape.written
    assert len(journal.taken()) == SIZE
    assert journal.lost == 100 + 1  # with the gain at the start
    assert rig.engine.statistics().frame > SIZE


def test_the_tape_is_what_the_device_gets_whatever_it_has() -> None:
    rig = Rig()
    rig.engine.channels(0, 1)
    _, _, tape = recorded(rig.engine)
    rig.play({"tone": Tone}, ["tone.out -> device.out"])
    heard = np.concatenate([rig.engine.run(128) for _ in range(20)])[:, 0]
    taken = tape.frames(0, tape.written)
    assert tape.written == 20 * 128
    np.testing.assert_array_equal(0.5 * (taken[0] + taken[1]), heard)
    rig.engine.record_no_more()
    rig.engine.run(128)
    assert tape.written == 20 * 128
    assert not rig.engine._words[[ENGINE.JOURNAL, ENGINE.TAPE]].any()


def test_a_tape_that_is_full_loses_whole_pieces_and_says_which() -> None:
    rig = Rig()
    asked, tape = Asked(), Ring.local(2, 1024)
    journal = rig.engine.record(asked, tape)
    rig.run(1500, block=300)
    lost = notes(journal, Noted.OUT_LOST)
    assert lost == [(Noted.OUT_LOST, 900, 300), (Noted.OUT_LOST, 1200, 300)]
    assert (tape.written, tape.underruns) == (900, 600)
    tape.words[Word.READ] = 300
    rig.run(300, block=300)
    assert tape.written == 1200

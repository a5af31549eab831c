"""Clocks: made even when followed, given on the patch's beats."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from graphflow.control.midi.clock import TICKS, ClockIn, ClockOut, Follower
from graphflow.core.midi import Midi
from graphflow.session.transport import Transport

RATE = 48_000


def ticking(clock: ClockIn, tempo: float, seconds: float, *, begin: float = 0.0, jitter: float = 0.0) -> float:
    """Ticks of a tempo, each up to `jitter` late; returns when the next one would come."""
    chance, period, at = random.Random(7), 60.0 / tempo / TICKS, begin
    for _ in range(round(seconds / period)):
        clock.hear(Midi("clock"), at + chance.uniform(0.0, jitter))
        at += period
    return at


@pytest.mark.parametrize("tempo", [30.0, 84.0, 120.0, 174.3, 300.0])
def test_a_tempo_is_known_soon_and_exactly(tempo: float) -> None:
    clock = ClockIn()
    ticking(clock, tempo, 2.0)
    assert clock.settled
    assert clock.tempo == pytest.approx(tempo, rel=1e-6)


def test_jitter_is_smoothed_away() -> None:
    clock = ClockIn()
    clock.hear(Midi("start"), 0.0)
    end = ticking(clock, 120.0, 8.0, jitter=0.003)
    tempos, phases = [], []
    for second in range(8):
        chance = random.Random(second)
        for _ in range(48):
            clock.hear(Midi("clock"), end + chance.uniform(0.0, 0.003))
            assert clock.beat is not None
            tempos.append(clock.tempo)
            phases.append(clock.at - 0.0015 - clock.beat * 0.5)
            end += 0.5 / TICKS
    assert max(abs(tempo - 120.0) for tempo in tempos) < 0.12
    assert max(map(abs, phases)) < 0.0005  # s; each tick alone is up to 1.5 ms off


def test_another_tempo_is_followed_within_a_beat_or_two() -> None:
    clock = ClockIn()
    end = ticking(clock, 120.0, 6.0)
    end = ticking(clock, 140.0, 60.0 / 140.0 * 4, begin=end)
    assert clock.tempo == pytest.approx(140.0, rel=0.02)
    end = ticking(clock, 60.0, 4.0, begin=end)
    assert clock.tempo == pytest.approx(60.0, rel=0.01)


def test_start_stop_continue_and_position() -> None:
    clock = ClockIn()
    assert (clock.running, clock.beat) == (None, None)
    ticking(clock, 120.0, 1.0)
    assert clock.beat is None  # nobody has said where it begins
    clock.hear(Midi("start"), 1.0)
    clock.hear(Midi("clock"), 1.0)
    assert (clock.running, clock.beat) == (True, 0.0)  # the first tick after a start is the beginning
    end = ticking(clock, 120.0, 1.0, begin=1.0 + 0.5 / TICKS)
    assert clock.beat == pytest.approx(2.0)
    clock.hear(Midi("stop"), end)
    end = ticking(clock, 120.0, 1.0, begin=end)
    assert (clock.running, clock.beat) == (False, pytest.approx(2.0))
    clock.hear(Midi("continue"), end)
    clock.hear(Midi("clock"), end)
    assert (clock.running, clock.beat) == (True, pytest.approx(2.0))
    clock.hear(Midi("stop"), end)
    clock.hear(Midi("position", value=64), end)
    assert clock.beat == 16.0
    clock.hear(Midi("continue"), end)
    clock.hear(Midi("clock"), end + 0.02)
    assert clock.beat == 16.0


def test_a_clock_that_is_gone_is_no_clock_and_begins_anew() -> None:
    clock = ClockIn()
    end = ticking(clock, 120.0, 2.0)
    assert clock.alive(end + 0.5)
    assert not clock.alive(end + 1.5)
    ticking(clock, 90.0, 1.0, begin=end + 10.0)
    assert clock.tempo == pytest.approx(90.0)
    assert str(clock) == "MIDI clock 90.0 bpm"


def follow(jitter: float, seconds: float = 10.0, tempo: float = 97.31) -> tuple[Transport, Follower, float]:
    clock = ClockIn()
    follower = Follower(clock)
    transport = Transport(RATE, 120.0)
    chance, period, worst = random.Random(1), 60.0 / tempo / TICKS, 0.0
    clock.hear(Midi("start"), 0.0)
    for tick in range(round(seconds / period)):
        at = tick * period
        heard = at + chance.uniform(0.0, jitter)
        clock.hear(Midi("clock"), heard)
        after = follower.step(transport, heard, round(clock.at * RATE))
        transport = transport if after is None else after
        if at > seconds / 2.0:
            off = transport.beat_at(round(at * RATE)) - tick / TICKS
            worst = max(worst, abs(off) * 60.0 / tempo)
    return transport, follower, worst


def test_beats_follow_with_few_corrections() -> None:
    transport, follower, worst = follow(0.0)
    assert transport.tempo == pytest.approx(97.31, abs=0.006)
    assert worst < 0.0011
    assert follower.corrections < 8
    transport, follower, worst = follow(0.003, seconds=30.0)
    assert transport.tempo == pytest.approx(97.31, abs=0.2)
    assert worst < 0.0035  # of which 1.5 ms are how late the ticks are at all
    assert follower.corrections < 40


def test_a_clock_that_stops_stops_the_beats_and_moves_them() -> None:
    clock = ClockIn()
    follower, transport = Follower(clock), Transport(RATE, 120.0)

    def step(now: float) -> None:
        nonlocal transport
        transport = follower.step(transport, now, round(now * RATE)) or transport

    clock.hear(Midi("start"), 0.0)
    for tick in range(49):
        clock.hear(Midi("clock"), tick * 0.5 / TICKS)
        step(tick * 0.5 / TICKS)
    assert transport.beat_at(RATE) == pytest.approx(2.0, abs=1e-3)
    clock.hear(Midi("stop"), 1.0)
    step(1.0)
    assert not transport.running
    assert transport.beat_at(5 * RATE) == pytest.approx(2.0, abs=1e-3)
    clock.hear(Midi("position", value=32), 1.5)
    step(1.5)
    assert transport.beat_at(5 * RATE) == 8.0
    clock.hear(Midi("continue"), 2.0)
    clock.hear(Midi("clock"), 2.0)
    step(2.0)
    assert transport.running
    assert transport.beat_at(2 * RATE) == pytest.approx(8.0)


def test_a_clock_that_never_starts_gives_the_tempo_alone() -> None:
    clock = ClockIn()
    follower, transport = Follower(clock), Transport(RATE, 120.0, beat=3.0)
    for tick in range(100):
        at = tick * 0.6 / TICKS
        clock.hear(Midi("clock"), at)
        transport = follower.step(transport, at, round(at * RATE)) or transport
    assert transport.tempo == pytest.approx(100.0)
    assert transport.beat_at(0) == pytest.approx(3.0, abs=0.1)  # the beats go on from where they were


# --- given ---------------------------------------------------------------------------------------------------------


def given(clock: ClockOut, transport: Transport, begin: int, end: int, hop: int = 96) -> list[tuple[int, str]]:
    """What is sent between two frames, looking every 2 ms."""
    return [(frame, str(m)) for frame in range(begin, end, hop) for m in clock.due(transport, frame)]


def test_a_clock_starts_with_the_patch_and_ticks_24_times_a_beat() -> None:
    clock, transport = ClockOut(), Transport(RATE, 120.0)
    sent = given(clock, transport, 0, 2 * RATE)
    assert [what for _, what in sent[:2]] == ["start", "clock"]
    ticks = [frame for frame, what in sent if what == "clock"]
    assert len(ticks) == 4 * TICKS
    assert max(abs(frame - k * RATE // 48) for k, frame in enumerate(ticks)) <= 96  # the next look
    assert [str(m) for m in clock.due(replace(transport, running=False), 2 * RATE)] == ["stop"]
    assert clock.due(replace(transport, running=False), 2 * RATE) == []


def test_in_the_middle_it_says_where_it_goes_on() -> None:
    clock, transport = ClockOut(), Transport(RATE, 120.0, beat=5.1)
    sent = given(clock, transport, 0, RATE)
    assert [what for _, what in sent[:2]] == ["position = 21", "continue"]
    first = sent[2][0]
    assert transport.beat_at(first) == pytest.approx(5.25, abs=0.005)


def test_a_jump_is_told_and_an_end_too() -> None:
    clock, transport = ClockOut(), Transport(RATE, 120.0)
    given(clock, transport, 0, RATE)
    jumped = replace(transport, frame=RATE, beat=32.05)
    sent = [what for _, what in given(clock, jumped, RATE, RATE + 9600)]
    assert sent[:3] == ["stop", "position = 129", "continue"]
    assert set(sent[3:]) == {"clock"}
    assert [str(m) for m in clock.end()] == ["stop"]
    assert clock.end() == []


def test_without_a_tempo_there_is_no_clock() -> None:
    assert given(ClockOut(), Transport(RATE), 0, RATE) == []


def test_one_clock_can_follow_the_other() -> None:
    out, heard, transport = ClockOut(), ClockIn(), Transport(RATE, 133.0)
    for frame in range(0, 8 * RATE, 96):
        for message in out.due(transport, frame):
            heard.hear(message, frame / RATE)
    assert heard.tempo == pytest.approx(133.0, abs=0.15)
    assert heard.beat == pytest.approx(transport.beat_at(8 * RATE), abs=0.05)

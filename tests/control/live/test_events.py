"""What happens by itself, on the manual clock: each change on its exact frame."""

from __future__ import annotations

import numpy as np
import pytest

from tests.control.live.stages import BEAT, ONE, TEMPO

DRUMS = """
@loop
async def drums():
    a.value = {}
    await sleep(1 * beat)
    a.value = 0.25
    await sleep(1 * beat)
"""


def begins(sound, of, value):
    """The frames on which the sound begins to leave a value."""
    still = sound[:, 0] == value
    return [int(f) + of + 1 for f in np.flatnonzero(still[:-1] & ~still[1:])]


def test_every_lands_on_its_beats(trial):
    t = trial(TEMPO)
    t.does(
        "value = 0.25\ndef flip():\n    global value\n    value = -value\n    a.value = value\nevery(1 * beat, flip)"
    )
    sound = t.hear(8 * BEAT)
    turns = [k * BEAT for k in range(8)]
    assert begins(sound, 0, 0.25) == turns[2::2]
    assert begins(sound, 0, -0.25) == turns[1::2]


def test_odd_beats_do_not_drift(trial):
    t = trial(TEMPO.replace("120.0", "97.0"))
    t.does(
        "n = 0\ndef step():\n    global n\n    n += 1\n    a.value = 0.25 if n % 2 else -0.25\nevery(beat / 3, step)"
    )
    t.hear(100)
    sound = t.hear(480_000)
    length = 48_000 * 60 / 97 / 3
    assert begins(sound, 100, 0.25) == [round(length * k) for k in range(1, 49, 2)]
    assert begins(sound, 100, -0.25) == [round(length * k) for k in range(2, 49, 2)]


def test_seconds_need_no_tempo(trial):
    t = trial()
    t.hear(1000)
    t.does("every(0.25, lambda: setattr(a, 'value', -a.value))")
    sound = t.hear(48_000)
    assert begins(sound, 1000, -0.25) + begins(sound, 1000, 0.25) == [13_000, 37_000, 25_000]


def test_after_happens_once(trial):
    t = trial(TEMPO)
    t.hear(1000)
    assert t.does("after(2 * beat, lambda: setattr(a, 'value', 0.5))") == "after1: after 2 beats"
    sound = t.hear(4 * BEAT)
    assert begins(sound, 1000, 0.25) == [1000 + 2 * BEAT]
    assert t.does("events()") == "nothing happens by itself"


def test_a_loop_sleeps_from_where_it_was_meant_to_be(trial):
    t = trial(TEMPO)
    t.hear(3000)
    t.does(DRUMS.format(0.5))
    sound = t.hear(8 * BEAT)
    assert begins(sound, 3000, 0.25) == [k * BEAT for k in (1, 3, 5, 7)]
    assert begins(sound, 3000, 0.5) == [k * BEAT for k in (2, 4, 6, 8)]
    assert t.does("drums").startswith("drums: loop, 3 turns, next at beat 9")


def test_a_loop_begins_on_a_bar(trial):
    t = trial(TEMPO)
    t.hear(3000)
    t.does(DRUMS.format(0.5).replace("@loop", "@loop(bar)"))
    assert begins(t.hear(5 * BEAT), 3000, 0.25) == [4 * BEAT]


def test_a_new_version_takes_over_at_the_next_turn(trial):
    t = trial(TEMPO)
    t.hear(3000)
    t.does(DRUMS.format(0.5))
    t.hear(BEAT + 4000)  # in the middle of the first turn
    t.does(DRUMS.format(-0.5))
    sound = t.hear(4 * BEAT)[:, 0]
    at = t.session.engine.frame - 4 * BEAT
    assert sound[2 * BEAT - at - 1] == 0.5  # the old version's turn is played to its end
    assert int(np.flatnonzero(sound < 0.25)[0]) + at == 3 * BEAT
    assert list(t.stage.events.named) == ["drums"]


def test_a_version_that_fails_gives_way_to_the_one_before(trial):
    t = trial(TEMPO)
    t.does(DRUMS.format(0.5))
    t.hear(2 * BEAT + 9000)
    t.does(DRUMS.format("1 / 0"))
    sound = t.hear(6 * BEAT)
    assert t.told == ["drums (cell 2, line 4): ZeroDivisionError: division by zero; the version before plays on"]
    assert begins(sound, 2 * BEAT + 9000, 0.25) == [4 * BEAT, 6 * BEAT, 8 * BEAT]  # no turn is missing


def test_a_version_that_fails_later_gives_way_where_the_next_turn_begins(trial):
    t = trial(TEMPO)
    t.does(DRUMS.format(0.5))
    t.hear(2 * BEAT + 9000)
    t.does(DRUMS.format(-0.5).replace("a.value = 0.25", "a.valu = 0.25"))
    sound = t.hear(8 * BEAT)
    assert t.told == [
        "drums (cell 2, line 6): a.valu: steady has no 'valu'; did you mean 'value'?; the version before plays on"
    ]
    at = 2 * BEAT + 9000
    assert begins(sound, at, 0.25)[:1] == [4 * BEAT]
    assert begins(sound, at, -0.5) == [6 * BEAT]
    assert begins(sound, at, 0.5) == [3 * BEAT, 7 * BEAT, 9 * BEAT]


def test_without_a_version_that_worked_it_ends(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: 1 / 0)")
    t.hear(2 * BEAT)
    assert t.told == ["every1 (cell 1, line 1): ZeroDivisionError: division by zero; it has ended"]
    assert t.stage.events.named == {}


def test_what_has_worked_may_go_wrong_a_few_times(trial):
    t = trial(TEMPO)
    t.does("n = 0\ndef f():\n    global n\n    n += 1\n    if n > 1: a.value = n\nevery(1 * beat, f)")
    t.hear(8 * BEAT)
    assert [line.partition("; ")[2] for line in t.told] == [
        "expected -1 to 1; it goes on",
        "expected -1 to 1; it goes on",
        "expected -1 to 1; it has ended",
    ]


def test_a_loop_that_does_not_sleep_ends(trial):
    t = trial(TEMPO)
    t.does("@loop\nasync def f():\n    a.value = 0.5")
    t.hear(BEAT)
    assert t.told == ["f: it does not sleep; put await sleep(1 * beat) in it; it has ended"]
    t.does("@loop\nasync def f():\n    await sleep(0)")
    t.hear(BEAT)
    assert len(t.told) == 2
    t.does("import asyncio\n@loop\nasync def g():\n    await asyncio.sleep(1)")
    t.hear(BEAT)
    assert "g" not in t.stage.events.named


def test_code_that_does_not_come_back_is_stopped(trial):
    t = trial(TEMPO)
    t.stage.events.turns.limit = 0.1
    t.does(
        "def f():\n    a.value = 0.5\n    while True: pass\nevery(1 * beat, f)\nevery(1 * beat, lambda: print('on'), name='g')"
    )
    assert (t.hear(2 * BEAT) == 0.25).all()
    assert t.told == [
        "f (cell 1, line 3): it ran for 0.1 s without a pause and was stopped; it has ended",
        "on",
        "on",
        "on",
    ]


def test_an_event_changes_the_patch_on_its_frame(trial):
    t = trial(TEMPO)
    t.hear(100)
    t.does("at(fade=0)\nafter(1 * beat, lambda: (at(fade=0), steady(value=0.5) >> out))")
    sound = t.hear(2 * BEAT)[:, 0]
    assert t.wires == ["a -> out", "steady1 -> out"]
    assert int(np.flatnonzero(sound != 0.25)[0]) + 100 == BEAT + 100
    assert t.fails("undo()") == "cell 2: nothing to undo"  # what happens by itself is no edit of the performer's


def test_what_an_event_plays_is_left_behind_and_not_meant(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: setattr(a, 'value', 0.5))")
    t.hear(BEAT)
    assert t.does("a.value") == "0.5"
    assert t.values("a") == {}


def test_control_nodes_hear_when_the_frame_has_come(trial):
    t = trial(TEMPO.replace('"a -> out"', '"l -> a.value", "a -> out"') + '[nodes.l]\nkind = "level"\n')
    t.hear(4096)
    t.does("after(1 * beat, lambda: setattr(l, 'value', 1.0))")
    sound = t.hear(2 * BEAT)
    moved = begins(sound, 4096, 0.5)[0]
    assert 4096 + BEAT <= moved < 4096 + BEAT + 1024


def test_what_acts_at_once_waits_for_an_events_frame(trial):
    t = trial(TEMPO + '[scenes.night]\n"a.value" = -0.5\n')
    t.hear(100)
    t.does("after(1 * beat, lambda: scene('night'))\nafter(2 * beat, lambda: scene('noon'))")
    sound = t.hear(3 * BEAT)
    assert BEAT + 100 <= begins(sound, 100, 0.25)[0] <= BEAT + 100 + 512
    assert t.told == ["event: no scene is called 'noon'"]


def test_events_begin_where_their_entry_does(trial):
    t = trial(TEMPO)
    t.hear(3000)
    t.does("at('bar')\nevery(1 * beat, lambda: print('one', transport.beat), name='one')")
    t.does("quant = 3\nevery(1 * beat, lambda: print('two', transport.beat), name='two')")
    t.does("every(1 * beat, lambda: print('three', transport.beat), name='three')")
    t.hear(4 * BEAT)
    assert t.told == ["two 3.0", "three 3.0", "one 4.0", "two 4.0", "three 4.0"]


def test_events_end(trial):
    t = trial(TEMPO)
    t.does("e = every(1 * beat, lambda: print(1))\nevery(1 * beat, lambda: print(2), name='two')\n" + DRUMS.format(0.5))
    t.hear(100)
    t.does("e.stop()\nstop('two')\ndel drums")
    assert t.stage.events.named == {}
    told = list(t.told)
    t.hear(4 * BEAT)
    assert t.told == told
    t.does(DRUMS.format(0.5) + "every(1, print)")
    t.does("stop()")
    assert t.does("drums") == "drums: loop, ended"
    assert t.stage.events.named == {}


def test_every_by_the_same_name_goes_on_in_phase(trial):
    t = trial(TEMPO)
    t.does("def hit(): print(transport.beat)\nevery(2 * beat, hit)")
    t.hear(3 * BEAT)
    t.does("def hit(): print('new', transport.beat)\nevery(2 * beat, hit)")
    t.hear(3 * BEAT)
    t.does("every(1 * beat, hit)")
    t.hear(3 * BEAT)
    assert t.told == ["0.0", "2.0", "new 4.0", "new 6.0", "new 7.0", "new 8.0", "new 9.0"]


def test_the_tempo_moves_what_counts_beats(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: print(transport.beat))")
    t.hear(BEAT + 2400)
    t.does("tempo = 240")
    at = t.session.engine.frame
    t.does("every(1 * beat, lambda: setattr(a, 'value', -a.value))")
    sound = t.hear(4 * BEAT)
    first = at + round(0.9 * BEAT / 2)
    assert sorted(begins(sound, at, 0.25) + begins(sound, at, -0.25)) == [first + k * BEAT // 2 for k in range(8)]
    assert t.told[:4] == ["0.0", "1.0", "2.0", "3.0"]


def test_beats_wait_while_they_stand_still(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: print(transport.beat))")
    t.hear(BEAT + 2400)
    t.does("transport.stop()")
    assert t.does("transport") == "120 bpm, 4 beats per bar, beat 1.1, stopped"
    t.hear(4 * BEAT)
    assert t.told == ["0.0", "1.0"]
    at = t.session.engine.frame
    t.does("transport.play()\nevery(1 * beat, lambda: setattr(a, 'value', -a.value), name='turn')")
    sound = t.hear(2 * BEAT)
    assert t.told == ["0.0", "1.0", "2.0", "3.0"]
    assert begins(sound, at, 0.25) + begins(sound, at, -0.25)


def test_an_event_stops_the_beats_on_its_frame(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: transport.beat == 2 and transport.stop())")
    t.hear(8 * BEAT)
    assert t.does("transport.beat, transport.running") == "(2.0, False)"


def test_beats_wait_while_there_is_no_tempo(trial):
    t = trial(TEMPO)
    t.does(DRUMS.format("print(transport.beat) or 0.5"))
    t.hear(100)
    t.does("tempo = None")
    t.hear(4 * BEAT)
    assert t.told == ["0.0"]
    t.does("tempo = 120")
    t.hear(3 * BEAT)
    assert t.told == ["0.0", "2.0"]
    assert list(t.stage.events.named) == ["drums"]


def test_a_late_event_says_so_once_and_catches_up(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: print(transport.beat))")
    t.hear(100)
    for _ in range(4 * BEAT // 512):  # nobody looks meanwhile
        t.session.engine.run(512)
    t.hear(BEAT)
    assert t.told == ["0.0", "every1 is 1.5 s behind; it catches up", "1.0", "2.0", "3.0", "4.0", "5.0"]
    assert t.stage.events.statistics().late >= 3


def test_a_name_of_a_node_is_not_given_to_a_loop(trial):
    t = trial(TEMPO)
    line = t.fails("@loop\nasync def a():\n    await sleep(1)")
    assert line == "cell 1, line 2: a is a node; give it a param, as in a.param = ..., or take it out: del a"
    assert t.stage.events.named == {}


@pytest.mark.parametrize("text", [ONE, TEMPO])
def test_a_render_with_events_is_the_same_from_run_to_run(trial, text):
    takes = []
    for _ in range(2):
        t = trial(text)
        t.does("import random\nr = random.Random(1)\nevery(0.01, lambda: setattr(a, 'value', r.uniform(-1, 1)))")
        takes.append(t.hear(20_000))
    assert np.array_equal(*takes)
    assert len(np.unique(takes[0])) > 1000


def test_a_tempo_lands_on_the_frame_of_its_entry(trial):
    t = trial(TEMPO)
    t.does("def flip():\n    a.value = -a.value\nevery(1 * beat, flip)")
    t.hear(1000)
    t.does("at('bar')\ntempo = 60\nb = steady(value=0.5)")
    assert t.session.edit_frame == 4 * BEAT
    sound = t.hear(8 * BEAT)
    turns = sorted(begins(sound, 1000, 0.25) + begins(sound, 1000, -0.25))
    assert turns == [k * BEAT for k in (1, 2, 3, 4, 6, 8)]  # from the fourth on they are twice as long
    assert t.session.transport.beat_at(8 * BEAT) == 6.0


def test_a_tempo_that_an_event_sets_lands_on_its_frame(trial):
    t = trial(TEMPO)
    t.does("def faster():\n    global tempo\n    tempo = 240\nafter(2 * beat, faster)")
    t.hear(4 * BEAT)
    assert [t.session.transport.beat_at(k * BEAT) for k in (2, 3)] == [2.0, 4.0]

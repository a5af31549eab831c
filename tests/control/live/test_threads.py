"""The stage with its threads: the prompt waits for nothing, and nothing that hangs holds anything up."""

from __future__ import annotations

import threading
import time

import pytest

from tests.conftest import wait_until
from tests.control.live.stages import TEMPO

SOON = 20.0


def test_cells_run_in_order(playing):
    p = playing()
    outcomes = [p.stage.enter(source).result(SOON) for source in ("x = 1", "x += 1", "x", "x / 0", "x")]
    assert [o.text for o in outcomes] == ["", "", "2", "cell 4: ZeroDivisionError: division by zero", "2"]
    assert [o.cell for o in outcomes] == [1, 2, 3, 4, 5]
    assert p.stage.running == 0


def test_a_runaway_cell_is_stopped_and_changes_nothing(playing):
    p = playing()
    p.stage.still = 0.05
    assert not p.stage.interrupt()
    future = p.stage.enter("a.value = 0.5\nwhile True:\n    try:\n        pass\n    except Exception:\n        pass")
    wait_until(lambda: "cell 1 still runs; Ctrl-C stops it" in p.told, SOON, "a line about the cell")
    assert p.stage.running == 1
    assert p.stage.interrupt()
    assert future.result(SOON).text == "cell 1 was stopped; nothing has changed"
    assert p.stage.enter("a.value").result(SOON).text == "0.25"


def test_a_cell_that_is_stuck_is_left_behind(playing):
    p = playing()
    p.stage.stuck = 0.05
    gate = threading.Event()
    dict.__setitem__(p.stage.namespace, "gate", gate)
    future = p.stage.enter("x = 5\ngate.wait()\na.value = 0.5\nprint('never')")
    wait_until(lambda: p.stage.running == 1, SOON, "the cell's start")
    # a lock is waited for in C, where nothing can be raised
    assert p.stage.interrupt()
    assert future.result(SOON).text == "cell 1 did not stop and was left behind; nothing has changed"
    assert p.stage.enter("a.value").result(SOON).text == "0.25"
    old = [thread for thread in threading.enumerate() if thread.name == "stage"]
    gate.set()
    wait_until(lambda: sum(thread.is_alive() for thread in old) == 1, SOON, "the old thread's end")
    assert p.stage.enter("a.value").result(SOON).text == "0.25"
    assert p.stage.enter("x").result(SOON).text == "cell 4: nothing is called 'x'"
    assert "never" not in p.told


def test_hush_and_panic_do_not_wait_for_a_cell(playing):
    p = playing()
    future = p.stage.enter("while True: pass")
    wait_until(lambda: p.stage.running == 1, SOON, "the cell's start")
    assert p.stage.enter("panic()").result(SOON).ok
    assert p.session.engine.silent
    p.stage.enter("hush(False)").result(SOON)
    assert p.session.engine.gain == 1.0
    p.stage.interrupt()
    future.result(SOON)


def test_events_have_threads_of_their_own(playing):
    p = playing(TEMPO)
    p.stage.events.turns.limit = 0.2
    p.stage.enter(
        "tempo = 400\nevery(1 * beat, lambda: print('tick'))\ndef f():\n    while True: pass\nevery(1 * beat, f)"
    ).result(SOON)
    wait_until(lambda: any("f (cell 1, line 4)" in line for line in p.told), SOON, "a line about f")
    ticks = p.told.count("tick")
    wait_until(lambda: p.told.count("tick") > ticks + 2, SOON, "more ticks")
    assert list(p.stage.events.named) == ["every1"]
    assert p.stage.enter("stop()").result(SOON).ok
    assert p.stage.events.named == {}


def test_an_event_that_is_stuck_is_left_behind(playing):
    p = playing(TEMPO)
    turns = p.stage.events.turns
    turns.limit = turns.stuck = 0.05
    gate = threading.Event()
    dict.__setitem__(p.stage.namespace, "gate", gate)
    p.stage.enter("def f():\n    gate.wait()\n    a.value = 0.5\nevery(1 * beat, f)").result(SOON)
    line = "f: it was still busy 0.05 s after it was stopped; it is left behind"
    wait_until(lambda: line in p.told, SOON, "a line")
    thread = next(thread for thread in threading.enumerate() if thread.name == "f")
    gate.set()
    thread.join(SOON)
    assert not thread.is_alive()
    assert p.session.get("a", "value") == 0.25


def test_events_follow_the_tempo_live(playing):
    p = playing(TEMPO)
    p.stage.enter("beats = []\nevery(1 * beat, lambda: beats.append(transport.beat))\ntempo = 400").result(SOON)
    beats = p.stage.namespace["beats"]
    wait_until(lambda: len(beats) > 8, SOON, "nine beats")
    assert beats == list(range(round(beats[0]), round(beats[0]) + len(beats)))


def test_lines_are_told_to_everybody_who_listens(playing):
    p = playing()
    other: list[str] = []

    def broken(line: str) -> None:
        raise OSError("this prompt is gone")

    p.stage.hear(broken)
    p.stage.hear(other.append)
    p.stage.enter("print('both')").result(SOON)
    assert p.told == other == ["both"]
    p.stage.unhear(other.append)
    p.stage.enter("print('one')").result(SOON)
    assert (len(p.told), len(other)) == (2, 1)


def test_other_threads_of_the_performers_are_told_where_nodes_are(playing):
    p = playing()
    p.stage.enter(
        "import threading\nwrong = []\n"
        "def go():\n    try:\n        a.value = 1\n    except Exception as e:\n        wrong.append(str(e))\n"
        "t = threading.Thread(target=go)\nt.start()\nt.join()"
    ).result(SOON)
    outcome = p.stage.enter("wrong").result(SOON)
    assert "this runs outside of cells and events, where no node can be reached" in outcome.text


def test_closing_ends_everything(playing):
    p = playing(TEMPO)
    p.stage.enter("every(0.01, lambda: setattr(a, 'value', 0.5))").result(SOON)
    future = p.stage.enter("while True: pass")
    wait_until(lambda: p.stage.running == 2, SOON, "the cell's start")
    p.stage.close()
    assert not future.result(SOON).ok
    assert p.stage.enter("1").result(SOON).text == "this stage is closed"
    wait_until(
        lambda: not [t for t in threading.enumerate() if t.name in ("stage", "every1")], SOON, "the threads' end"
    )


@pytest.mark.parametrize("cells", [200])
def test_cells_and_events_at_once(playing, cells):
    p = playing(TEMPO)
    p.stage.enter("every(0.005, lambda: setattr(a, 'value', -a.value))").result(SOON)
    p.stage.enter(
        "@loop\nasync def f():\n    new.steady(value=0.0) >> out\n    await sleep(0.5 * beat)\n    for n in nodes:\n        if n.startswith('steady'): del nodes[n]\n    await sleep(0.5 * beat)"
    ).result(SOON)
    begun = time.monotonic()
    futures = [
        p.stage.enter(f"b = steady(value={n % 3 - 1}.0)\nb >> out" if n % 2 else "del b") for n in range(1, cells)
    ]
    outcomes = [future.result(SOON) for future in futures]
    assert all(o.ok for o in outcomes), [o for o in outcomes if not o.ok][:3]
    assert time.monotonic() - begun < SOON


def test_a_loop_that_is_stopped_and_begun_in_one_cell_has_one_life(playing):
    p = playing(TEMPO)
    drums = "@loop\nasync def drums():\n    names.append(threading.current_thread())\n    await sleep(0.02)"
    assert p.stage.enter("import threading\nnames = []\n" + drums).result(SOON).ok
    names = p.stage.namespace["names"]
    wait_until(lambda: len(names) > 2, SOON, "the first turns")
    assert p.stage.enter("stop(drums)\n" + drums).result(SOON).ok
    before = len(names)
    wait_until(lambda: len(names) > before + 8, SOON, "more turns")
    assert len(set(names[-4:])) == 1
    assert [thread.name for thread in threading.enumerate()].count("drums") == 1

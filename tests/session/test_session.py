"""The session on the manual clock: transactions, params, messages, signals."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from kinds import change, opened, rendered

from graphflow.core.errors import PatchError, UserError
from graphflow.core.patch_text import read
from tests.conftest import wait_until

ONE = """
format = 1
wires = ["a -> out"]
[nodes.a]
kind = "steady"
[nodes.out]
kind = "out"
"""


def test_a_patch_plays():
    session = opened(ONE)
    assert np.all(rendered(session, 256) == 0.25)
    session.close()


def test_a_param_glides_to_its_new_value_and_stays():
    session = opened(ONE)
    rendered(session, 128)
    assert session.set("a", "value", 0.5) == ""
    sound = rendered(session, 2048)[:, 0]
    assert sound[0] > 0.25
    assert np.all(np.diff(sound) >= 0.0)
    assert np.all(sound[960:] == 0.5)  # 20 ms at 48 kHz
    assert session.get("a", "value") == 0.5
    session.close()


def test_a_change_lands_on_its_frame():
    session = opened(ONE)
    session.set("a", "value", 0.5, frame=300)
    sound = rendered(session, 512)[:, 0]
    assert np.all(sound[:300] == 0.25)
    assert sound[300] > 0.25
    session.close()


def test_what_is_refused_says_why_in_one_line():
    session = opened(ONE)
    with pytest.raises(UserError, match=r"^nodes.a.value is 2; expected -1 to 1$"):
        session.set("a", "value", 2.0)
    with pytest.raises(UserError, match=r"^nodes.a: steady has no 'valu'; did you mean 'value'\?$"):
        session.set("a", "valu", 2.0)
    with pytest.raises(UserError, match=r"^no node is called 'b'"):
        session.set("b", "value", 2.0)
    session.set("a", "value", 2.0, clip=True)
    assert session.get("a", "value") == 1.0
    session.close()


def test_a_bad_patch_changes_nothing():
    session = opened(ONE)
    with pytest.raises(PatchError) as error:
        change(session, ONE.replace('"a -> out"', '"a -> out", "b -> out"'))
    assert [str(p) for p in error.value.problems] == ["wires: \"b -> out\": no node is called 'b'"]
    assert np.all(rendered(session, 128) == 0.25)
    assert list(session.graph.nodes) == ["a", "out"]
    session.close()


COUNT = """
format = 1
wires = ["n -> out"]
[nodes.n]
kind = "count"
[nodes.out]
kind = "out"
"""


def test_an_unchanged_node_keeps_its_state_through_edits_around_it():
    session = opened(COUNT)
    rendered(session, 100)
    change(
        session, COUNT.replace('["n -> out"]', '["n -> out", "a -> out"]') + '[nodes.a]\nkind = "steady"\nvalue = 0.5\n'
    )
    sound = rendered(session, 100)[:, 0]
    assert np.allclose(sound, np.arange(100, 200) * 0.001 + 0.5, atol=1e-6)
    change(session, COUNT)
    assert np.allclose(rendered(session, 100)[:, 0], np.arange(200, 300) * 0.001, atol=1e-6)
    session.close()


def test_an_edit_fades_without_a_step():
    session = opened(ONE)
    rendered(session, 128)
    change(session, ONE.replace('"a -> out"', '"b -> out"') + '[nodes.b]\nkind = "steady"\nvalue = -0.25\n', fade=20.0)
    sound = rendered(session, 2048)[:, 0]
    assert sound[0] == pytest.approx(0.25, abs=1e-3)
    assert np.all(sound[1100:] == -0.25)
    assert np.abs(np.diff(sound)).max() < 1e-3
    session.close()


def test_an_edit_waits_for_the_bar():
    session = opened(ONE + "[transport]\ntempo = 120.0\n")
    rendered(session, 512)
    later = ONE.replace('"a -> out"', '"b -> out"') + '[nodes.b]\nkind = "steady"\nvalue = 0.5\n'
    change(session, later + '[transport]\ntempo = 120.0\n[engine]\nquant = "bar"\n')
    sound = rendered(session, 96_512)[:, 0]
    first = int(np.flatnonzero(sound == 0.5)[0]) + 512
    assert 96_000 <= first < 96_000 + 128  # at the block in which the bar begins
    session.close()


SIGNAL = """
format = 1
wires = ["l.level -> a.value", "a -> out"]
[nodes.l]
kind = "level"
[nodes.a]
kind = "steady"
[nodes.out]
kind = "out"
"""


def test_a_control_nodes_signal_drives_an_audio_param():
    session = opened(SIGNAL)
    sound = rendered(session, 4096)[:, 0]
    assert sound[-1] == 0.5
    assert session.set("a", "value", -1.0) == "driven by l"
    session.set("l", "value", 0.75)
    assert rendered(session, 4096)[-1, 0] == 0.75
    change(
        session,
        SIGNAL.replace('"l.level -> a.value", ', "").replace('kind = "steady"', 'kind = "steady"\nvalue = -0.5'),
    )
    assert rendered(session, 2048)[-1, 0] == -0.5
    session.close()


def test_an_audio_signal_drives_a_control_nodes_param():
    text = SIGNAL.replace('["l.level', '["s -> l.value", "l.level') + '[nodes.s]\nkind = "steady"\nvalue = 0.75\n'
    session = opened(text)
    assert rendered(session, 8192)[-1, 0] == 0.75
    session.close()


def test_sleep_is_on_the_graphs_clock():
    session = opened(SIGNAL.replace('kind = "level"', 'kind = "later"'))
    sound = rendered(session, 9600)[:, 0]
    assert np.all(sound[:4800] == 0.0)
    assert sound[4800 + 2 * 960] == 1.0  # woken within one look (512 frames), then a glide of 20 ms
    session.close()


def test_a_control_node_that_raises_is_named_and_the_rest_plays():
    lines: list[str] = []
    text = SIGNAL.replace('kind = "level"', 'kind = "broken"')
    session = opened(text, lines)
    rendered(session, 512)
    session.set("l", "value", 1.0)
    sound = rendered(session, 512)
    assert np.all(np.isfinite(sound))
    assert len(lines) == 1
    assert lines[0].startswith("nodes.l: ")
    assert "kinds.py:" in lines[0]
    assert lines[0].endswith("ArithmeticError: told to break; it sends nothing more")
    session.close()


def test_scenes_and_macros_set_params():
    text = ONE + '[scenes.night]\n"a.value" = -0.5\n[expose.warmth]\nparams = ["a.value"]\nmin = 0.0\nmax = 0.5\n'
    session = opened(text)
    session.scene("night")
    assert session.get("a", "value") == -0.5
    session.macro("warmth", 0.4)
    assert session.get("a", "value") == pytest.approx(0.4)
    with pytest.raises(UserError, match="no scene is called 'nigth'; did you mean 'night'"):
        session.scene("nigth")
    session.close()


def test_an_unknown_kind_is_silent_and_said():
    lines: list[str] = []
    session = opened(ONE.replace('["a -> out"]', '["a -> out", "x -> out"]') + '[nodes.x]\nkind = "stedy"\n', lines)
    assert np.all(rendered(session, 128) == 0.25)
    assert lines == ["x stays silent; nodes.x.kind is 'stedy'; no node is of that kind; did you mean 'steady'?"]
    session.close()


def test_a_render_is_the_same_from_run_to_run():
    text = SIGNAL.replace('["l.level', '["n -> l.value", "l.level') + '[nodes.n]\nkind = "count"\n'
    takes = []
    for _ in range(2):
        session = opened(text)
        takes.append(rendered(session, 5000))
        session.close()
    assert np.array_equal(*takes)


def test_statistics_tell_time_and_faults():
    session = opened(ONE + "[transport]\ntempo = 60.0\n")
    rendered(session, 48000)
    statistics = session.statistics()
    assert statistics.seconds == 1.0
    assert statistics.beat == pytest.approx(1.0)
    assert statistics.faults == ()
    assert max(statistics.engine.peak) == 0.25
    session.close()


def test_a_change_does_not_rouse_a_node_that_sleeps_or_has_ended():
    text = """
format = 1
wires = ["beat -> out", "beat -> end.value"]
[nodes.beat]
kind = "beat"
[nodes.end]
kind = "broken"
[nodes.out]
kind = "out"
"""
    lines: list[str] = []
    session = opened(text, lines)
    rendered(session, 2048)  # a render waits until every node rests: it would never come back
    session.set("beat", "value", 0.75)
    sound = rendered(session, 4096)[:, 0]
    assert sound[0] == 0.25
    assert sound[-1] == 0.75
    assert [line for line in lines if "told to break" in line]
    session.close()


def test_what_a_quantised_edit_sets_lands_with_it():
    text = ONE + "[transport]\ntempo = 120.0\n"
    session = opened(text)
    rendered(session, 512)
    patch, problems = read(text.replace('kind = "steady"', 'kind = "steady"\nvalue = 0.75'))
    assert not problems
    session.play(patch, quant="beat")
    sound = rendered(session, 24_000)[:, 0]
    changed = int(np.flatnonzero(sound != 0.25)[0]) + 512
    assert changed == 24_000  # beat 1
    session.close()


def test_a_signal_that_is_cut_and_wired_again_counts_again():
    wired = """
format = 1
wires = ["a -> out", "a -> w.weight"]
[nodes.a]
kind = "steady"
[nodes.w]
kind = "words"
[nodes.out]
kind = "out"
"""
    session = opened(wired)
    weights = []
    for text in (wired, wired.replace(', "a -> w.weight"', ""), wired):
        change(session, text)
        rendered(session, 2048)
        weights.append(session._flow._nodes["w"].weight)
    assert weights == [0.25, 1.0, 0.25]
    session.close()


def test_a_node_that_begins_anew_reads_what_drives_it():
    text = """
format = 1
wires = ["l -> w.weight", "a -> out"]
[nodes.l]
kind = "level"
[nodes.w]
kind = "words"
[nodes.a]
kind = "steady"
[nodes.out]
kind = "out"
"""
    session = opened(text)
    rendered(session, 1024)
    change(session, text.replace('"words"', '"shouts"'))
    assert session._flow._nodes["w"].weight == 0.5  # at once: what drives it may never send again
    session.close()


def test_a_node_that_goes_wrong_again_is_named_again():
    wrong = ONE.replace('"steady"', '"cracked"\nvalue = 1.0')
    lines: list[str] = []
    session = opened(wrong, lines)

    def heard(count: int) -> bool:
        rendered(session, 512)
        return len(lines) >= count

    wait_until(lambda: heard(1), 10.0, "a line about the node")
    change(session, ONE)
    change(session, wrong)
    wait_until(lambda: heard(2), 10.0, "a second line")
    assert lines[0] == lines[1]
    assert "cracked.tick made a non-finite sample" in lines[0]
    session.close()


def test_a_node_that_is_stuck_does_not_hold_up_the_end():
    session = opened(ONE + '[nodes.s]\nkind = "stuck"\n')
    session.loop.run_until_complete(asyncio.sleep(0))
    begun = time.monotonic()
    session.close()
    assert time.monotonic() - begun < 20.0

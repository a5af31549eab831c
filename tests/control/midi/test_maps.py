"""Knobs: 7 and 14 bits, NRPNs, endless ones, takeover, ranges, switches, choices, macros and scenes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from devices import Keyboard, Stage

from graphflow.core.errors import UserError
from graphflow.core.patch_text import read
from graphflow.core.patch_write import write

PATCH = """
format = 1
wires = ["tone -> filter -> hall -> out"]
[nodes.tone]
kind = "saw"
[nodes.filter]
kind = "svf"
[nodes.hall]
kind = "reverb"
mix = 0.5
[nodes.wave]
kind = "lfo"
[nodes.words]
kind = "prompt"
[nodes.chord]
kind = "chord"
[nodes.out]
kind = "output"
[expose.warmth]
params = ["hall.mix"]
min = 0.2
max = 0.6
[scenes.night]
"hall.mix" = 0.9
"words.text" = "choir"
"""


class Desk(Stage):
    """With a box of knobs plugged in."""

    def __init__(self, table: str = "") -> None:
        super().__init__(PATCH + table)
        self.box: Keyboard = self.rack.keyboard("box")
        self.pass_by(0.01)

    def cc(self, number: int, *values: int, channel: int = 1) -> None:
        """Turn a controller, looking after every message."""
        for value in values:
            self.box.play(0xB0 + channel - 1, number, value)
            self.pass_by(0.01)

    def get(self, path: str) -> Any:
        return self.session.get(*path.split("."))


@pytest.fixture
def desks() -> Iterator[Any]:
    opened: list[Desk] = []

    def open(table: str = "") -> Desk:
        opened.append(Desk(table))
        return opened[-1]

    yield open
    for desk in opened:
        desk.close()


def params(line: str) -> str:
    return f"[midi.params]\n{line}\n"


def test_a_knob_goes_over_the_range_along_the_warp(desks: Any) -> None:
    desk = desks(params('"filter.cutoff" = { cc = 21, channel = 2, takeover = "jump" }'))
    desk.cc(21, 127, channel=2)
    assert desk.get("filter.cutoff") == 20_000.0
    desk.cc(21, 0, channel=1)  # another channel
    desk.cc(22, 0, channel=2)  # another knob
    assert desk.get("filter.cutoff") == 20_000.0
    desk.cc(21, 64, channel=2)
    assert desk.get("filter.cutoff") == pytest.approx(20.0 * 1000.0 ** (64 / 127))


def test_a_range_of_its_own_may_be_turned_round(desks: Any) -> None:
    desk = desks(params('"filter.cutoff" = { cc = 21, min = 2000.0, max = 200.0, takeover = "jump" }'))
    desk.cc(21, 0)
    assert desk.get("filter.cutoff") == pytest.approx(2000.0)
    desk.cc(21, 127)
    assert desk.get("filter.cutoff") == pytest.approx(200.0)


def test_a_knob_picks_the_value_up_where_it_is(desks: Any) -> None:
    desk = desks(params('"hall.mix" = { cc = 21 }'))
    desk.cc(21, 0, 20, 40)
    assert desk.get("hall.mix") == 0.5  # it is not there yet
    desk.cc(21, 70)
    assert desk.get("hall.mix") == pytest.approx(70 / 127)  # it has gone past
    desk.cc(21, 127)
    assert desk.get("hall.mix") == 1.0
    desk.session.set("hall", "mix", 0.1)  # somebody else
    desk.cc(21, 100, 50)
    assert desk.get("hall.mix") == 0.1
    desk.cc(21, 14)
    assert desk.get("hall.mix") == pytest.approx(14 / 127)


def test_a_knob_may_close_in_on_the_value(desks: Any) -> None:
    desk = desks(params('"hall.mix" = { cc = 21, takeover = "scale" }'))
    desk.cc(21, 0)
    assert desk.get("hall.mix") == 0.5
    desk.cc(21, 32)
    assert desk.get("hall.mix") == pytest.approx(0.5 + 0.5 * 32 / 127)  # a quarter of the way that is left
    desk.cc(21, 64)
    assert 0.7 < desk.get("hall.mix") < 0.78
    desk.cc(21, 127)
    assert desk.get("hall.mix") == 1.0


def test_fourteen_bits_come_in_two_messages(desks: Any) -> None:
    desk = desks(params('"hall.mix" = { cc = 1, bits = 14, takeover = "jump" }'))
    desk.cc(1, 64)
    assert desk.get("hall.mix") == pytest.approx(64 / 127)  # without the other half
    desk.cc(33, 1)
    assert desk.get("hall.mix") == pytest.approx((64 * 128 + 1) / 16_383)
    desk.box.play(0xB0, 1, 127)
    desk.box.play(0xB0, 33, 127)
    desk.pass_by(0.01)
    assert desk.get("hall.mix") == 1.0


def test_a_slow_turn_of_fourteen_bits_does_not_stutter(desks: Any) -> None:
    desk = desks(params('"hall.mix" = { cc = 1, bits = 14, takeover = "jump" }'))
    seen = []
    put = desk.session.set
    desk.session.set = lambda *a, **k: (seen.append(a[2]), put(*a, **k))[1]
    for value in range(8000, 8500, 7):
        desk.box.play(0xB0, 1, value >> 7)
        desk.box.play(0xB0, 33, value & 127)
        desk.pass_by(0.005)
    # the very first coarse half cannot know that another follows
    assert seen[1:] == sorted(seen[1:])
    assert seen[-1] == pytest.approx(8497 / 16_383)
    desk.box.play(0xB0, 1, 0)  # a coarse half alone counts once nothing more has come
    desk.pass_by(0.01)
    assert seen[-1] == 0.0


def test_an_nrpn_is_chosen_and_then_given_its_value(desks: Any) -> None:
    desk = desks(params('"hall.mix" = { nrpn = 300, takeover = "jump" }'))
    for number, value in ((99, 2), (98, 44), (6, 100), (38, 64)):
        desk.cc(number, value)
    assert desk.get("hall.mix") == pytest.approx((100 * 128 + 64) / 16_383)
    for number, value in ((99, 2), (98, 45), (6, 0)):  # another one
        desk.cc(number, value)
    for number, value in ((101, 0), (100, 0), (6, 2)):  # a registered one: the range of the pitch wheel
        desk.cc(number, value)
    assert desk.get("hall.mix") == pytest.approx((100 * 128 + 64) / 16_383)


@pytest.mark.parametrize("relative, up, down", [("twos", 1, 127), ("offset", 65, 63), ("sign", 1, 65)])
def test_an_endless_knob_goes_on_from_where_the_value_is(desks: Any, relative: str, up: int, down: int) -> None:
    desk = desks(params(f'"hall.mix" = {{ cc = 21, relative = "{relative}" }}'))
    desk.cc(21, *[up] * 10)
    assert desk.get("hall.mix") == pytest.approx(0.5 + 10 / 127)
    desk.session.set("hall", "mix", 0.2)
    desk.cc(21, *[down] * 5)
    assert desk.get("hall.mix") == pytest.approx(0.2 - 5 / 127)
    desk.cc(21, *[down] * 40)
    assert desk.get("hall.mix") == 0.0


def test_fast_turns_of_an_endless_knob_are_longer_and_steps_are_never_too_short(desks: Any) -> None:
    desk = desks(params('"hall.mix" = { cc = 21, relative = "twos" }\n"chord.strike" = { cc = 22, relative = "twos" }'))
    desk.cc(21, 128 - 3)
    assert desk.get("hall.mix") == pytest.approx(0.5 - 3 / 127)
    desk.cc(22, 1, 1)
    assert desk.get("chord.strike") > 0.0


def test_switches_and_choices(desks: Any) -> None:
    desk = desks(params('"chord.hold" = { cc = 64 }\n"wave.shape" = { cc = 23 }'))
    desk.cc(64, 63)
    assert desk.get("chord.hold") is False
    desk.cc(64, 64)
    assert desk.get("chord.hold") is True
    shapes = ("sine", "triangle", "saw", "square", "random")
    for value, shape in zip((0, 32, 64, 95, 127), shapes, strict=True):
        desk.cc(23, value)
        assert desk.get("wave.shape") == shape


def test_a_key_turns_a_switch_over(desks: Any) -> None:
    desk = desks(params('"chord.hold" = { note = 36, channel = 10 }'))
    states = []
    for status in (0x99, 0x89, 0x99, 0x89):
        desk.box.play(status, 36, 100)
        desk.pass_by(0.01)
        states.append(desk.get("chord.hold"))
    assert states == [False, False, True, True]


def test_bend_and_pressure_turn_too(desks: Any) -> None:
    desk = desks(
        params('"hall.mix" = { pressure = true, takeover = "jump" }\n"filter.q" = { bend = true, takeover = "jump" }')
    )
    desk.box.play(0xD0, 127)
    desk.box.play(0xE0, 0x7F, 0x7F)
    desk.pass_by(0.01)
    assert (desk.get("hall.mix"), desk.get("filter.q")) == (1.0, 40.0)


def test_a_macro_is_moved_and_picked_up(desks: Any) -> None:
    desk = desks("[midi.macros]\nwarmth = { cc = 1 }\n")
    desk.cc(1, 0, 50)
    assert desk.session.macro_value("warmth") == 0.5
    desk.cc(1, 100, 127)
    assert desk.session.macro_value("warmth") == 0.6
    assert desk.get("hall.mix") == 0.6


def test_scenes_are_called_by_keys_programs_and_buttons(desks: Any) -> None:
    for control, data in (
        ("{ note = 36, channel = 10 }", [(0x99, 36, 1)]),
        ("{ program = 3 }", [(0xC0, 3)]),
        ("{ cc = 50 }", [(0xB0, 50, 0), (0xB0, 50, 127)]),
    ):
        desk = desks(f"[midi.scenes]\nnight = {control}\n")
        for message in data:
            assert desk.get("hall.mix") == 0.5
            desk.box.play(*message)
            desk.pass_by(0.01)
        assert (desk.get("hall.mix"), desk.get("words.text")) == (0.9, "choir")
    desk.session.set("hall", "mix", 0.1)
    desk.cc(50, 126)  # the button is still down
    assert desk.get("hall.mix") == 0.1
    desk = desks("[midi.scenes]\nnight = { note = 36, seconds = 1.0 }\n")
    desk.box.play(0x90, 36, 1)
    desk.pass_by(0.5)
    assert 0.6 < desk.get("hall.mix") < 0.8


def test_one_knob_may_turn_several_and_edits_are_followed(desks: Any) -> None:
    table = params('"hall.mix" = { cc = 21, takeover = "jump" }\n"filter.q" = { cc = 21, takeover = "jump" }')
    desk = desks(table)
    desk.cc(21, 127)
    assert (desk.get("hall.mix"), desk.get("filter.q")) == (1.0, 40.0)
    assert str(desk.midi.maps) == "hall.mix by CC 21\nfilter.q by CC 21"
    desk.edit(PATCH + table.replace('"filter.q"', '"filter.cutoff"'))
    desk.cc(21, 0)
    assert (desk.get("hall.mix"), desk.get("filter.q"), desk.get("filter.cutoff")) == (0.0, 40.0, 20.0)


# --- learning ------------------------------------------------------------------------------------------------------


def test_the_next_knob_is_learned_and_is_in_the_hand_at_once(desks: Any) -> None:
    desk = desks()
    assert desk.midi.lessons.learn("hall.mix") == "turn a control for hall.mix"
    desk.box.play(0x90, 60, 100)  # no knob
    desk.cc(21, 10, 11, 12, channel=3)
    desk.pass_by(0.4)
    assert desk.said[-1] == "hall.mix is turned by CC 21 on channel 3"
    assert desk.session.patch.midi["params"]["hall.mix"].written() == {"cc": 21, "channel": 3}
    desk.cc(21, 13, channel=3)
    assert desk.get("hall.mix") == pytest.approx(13 / 127)
    desk.session.play(desk.session.history.back(desk.session.patch), step="back")
    assert desk.session.patch.midi == {}
    desk.cc(21, 99, channel=3)
    assert desk.get("hall.mix") == pytest.approx(13 / 127)


@pytest.mark.parametrize(
    "messages, learned",
    [
        ([(1, 64), (33, 3), (1, 64), (33, 9)], "CC 1 on channel 1, 14 bits"),
        ([(33, 3), (1, 64)], "CC 1 on channel 1, 14 bits"),
        ([(99, 2), (98, 44), (6, 100), (38, 64)], "NRPN 300 on channel 1"),
        ([(40, 1), (40, 2), (41, 1)], "CC 40 on channel 1"),
    ],
)
def test_pairs_and_nrpns_are_recognised(desks: Any, messages: list[tuple[int, int]], learned: str) -> None:
    desk = desks()
    desk.midi.lessons.learn("hall.mix")
    for number, value in messages:
        desk.cc(number, value)
    desk.pass_by(0.4)
    assert desk.said[-1] == f"hall.mix is turned by {learned}"


def test_scenes_macros_and_switches_learn_what_suits_them(desks: Any) -> None:
    desk = desks('[midi.params]\n"hall.mix" = { cc = 7 }\n')
    assert desk.midi.lessons.learn("/gf/scene/night") == "press or turn a control for night"
    desk.box.play(0x99, 36, 100)
    desk.pass_by(0.01)
    assert desk.said[-1] == "night is turned by note 36 on channel 10"
    assert desk.get("hall.mix") == 0.5  # the stroke that was learned is not played
    desk.midi.lessons.learn("warmth", takeover="jump")
    desk.cc(7, 1)
    desk.pass_by(0.4)
    assert desk.said[-1] == "warmth is turned by CC 7 on channel 1, which turns hall.mix too"
    desk.midi.lessons.learn("/gf/node/filter/q/norm", relative="twos")
    desk.cc(8, 1)
    desk.pass_by(0.4)
    assert desk.said[-1] == "filter.q is turned by CC 8 on channel 1, relative (twos)"
    assert desk.midi.lessons.forget("filter.q") == "filter.q is turned by CC 8 on channel 1, relative (twos) no more"
    assert "filter.q" not in desk.session.patch.midi["params"]


def test_pads_and_buttons_play_stop_hush_panic_and_mute(desks: Any) -> None:
    desk = desks(
        "[transport]\ntempo = 120.0\n[midi.actions]\nplay = { note = 40 }\nstop = { cc = 50 }\nrunning = { note = 41 }\n"
        "hush = { note = 42 }\npanic = { program = 3 }\n[midi.mutes]\ntone = { note = 43 }\nhall = { cc = 51 }\n"
    )
    session = desk.session

    def press(note: int) -> None:
        for status in (0x90, 0x80):
            desk.box.play(status, note, 100)
            desk.pass_by(0.01)

    desk.cc(50, 127, 0)
    assert not session.transport.running
    press(40)
    press(40)
    assert session.transport.running
    press(41)
    assert not session.transport.running
    press(41)
    assert session.transport.running
    press(42)
    assert session.engine.gain == 0.0
    press(42)
    assert session.engine.gain == 1.0
    press(43)
    desk.cc(51, 127)
    assert session.muted == {"tone", "hall"}
    press(43)
    desk.cc(51, 0)
    assert session.muted == frozenset()
    desk.box.play(0xC0, 3)
    desk.pass_by(0.01)
    assert session.engine.gain == 0.0


@pytest.mark.parametrize(
    "target, name, table",
    [
        ("play", "play", {"actions": {"play": {"note": 36, "channel": 10}}}),
        ("/gf/transport/stop", "stop", {"actions": {"stop": {"note": 36, "channel": 10}}}),
        ("hush", "hush", {"actions": {"hush": {"note": 36, "channel": 10}}}),
        ("hall.mute", "hall.mute", {"mutes": {"hall": {"note": 36, "channel": 10}}}),
    ],
)
def test_pads_are_learned(desks: Any, target: str, name: str, table: Any) -> None:
    desk = desks()
    assert desk.midi.lessons.learn(target) == f"press or turn a control for {name}"
    assert desk.midi.lessons.waits_for == name
    desk.box.play(0x99, 36, 100)
    desk.pass_by(0.01)
    assert desk.said[-1] == f"{name} is turned by note 36 on channel 10"
    patch = desk.session.patch
    assert {s: {t: c.written() for t, c in controls.items()} for s, controls in patch.midi.items()} == table
    assert desk.session.transport.running and not desk.session.muted  # the stroke that was learned does nothing yet
    again, problems = read(write("format = 1\n", patch))
    assert not problems and again.midi == patch.midi
    assert desk.midi.lessons.forget(target) == f"{name} is turned by note 36 on channel 10 no more"
    assert desk.session.patch.midi == {}


def test_a_button_that_sends_a_controller_is_learned(desks: Any) -> None:
    desk = desks()
    desk.midi.lessons.learn("hall.mute")
    desk.cc(20, 127, 0)
    desk.pass_by(0.4)
    assert desk.said[-1] == "hall.mute is turned by CC 20 on channel 1"
    desk.cc(20, 127)
    assert desk.session.muted == {"hall"}


@pytest.mark.parametrize(
    "target, line",
    [
        ("hall.mx", "nodes.hall: reverb has no 'mx'; did you mean 'mix'?"),
        ("warmt", "no param, macro, scene or action is called 'warmt'; did you mean 'warmth'?"),
        ("/gf/macro/x", "no macro is called 'x'"),
        ("words.text", "words.text is a text, which cannot be turned; map a scene that says it"),
        ("words", "words is a node; name one of its params: words.text, words.weight; or words.mute"),
    ],
)
def test_what_cannot_be_learned_says_why(desks: Any, target: str, line: str) -> None:
    desk = desks()
    with pytest.raises(UserError) as error:
        desk.midi.lessons.learn(target)
    assert str(error.value) == line


def test_learning_can_be_given_up_and_a_node_may_go_meanwhile(desks: Any) -> None:
    desk = desks()
    desk.midi.lessons.learn("hall.mix")
    assert desk.midi.lessons.waits_for == "hall.mix"
    assert desk.midi.lessons.learn("") == "no control is waited for"
    desk.cc(1, 1)
    desk.pass_by(0.4)
    assert desk.session.patch.midi == {}
    desk.midi.lessons.learn("filter.q")
    desk.edit(PATCH.replace("tone -> filter -> hall", "tone -> hall").replace('[nodes.filter]\nkind = "svf"\n', ""))
    desk.cc(1, 1)
    desk.pass_by(0.4)
    assert desk.said[-1] == "filter.q was not mapped: midi.params.\"filter.q\": no node is called 'filter'"

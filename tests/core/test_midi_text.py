"""[midi]: controls as a patch writes them, what is wrong with them, and what becomes of them when nodes go."""

import pytest

from graphflow.core.check import check
from graphflow.core.library import Library
from graphflow.core.merge import merge
from graphflow.core.midi import Control, Midi
from graphflow.core.patch_text import read
from graphflow.core.patch_write import write

PATCH = """format = 1
wires = ["tone -> hall -> out"]

[nodes.tone]
kind = "saw"

[nodes.hall]
kind = "reverb"

[nodes.out]
kind = "output"

[expose.warmth]
params = ["hall.mix"]
glide = 250.0

[scenes.night]
"hall.mix" = 0.8

[midi.params]
"hall.mix" = { cc = 21, channel = 1 } # the first knob
"tone.freq" = { bend = true, min = 100.0, max = 400.0 }

[midi.macros]
warmth = { cc = 1, bits = 14, takeover = "jump" }

[midi.scenes]
night = { note = 36, channel = 10, seconds = 4.0 }
"""


def faults(table: str) -> list[str]:
    return [str(problem) for problem in check(PATCH.partition("[midi.params]")[0] + table, Library.builtin())]


def test_controls_are_read_and_written_back_byte_for_byte() -> None:
    patch, problems = read(PATCH)
    assert problems == []
    assert patch.midi == {
        "params": {
            "hall.mix": Control("cc", 21, channel=1),
            "tone.freq": Control("bend", min=100.0, max=400.0),
        },
        "macros": {"warmth": Control("cc", 1, bits=14, takeover="jump")},
        "scenes": {"night": Control("note", 36, channel=10, seconds=4.0)},
    }
    assert patch.expose["warmth"].glide == 250.0
    assert write(PATCH, patch) == PATCH
    assert read(write("", patch)) == (patch, [])
    assert check(PATCH, Library.builtin()) == []


def test_a_learned_control_is_one_more_line_and_a_forgotten_one_one_less() -> None:
    patch, _ = read(PATCH)
    more = write(PATCH, patch.with_control("params", "hall.decay", Control("nrpn", 300, port="nano")))
    line = '"hall.decay" = { nrpn = 300, port = "nano" }'
    assert [new for new in more.splitlines() if new not in PATCH.splitlines()] == [line]
    fewer = write(PATCH, patch.with_control("scenes", "night", None))
    assert read(fewer)[0].midi.keys() == {"params", "macros"}


@pytest.mark.parametrize(
    "table, message",
    [
        ("[midi.actions]\nplai = { note = 1 }\n", "midi.actions.plai: no action is called 'plai'; did you mean 'play'?"),
        ("[midi.mutes]\nhal = { note = 1 }\n", "midi.mutes.hal: no node is called 'hal'; did you mean 'hall'?"),
        (
            '[midi.actions]\nhush = { cc = 1, relative = "twos" }\n',
            "midi.actions.hush is relative; it is pressed, not turned",
        ),
        ("[midi.param]\n", "midi.param: [midi] has no 'param'; did you mean 'params'?"),
        ("[midi]\nparams = 3\n", "midi.params is 3; expected a table, [midi.params]"),
        (
            '[midi.params]\n"hall.mix" = 21\n',
            'midi.params."hall.mix" is 21; expected a control, like { cc = 21, channel = 1 }',
        ),
        (
            "[midi.params]\nhall.mix = { cc = 1 }\n",
            'midi.params has hall.mix without quotes; write "hall.mix" = { cc = 1 }',
        ),
        ('[midi.params]\n"hall.mix" = { cc = 128 }\n', 'midi.params."hall.mix".cc is 128; expected 0 to 127'),
        ('[midi.params]\n"hall.mix" = { cc = 1.5 }\n', 'midi.params."hall.mix".cc is 1.5; expected a whole number, 0 to 127'),
        ('[midi.params]\n"hall.mix" = { cc = 1, channel = 0 }\n', 'midi.params."hall.mix".channel is 0; expected 1 to 16'),
        (
            '[midi.params]\n"hall.mix" = { cc = 1, chanel = 2 }\n',
            "midi.params.\"hall.mix\".chanel: a control has no 'chanel'; did you mean 'channel'?",
        ),
        (
            '[midi.params]\n"hall.mix" = { channel = 2 }\n',
            'midi.params."hall.mix" names none; expected one of cc, nrpn, note, program, bend, pressure, like { cc = 21 }',
        ),
        (
            '[midi.params]\n"hall.mix" = { cc = 1, nrpn = 2 }\n',
            'midi.params."hall.mix" names cc and nrpn; expected one of cc, nrpn, note, program, bend, pressure, like { cc = 21 }',
        ),
        ('[midi.params]\n"hall.mix" = { cc = 1, bits = 8 }\n', 'midi.params."hall.mix".bits is 8; expected 7 or 14'),
        (
            '[midi.params]\n"hall.mix" = { cc = 40, bits = 14 }\n',
            'midi.params."hall.mix" has 14 bits and cc 40; such a pair begins with cc 0 to 31',
        ),
        (
            '[midi.params]\n"hall.mix" = { cc = 1, relative = "two" }\n',
            "midi.params.\"hall.mix\".relative is 'two'; expected one of twos, offset, sign",
        ),
        ('[midi.params]\n"hal.mix" = { cc = 1 }\n', "midi.params.\"hal.mix\": no node is called 'hal'; did you mean 'hall'?"),
        ('[midi.params]\n"hall.mx" = { cc = 1 }\n', "midi.params.\"hall.mx\": reverb has no param 'mx'; did you mean 'mix'?"),
        (
            '[midi.params]\n"hall.mix" = { cc = 1, max = 3.0 }\n',
            'midi.params."hall.mix" has max 3; hall.mix takes 0 to 1',
        ),
        (
            '[midi.params]\n"hall.mix" = { note = 60 }\n',
            'midi.params."hall.mix" is a note, which only switches take; expected cc, nrpn, bend or pressure',
        ),
        ("[midi.macros]\nwarmt = { cc = 1 }\n", "midi.macros.warmt: no macro is called 'warmt'; did you mean 'warmth'?"),
        (
            "[midi.macros]\nwarmth = { note = 60 }\n",
            "midi.macros.warmth is a note; a macro is turned: expected cc, nrpn, bend or pressure",
        ),
        ("[midi.scenes]\nnigth = { note = 1 }\n", "midi.scenes.nigth: no scene is called 'nigth'; did you mean 'night'?"),
        ('[expose.cold]\nparams = ["hall.mix"]\nglide = -1.0\n', "expose.cold.glide is -1 ms; expected 0 to 60000 ms"),
    ],
)  # fmt: skip
def test_one_fault(table: str, message: str) -> None:
    assert faults(table) == [message]


def test_controls_go_with_the_node_that_they_turned_and_with_what_called_them() -> None:
    patch, _ = read(PATCH)
    without = patch.without_node("hall")
    assert without.midi == {
        "params": {"tone.freq": Control("bend", min=100.0, max=400.0)},
        "scenes": {"night": Control("note", 36, channel=10, seconds=4.0)},
    }
    learned = patch.with_control("params", "hall.decay", Control("cc", 7))
    merged, lines = merge(patch, learned, without)
    assert merged.midi == without.midi
    assert lines == []


def test_two_hands_that_learn_different_knobs_both_count() -> None:
    patch, _ = read(PATCH)
    ours = patch.with_control("params", "hall.decay", Control("cc", 7))
    theirs = patch.with_control("params", "hall.mix", Control("cc", 8))
    merged, lines = merge(patch, ours, theirs)
    assert merged.midi["params"]["hall.decay"] == Control("cc", 7)
    assert merged.midi["params"]["hall.mix"] == Control("cc", 8)
    assert lines == []


def test_how_controls_and_messages_read() -> None:
    assert str(Control("cc", 21, channel=1)) == "CC 21 on channel 1"
    assert str(Control("cc", 1, bits=14, port="nano")) == "CC 1, 14 bits of nano"
    assert str(Control("bend", channel=2)) == "the pitch wheel on channel 2"
    assert str(Midi("on", 1, 60, 100)) == "on 60 = 100 on channel 1"

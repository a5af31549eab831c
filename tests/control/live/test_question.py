"""What a question is answered."""

from __future__ import annotations

from graphflow.core.library import Library
from tests.control.live.stages import Trial

TEXT = """
format = 1
wires = ["tone -> hall -> out", "sway -> hall.mix", "words -> kept.a"]
[nodes.tone]
kind = "sine"
[nodes.sway]
kind = "lfo"
[nodes.hall]
kind = "reverb"
size = 0.25
[nodes.words]
kind = "prompt"
[nodes.kept]
kind = "prompt_crossfade"
[nodes.out]
kind = "output"
[nodes.ghost]
kind = "not_there"
x = 1
[scenes.night]
"hall.size" = 0.9
"""


def answers(trial, *questions: str) -> list[str]:
    t: Trial = trial(TEXT, library=Library.builtin())
    return [t.does(question) for question in questions]


def test_a_node(trial):
    by_mark, before, by_help = answers(trial, "hall?", "? hall", "help(hall)")
    assert by_mark == before == by_help
    assert (
        by_mark
        == """\
hall = reverb(size=0.25)   sway -> hall.mix, tone -> hall -> out
A room, from a chamber to a hall, smooth to its end.

Size sets the length of the decay, from 0.4 s through 2 s in the middle to 10 s, and the distance of the walls;
moving it bends the pitch of the tail by at most half a semitone. Damp shortens the treble's decay, up to ten
times. A sustained sound has about the same level in rooms of every size. Dry and wet are mixed with equal power.
  size    0.25   0 to 1  From a chamber to a hall.
  damp    0.5    0 to 1  From bare stone to curtains.
  mix     0.3    0 to 1  From the dry sound to the room alone. Driven by sway.
  bypass  0      0 to 1  How much of the input goes past the node untouched.
  input   audio  in      What is played in the room.
  out     audio  out     The sound in its room."""
    )


def test_a_param(trial):
    text, freq = answers(trial, "hall.mix?", "help(tone.freq)")
    assert text == (
        "hall.mix is 0.3; 0 to 1, 0.3 by default\nFrom the dry sound to the room alone.\ndriven by sway\nsway -> hall.mix"
    )
    assert freq == "tone.freq is 440 Hz; 0.1 to 20000 Hz, 440 Hz by default\nPitch."


def test_a_port_a_choice_and_a_text(trial):
    port, choice, words = answers(trial, "hall.input?", "sway.shape?", "words.text?")
    assert port == "hall.input: audio in\nWhat is played in the room."
    assert choice == "sway.shape is 'sine'; sine triangle saw square random, 'sine' by default\nHow it moves."
    assert words.startswith("words.text is 'warm electric piano, dusty drums'; text, ")


def test_a_kind_and_its_param(trial):
    kind, param, new = answers(trial, "lfo?", "lfo.rate?", "help(new.lfo)")
    assert kind.startswith("lfo (modulators)\n  A slow wave that moves a param to and fro.")
    assert "  rate   0.001 to 100 Hz, 1 Hz " in kind
    assert param == "lfo.rate: 0.001 to 100 Hz, 1 Hz by default\nHow often it comes round."
    assert new == kind


def test_words_scenes_and_placeholders(trial):
    verb, scenes, ghost, transport, python = answers(trial, "every?", "scenes?", "ghost?", "transport?", "len?")
    assert verb.startswith("every(4 * beat, f): do something again and again")
    assert scenes.startswith("scene night: hall.size 0.9\n")
    assert ghost == "ghost = not_there(x=1)   no wires\nits kind is unknown here, so it is silent"
    assert transport.startswith("no tempo, 4 beats per bar\n")
    assert python == "len: Return the number of items in a container."


def test_a_question_among_other_lines(trial):
    (text,) = answers(trial, "tone.freq = 220\ntone.freq?\nx = 1")
    assert text == "tone.freq is 220 Hz; 0.1 to 20000 Hz, 440 Hz by default\nPitch."


def test_the_whole(trial):
    (text,) = answers(trial, "help()")
    lines = text.splitlines()
    assert lines[0] == "band.temperature = 0.9               a param; hall? tells all of a node's"
    assert any(line.startswith("save(), save(") for line in lines)
    assert lines[-1].startswith("kinds: ")
    assert max(map(len, lines[:-1])) <= 120


def test_values_are_those_that_play(trial):
    t: Trial = trial(TEXT, library=Library.builtin())
    t.session.set("hall", "size", 0.75)
    assert t.does("hall.size?").startswith("hall.size is 0.75; ")
    assert t.does("hall").startswith("hall = reverb(size=0.75)")
    assert t.does("hall.size = 0.5\nhelp(hall.size)").startswith("hall.size is 0.5; ")


def test_handles_show_themselves(trial):
    t: Trial = trial(TEXT, library=Library.builtin())
    assert t.does("hall.mix") == "0.3, driven by sway"
    assert t.does("tone.freq") == "440 Hz"
    assert t.does("f'{tone.freq:.1f} {tone.freq}'") == "'440.0 440.0'"
    assert t.does("sway.shape") == "'sine'"
    assert t.does("hall.input") == "hall.input"
    assert t.does("kept.a") == "kept.a   words -> kept.a"
    assert t.does("kept.b = 'choir'\nkept.b") == "kept.b = 'choir'"
    assert t.does("reverb(mix=0.5)") == "reverb(mix=0.5), not in the patch yet: name it or wire it"
    assert t.does("[str(tone), tone == nodes['tone'], hall in (tone, hall)]") == "['tone', True, True]"

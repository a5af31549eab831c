"""How what is typed may go on."""

from __future__ import annotations

import pytest

from graphflow.control.live.complete import Names
from graphflow.control.live.complete_text import Texts
from graphflow.control.live.scan import place
from graphflow.core.library import Library
from tests.control.live.stages import Trial

TEXT = """
format = 1
wires = ["tone -> low -> out", "sway -> low.cutoff"]
[nodes.tone]
kind = "saw"
[nodes.sway]
kind = "lfo"
[nodes.low]
kind = "svf"
[nodes.dusk]
kind = "prompt"
[nodes.blend]
kind = "prompt_crossfade"
[nodes.out]
kind = "output"
[nodes.ghost]
kind = "not_there"
[scenes.night]
"low.q" = 2.0
[expose.warmth]
params = ["low.cutoff"]
"""


KINDS = "saw sine lfo svf prompt prompt_crossfade output reverb recorder limiter delay gain mix player magenta".split()


@pytest.fixture
def stage(trial, tmp_path):
    (tmp_path / "evening.toml").touch()
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "break.wav").touch()
    (tmp_path / ".hidden.toml").touch()
    made: Trial = trial(TEXT, library=Library(*(Library.builtin()[kind] for kind in KINDS)), folder=tmp_path)
    made.does("mine = 5\nimport math\ndrums_are = None")
    return made


def words(t, text):
    found = t.stage.complete(text, len(text))
    assert all(s.text.startswith(text[s.start :]) for s in found)
    return [s.text for s in found]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("l", ["low", "loop", "learn(", "load(", "live", "lfo(", "limiter("]),
        ("mi", ["mine", "mix(", "min"]),
        ("low.", ["cutoff", "q", "bypass", "input", "low", "band", "high"]),
        ("low.c", ["cutoff"]),
        ("x = [low.q, sway.sh", ["shape"]),
        ("new.re", ["reverb(", "recorder("]),
        ("live.sa", ["save"]),
        ("scenes.", ["night"]),
        ("transport.b", ["beats_per_bar", "beat", "bar"]),
        ("math.sq", ["sqrt"]),
        ("mine.real", []),
        ("mine.rea", ["real"]),
        ("reverb.da", ["damp"]),
        ("tone >> l", ["low", "limiter("]),
        ("sway >> low.", ["input", "cutoff", "q", "bypass"]),
        ("dusk >> ", ["blend", "ghost", "prompt_crossfade(", "magenta("]),
        ("dusk >> blend.", ["a", "b"]),
        ("prompt(text='x') >> b", ["blend"]),
        ("low.q << s", ["sway", "saw(", "sine(", "svf("]),
        ("blend.a << ", ["dusk", "ghost", "prompt(", "prompt_crossfade("]),
        ("cut(tone, ", ["low"]),
        ("cut(sway, low.c", ["cutoff"]),
        ("insert(gain(), tone, ", ["low"]),
        ("insert(del", ["delay("]),
        ("mute(t", ["tone"]),
        ("reverb(m", ["mix=", "mine", "math", "morph(", "macro(", "mute(", "mix(", "magenta("]),
        ("reverb(mix=0.3, mi", ["mine", "mix(", "min"]),
        ("hall = reverb(\n    mix=0.3,\n    si", ["size=", "sine("]),
        ("sway.shape = '", ["sine", "triangle", "saw", "square", "random"]),
        ('sway.shape = "s', ["sine", "saw", "square"]),
        ("lfo(rate=2, shape='t", ["triangle"]),
        ("dusk.text = 'w", ["warm electric piano, dusty drums"]),
        ("scene('", ["night"]),
        ("morph({'low.", ["low.cutoff", "low.q", "low.bypass"]),
        ("macro('", ["warmth"]),
        ("nodes['t", ["tone"]),
        ("load('e", ["evening.toml"]),
        ("save('", ["evening.toml", "loops/"]),
        ("player(file='loops/", ["loops/break.wav"]),
        ("at('b", ["beat", "bar"]),
        ("quant = 'n", ["now"]),
        ("# lo", ["low", "loop", "load(", "locals"]),
        ("'lo", []),
        ("'it''s' + lo", ["low", "loop", "load(", "locals"]),
        ("x = 'a\\'b' + lo", ["low", "loop", "load(", "locals"]),
        ("nothing.", []),
        ("ghost.", []),
        ("(]).l", []),
        ("low..", []),
        ("isin", ["isinstance"]),
    ],
)
def test_what_may_follow(stage, text, expected):
    assert words(stage, text) == expected


def test_what_is_said_about_it(stage):
    said = {s.text: s.doc for s in stage.stage.complete("low.", 4)}
    assert said["cutoff"] == "20 to 20000 Hz, driven by sway: Where it bends."
    stage.session.set("low", "q", 2.5)
    assert "0.3 to 40, now 2.5: How sharply." in {s.doc for s in stage.stage.complete("low.", 4)}
    assert next(str(s) for s in stage.stage.complete("hum = reverb(mi", 15)) == (
        "mix= (0 to 1, 0.3 by default: From the dry sound to the room alone.)"
    )
    assert stage.stage.complete("sa", 2)[0].doc.startswith('save(), save("evening"): write what is meant')


def test_what_stands_behind_the_cursor_does_not_matter(stage):
    found = stage.stage.complete("low.cut + 3", 5)
    assert [(s.text, s.start) for s in found] == [("cutoff", 4)]


def test_nothing_of_the_performers_is_run(stage):
    stage.does(
        "class Trap:\n    def __getattr__(self, name): print('run')\n    @property\n    def shown(self): print('run')\n"
        "    def __dir__(self): print('run')\n    def __repr__(self): print('run')\ntrap = Trap()"
    )
    assert words(stage, "trap.") == ["shown"]
    assert "trap" in words(stage, "tr")
    assert stage.told == []


def test_no_place_in_a_source_makes_it_raise(stage):
    source = (
        'hall = reverb(mix=0.3, size=[1, {"a.b": (2, "x\\"y")}]); a.b.c >> low.cutoff << lfo()\n'
        "@loop\nasync def f():  # it's (\n    await sleep(1 * beat)\n'''three\n' quotes''' + f\"{low.q}\" ))] }\n"
        "cut(,,low.\nmorph({'low.q': 1, ''\ninsert(,,\nplayer(file='nowhere/at/all"
    )
    seen = 0
    for cursor in range(len(source) + 1):
        at = place(source[:cursor])
        assert at.head + source[len(at.head) : at.start] + at.typed == source[:cursor]
        try:
            seen += len(list((Texts if at.text else Names)(stage.stage).found(at)))
        except FileNotFoundError:
            assert "nowhere/" in at.typed
        stage.stage.complete(source, cursor)
    assert seen > 1000

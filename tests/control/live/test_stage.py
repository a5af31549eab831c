"""What is typed and what becomes of the patch: one entry, one transaction."""

from __future__ import annotations

import pytest

from graphflow.control.live.shown import differences
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from tests.control.live.stages import ONE, TEMPO, Trial


def test_a_param_is_set_and_reads_as_it_is(trial):
    t = trial()
    assert t.does("a.value = 0.5") == ""
    assert t.does("a.value") == "0.5"
    assert t.values("a") == {"value": 0.5}
    t.session.set("a", "value", 0.75)  # a controller
    assert t.does("a.value") == "0.75"
    t.does("a.value -= 0.1")
    assert t.values("a") == {"value": 0.65}


def test_a_value_counts_though_the_patch_says_it_already(trial):
    t = trial()
    t.does("a.value = 0.5")
    t.session.set("a", "value", -1.0)
    t.does("a.value = 0.5")
    assert t.session.get("a", "value") == 0.5


def test_a_node_can_be_called_with_values(trial):
    t = trial()
    t.does("f = lambda: a(value=0.5)\nf()")
    assert t.values("a") == {"value": 0.5}


def test_switches_choices_and_settings(trial):
    t = trial("", library=Library.builtin())
    t.does("loop_ = player()\nloop_ >> output()")
    assert t.does("[loop_.loop, loop_.loop is True, bool(loop_.loop), loop_.loop + 0]") == "[True, False, True, 1]"
    t.does("loop_.loop = not loop_.loop")
    assert t.values("loop_") == {"loop": False}
    t.does("x = player(loop=loop_.loop)")
    assert t.values("x") == {"loop": False}
    assert t.fails("loop_ >> x.loop") == (
        "cell 5: loop_ -> x.loop: loop of player is a param that takes no wire, only numbers and texts do"
    )
    assert t.fails("loop_.file << x") == "cell 6: '' is no node and no port, so no wire can lead there"
    t.does("wave = lfo(shape='saw')\nwave.shape = wave.shape[::-1][::-1]")
    assert t.fails("wave.shape += 'tooth'").startswith("cell 8: wave.shape is 'sawtooth'; expected one of sine, ")


def test_none_brings_the_default_back(trial):
    t = trial()
    t.does("a.value = 0.5")
    t.does("del a.value")
    assert t.values("a") == {}
    assert t.session.get("a", "value") == 0.25


def test_a_name_makes_a_node_and_keeps_it(trial):
    t = trial()
    assert t.does("b = steady(value=0.1)\nb >> out") == "b -> out"
    assert t.wires == ["a -> out", "b -> out"]
    instance = t.session._parts.instances["b"]
    t.does("b = steady()")
    assert t.values("b") == {"value": 0.1}
    t.does("b = steady(value=0.2)")
    assert t.values("b") == {"value": 0.2}
    assert t.session._parts.instances["b"] is instance


def test_another_kind_keeps_the_wires_that_fit(trial):
    t = trial()
    t.does("a = count()")
    assert t.wires == ["a -> out"]
    assert t.session.graph.nodes["a"].kind == "count"
    t.does("w = words()\nl = level()\nl >> w.weight")
    assert t.fails("w = mood()") == """cell 3: wires: "l -> w.weight": mood has no inlet 'weight'"""


def test_a_chain_is_written_as_one_wire(trial):
    t = trial("", library=Library.builtin())
    assert t.does("tone = sine()\nout = output()\ntone >> gain() >> svf() >> out") == "tone -> gain1 -> svf1 -> out"
    assert t.wires == ["tone -> gain1 -> svf1 -> out"]
    t.does("hum = sine()\nhum >> gain1 >> svf1")
    assert t.wires == ["tone -> gain1 -> svf1 -> out", "hum -> gain1"]
    t.does("svf1.high >> out")
    t.does("low = gain()\ninsert(low, svf1, out)")
    assert t.wires == ["tone -> gain1 -> svf1 -> low -> out", "hum -> gain1", "svf1.high -> low"]
    assert t.does("low") == "low = gain()   svf1.high -> low, svf1 -> low -> out"
    t.does("lfo(low=200.0, high=900.0) >> svf1.cutoff")
    assert t.wires[-1] == "cutoff_lfo -> svf1.cutoff"
    t.does("del gain1")
    assert t.wires == ["svf1 -> low -> out", "svf1.high -> low", "cutoff_lfo -> svf1.cutoff"]
    assert t.does("undo()\ntone >> (gain() >> svf1)").endswith("tone -> gain2 -> svf1")


CHAIN = ONE.replace('wires = ["a -> out"]', 'wires = ["s.words -> w.text", "a -> out"]') + (
    '[nodes.s]\nkind = "words"\n[nodes.w]\nkind = "words"\n[nodes.x]\nkind = "words"\n'
)


def test_hops_that_are_there_are_not_written_again(trial):
    t = trial(CHAIN)
    t.does("s.words >> w.text")
    assert t.wires == ["s.words -> w.text", "a -> out"]
    t.does("a >> out")
    assert t.wires == ["s.words -> w.text", "a -> out"]


def test_wires_lead_both_ways(trial):
    t = trial()
    assert t.does("l = level()\na.value << l") == "l -> a.value"
    assert t.does("a.value") == "0.25, driven by l"
    assert t.does("a.value = 0.5") == "a.value is driven by l"
    assert t.does("l >> a.value") == "l -> a.value"
    assert t.wires == ["a -> out", "l -> a.value"]


def test_a_node_without_a_name_gets_a_readable_one(trial):
    t = trial()
    t.does("a.value << level(value=0.1)")
    t.does("steady(value=0.1) >> out")
    t.does("steady() >> out")
    assert t.wires == ["a -> out", "value_level -> a.value", "steady1 -> out", "steady2 -> out"]
    t.does("a.value << level(value=0.3)")  # the same again: the same node
    assert t.values("value_level") == {"value": 0.3}
    t.does("steady1.value << level()")
    assert t.wires[-1] == "steady1_value_level -> steady1.value"
    assert t.fails("m = count()\na.value << m") == (
        "cell 6: wires: a.value is driven by value_level.level and m.out; a param takes one wire: take one out"
    )


def test_a_name_that_means_something_is_not_given(trial):
    t = trial()
    t.does("steady1 = 7\nx = steady() >> out")
    assert t.wires == ["a -> out", "steady2 -> out"]


def test_nodes_go_without_joining_their_neighbours(trial):
    t = trial(ONE.replace('"a -> out"', '"a -> out", "l -> a.value"') + '[nodes.l]\nkind = "level"\n')
    t.does("b = steady()\nb >> out\ndel a")
    assert t.wires == ["b -> out"]
    assert list(t.session.patch.nodes) == ["out", "l", "b"]


def test_what_names_a_node_is_told_when_it_goes(trial):
    t = trial(ONE + '[scenes.night]\n"a.value" = 0.1\n[expose.warmth]\nparams = ["a.value"]\n')
    assert t.does("b = steady()\nb >> out\ndel a") == "a is out of scene night, macro warmth as well"
    assert t.session.patch.expose == {}


def test_wires_are_cut(trial):
    t = trial()
    t.does("b = steady()\nl = level()\nb >> out\nl >> b.value\nl >> a.value")
    t.does("cut(l, b.value)")
    assert t.wires == ["a -> out", "b -> out", "l -> a.value"]
    t.does("cut(a.value)")
    assert t.wires == ["a -> out", "b -> out"]
    t.does("cut(b)")
    assert t.wires == ["a -> out"]
    assert t.fails("cut(b, out)") == "cell 5: no wire leads from b to out"


def test_an_entry_that_fails_changes_nothing_at_all(trial):
    t = trial()
    t.does("x = 1")
    line = t.fails("x = 2\ny = 3\na.value = 0.5\nb = steady()\nevery(1, print, name='e')\nb.value = 7")
    assert line == "cell 2, line 6: b.value is 7; expected -1 to 1"
    assert t.does("x") == "1"
    assert t.fails("y") == "cell 4: nothing is called 'y'"
    assert t.session.get("a", "value") == 0.25
    assert t.stage.events.named == {}


def test_of_several_problems_the_first_is_told(trial):
    t = trial()
    assert t.fails("l = level()\nm = count()\na.value << l\na.value << m\ndel out").endswith("; and 1 more")


WRONG = [
    ("a.valu = 1", "cell 1: a.valu: steady has no 'valu'; did you mean 'value'?"),
    ("a.valu", "cell 1: a.valu: steady has no 'valu'; did you mean 'value'?"),
    ("a.value = 'high'", "cell 1: a.value is 'high'; expected a number, -1 to 1"),
    ("a.value = level()", "cell 1: a.value takes a value; a node is wired to it, as in a.value << lfo()"),
    ("b = steady(valu=1)", "cell 1: b.valu: steady has no 'valu'; did you mean 'value'?"),
    ("b = stedy()", "cell 1: nothing is called 'stedy'; did you mean 'steady'?"),
    ("new.stedy()", "cell 1: no node is of the kind 'stedy'; did you mean 'steady'?"),
    ("steady(0.5)", "cell 1: steady takes its values by name, like steady(value=0.5)"),
    ("a >> steady", "cell 1: steady is a kind of node; make one, as in steady()"),
    ("a >> 5", "cell 1: 5 is no node and no port, so no wire can lead there"),
    ("a >> a", "cell 1: a -> a: name the param that steady.out (audio) is to drive: value"),
    ("out >> a", "cell 1: out -> a: out sends nothing; wire something else"),
    ("a >> out.level", "cell 1: out.level: out has no 'level'; expected input"),
    ("a = 5", "cell 1: a is a node; give it a param, as in a.param = ..., or take it out: del a"),
    ("Big = steady()", "cell 1: Big is no name; expected a small letter, then small letters, digits and _"),
    ("save = steady()", "cell 1: save is a verb of the REPL; choose another name"),
    ("del nothing", "cell 1: nothing is called 'nothing'"),
    ("del out", "cell 1: nodes: none is an output, so nothing would be heard; add one and wire the sound to it"),
    ("cut(a, out)", 'cell 1: out has no wire, so nothing would be heard; add one, like "node -> out"'),
    ("cut(out, a)", "cell 1: no wire leads from out to a"),
    ("insert(a, out, a)", "cell 1: a cannot lie between out and a"),
    ("rename(a, 'out')", "cell 1: out is a node already; choose another name"),
    ("rename(a, 'for')", "cell 1: for is a word of Python; choose another name"),
    ("rename('b', 'c')", "cell 1: no node is called 'b'"),
    ("tempo = 7", "cell 1: transport.tempo is 7 bpm; expected 20 to 400 bpm"),
    ("quant = 'noon'", "cell 1: quant is 'noon'; expected one of now, beat, bar, or a number of beats"),
    ("quant = -1", "cell 1: quant is -1 beats; expected above 0 to 1024"),
    ("fade = -1", "cell 1: fade is -1 ms; expected 0 to 10000 ms"),
    ("at(fade=99999)", "cell 1: fade is 99999 ms; expected 0 to 10000 ms"),
    ("scene('noon')", "cell 1: no scene is called 'noon'"),
    ("morph({'a.valu': 1}, 2)", "cell 1: a.valu: steady has no param 'valu'; did you mean 'value'?"),
    ("morph({'a.value': 1}, -2)", "cell 1: -2 s is too short; expected 0 s or more"),
    ("morph('noon')", "cell 1: morph() missing 1 required positional argument: 'length'; morph? tells how"),
    ("every(1, print, 'x', 2)", "cell 1: every() was given too many values; every? tells how"),
    ("undo(edit=2)", "cell 1: undo() got an unexpected keyword argument 'edit'; undo? tells how"),
    ("(lambda: exec('del a'))()", "cell 1: nothing is called 'a'; did you mean 'at'?"),
    ("morph(5, 2)", "cell 1: 5 is no scene; expected its name, or values by param"),
    ("scenes.noon", "cell 1: no scene is called 'noon'"),
    ("scenes.noon = {'a.value': 7}", "cell 1: scenes.noon.a.value is 7; expected -1 to 1"),
    ("mute('b')", "cell 1: no node is called 'b'"),
    ("macro('warmth', 1)", "cell 1: no macro is called 'warmth'"),
    ("undo()", "cell 1: nothing to undo"),
    ("redo()", "cell 1: nothing to redo"),
    ("undo('x')", "cell 1: undo('x'): expected how many edits, 1 or more"),
    ("undo(0)", "cell 1: undo(0): expected how many edits, 1 or more"),
    ("every(4 * beat, print)", "cell 1: 4 beats: there is no tempo to count it by; set one first, like tempo = 120"),
    ("every(0, print)", "cell 1: 0 s is too short; expected 0.001 s or more"),
    ("every(1, 5)", "cell 1: every needs something to do, like lambda: ...; 5 cannot be called"),
    ("every('x', print)", "cell 1: 'x' is no length of time; expected seconds, or beats like 4 * beat"),
    ("@loop\ndef f(): pass", "cell 1, line 1: loop takes a function that sleeps: async def drums(): ... await sleep(1 * beat)"),
    ("stop('drums')", "cell 1: nothing that happens is called 'drums'"),
    ("input()", "cell 1: a cell cannot ask for input; the keyboard is the prompt's"),
    ("1 / 0", "cell 1: ZeroDivisionError: division by zero"),
    ("a.value = ", "cell 1: not Python: invalid syntax"),
    ("x = (1,\n  2", "cell 1, line 1: not Python: '(' was never closed"),
    ("raise SystemExit", "cell 1: SystemExit"),
    ("hall?", "cell 1: nothing is called 'hall'"),
    ("a.valu?", "cell 1: a.valu: steady has no 'valu'; did you mean 'value'?"),
    ("load('nowhere')", "cell 1: nowhere.toml: no such file in ."),
    ("load()", 'cell 1: this patch has no file yet; name one, as in load("evening")'),
    ("save()", 'cell 1: this patch has no file yet; name one, as in save("evening")'),
    ("import nothing_of_that_name", "cell 1: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
]  # fmt: skip


@pytest.mark.parametrize("source,line", WRONG, ids=[source for source, _ in WRONG])
def test_what_is_wrong_is_one_line(trial, source, line):
    t = trial()
    assert t.fails(source) == line
    assert (t.hear(256) == 0.25).all()


def test_the_traceback_is_there_on_request(trial):
    t = trial()
    t.does("def f():\n    return 1 / 0")
    assert t.fails("x = 1\nf()") == "cell 2, line 2 (f, cell 1, line 2): ZeroDivisionError: division by zero"
    assert t.does("traceback()").splitlines() == [
        "Traceback (most recent call last):",
        '  File "<cell 2>", line 2, in <module>',
        "    f()",
        '  File "<cell 1>", line 2, in f',
        "    return 1 / 0",
        "            ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert t.stage.traceback().endswith("division by zero")


def test_nodes_win_over_kinds_and_words(trial):
    t = trial(
        ONE.replace('"a -> out"', '"a -> out", "count -> out"')
        + '[nodes.count]\nkind = "count"\n[nodes.beat]\nkind = "beat"\n'
    )
    assert t.does("count") == "count = count()   count -> out"
    assert t.does("beat") == "beat = beat()   no wires"
    assert t.does("4 * live.beat") == "4 beats"
    assert t.does("new.count") == "count: Counts frames: 0, 0.001, 0.002 and so on; shows whether state lives on."
    t.does("x = new.count()")
    assert t.session.patch.nodes["x"].kind == "count"


def test_no_word_hides_a_kind(trial):
    t = trial("", library=Library.builtin())
    hidden = [kind for kind in t.session.library if t.stage._means(kind)]
    assert hidden == []
    assert t.does("input").startswith("input: What the sound card hears")


def test_a_performers_names_win_over_words(trial):
    t = trial()
    t.does("bar = 3")
    assert t.does("bar") == "3"
    t.does("del bar")
    assert t.does("bar") == "1 bar"
    assert t.does("[bar / 2, beat + 0.5, 1.5 * bar - beat]") == "[0.5 bars, 1 beat + 0.5 s, 1.5 bars + -1 beats]"


def test_functions_find_nodes_and_can_make_them(trial):
    t = trial()
    t.does("def up():\n    a.value = 0.5\ndef more():\n    global b\n    b = steady(value=0.1)\n    b >> out")
    t.does("up()")
    assert t.values("a") == {"value": 0.5}
    assert "b_" not in t.session.patch.nodes
    t.does("for n in range(3):\n    nodes[f'v{n}'] = steady(value=n / 10)\n    nodes[f'v{n}'] >> out")
    assert t.wires == ["a -> out", "v0 -> out", "v1 -> out", "v2 -> out"]
    assert t.does("[n for n in nodes if a.value > 0.2]") == "['a', 'out', 'v0', 'v1', 'v2']"
    t.does("del nodes['v1']")
    assert "v1" not in t.session.patch.nodes


KNOB = '[midi.params]\n"a.value" = { cc = 21 }\n'


def test_a_control_shows_in_what_differs_and_goes_with_its_node(trial):
    t = trial(ONE)
    with_knob, problems = read(ONE + KNOB)
    assert problems == []
    assert differences(t.session.patch, with_knob) == ["~ midi.params.a.value = 'CC 21'"]
    t = trial(ONE + KNOB)
    t.does("b = steady()\nb >> out\ndel a")
    assert t.session.patch.midi == {}


def test_a_node_is_renamed_with_all_that_names_it(trial):
    t = trial(ONE + '[scenes.night]\n"a.value" = 0.1\n[expose.warmth]\nparams = ["a.value"]\n' + KNOB)
    t.does("rename(a, 'tone')")
    patch = t.session.patch
    assert list(patch.nodes) == ["tone", "out"]
    assert patch.wires == ("tone -> out",)
    assert patch.scenes == {"night": {"tone.value": 0.1}}
    assert patch.expose["warmth"].params == ("tone.value",)
    assert list(patch.midi["params"]) == ["tone.value"]
    assert (t.hear(2048)[-1] == 0.25).all()


def test_transport_quant_and_fade(trial):
    t = trial()
    assert t.does("tempo") == ""
    t.does("tempo = 90")
    t.does("transport.beats_per_bar = 3")
    assert t.does("transport") == "90 bpm, 3 beats per bar, beat 0"
    t.does("fade = 200\nquant = 'bar'")
    assert (t.session.patch.engine.fade, t.session.patch.engine.quant) == (200.0, "bar")
    assert t.does("quant") == "'bar'"
    t.does("quant = 2")
    assert t.does("quant") == "2.0"
    assert t.session.patch.engine.quant == "bar"
    t.does("quant = 'now'")
    assert t.does("quant") == "'now'"
    t.does("tempo = None")
    assert t.session.transport.tempo is None


def test_undo_and_redo(trial):
    t = trial()
    t.does("a.value = 0.5")
    t.does("b = steady()\nb >> out")
    assert t.does("undo()") == "- b = steady()\n- b -> out"
    assert t.wires == ["a -> out"]
    assert t.does("undo()") == "~ a.value as by default, was 0.5"
    t.does("redo(2)")
    assert t.wires == ["a -> out", "b -> out"]
    t.does("undo(2)\na.value = 0.1")
    assert t.values("a") == {"value": 0.1}
    assert t.wires == ["a -> out"]
    assert (
        t.fails("a.value = 0.3\nundo()") == "cell 7, line 2: undo() goes first: this entry has changed things already"
    )
    assert t.fails("undo(9)") == "cell 8: undo(9): there are only 1; undo(1) takes them all"
    t.does("undo()")
    assert t.values("a") == {}


def test_scenes_and_macros(trial):
    t = trial(TEMPO + '[scenes.night]\n"a.value" = -0.5\n[expose.warmth]\nparams = ["a.value"]\n')
    assert t.does("scenes") == "scene night: a.value -0.5"
    t.does("scene('night')")
    assert t.does("a.value") == "-0.5"
    assert t.values("a") == {}
    t.does("scenes.day = {'a.value': 0.5}\ndel scenes.night")
    assert t.session.patch.scenes == {"day": {"a.value": 0.5}}
    t.does("morph(scenes.day, 2 * beat)")
    t.hear(24_576)
    assert t.session.get("a", "value") == pytest.approx(0.0, abs=0.03)
    t.hear(24_576)
    assert t.session.get("a", "value") == 0.5
    t.does("macro('warmth', 0.25)")
    assert t.session.get("a", "value") == 0.25
    t.does("morph({'a.value': 0.75}, 0.1)")
    assert t.values("a") == {"value": 0.75}  # typed, so meant
    t.does("undo()")
    assert t.values("a") == {}


def test_scenes_and_macros_in_a_difference(trial):
    t = trial(ONE + '[expose.warmth]\nparams = ["a.value"]\n')
    t.does("scenes.night = {'a.value': 0.5}\nscenes.day = {'a.value': 0.1}")
    t.does("scenes.night = {'a.value': 0.75}\ndel scenes.day\nb = steady()\nb >> out\ndel a")
    assert t.does("undo()").splitlines() == [
        "+ a = steady()",
        "- b = steady()",
        "+ a -> out",
        "- b -> out",
        "~ scenes.night.a.value = 0.5",
        "+ scenes.day: a.value 0.1",
        "+ expose.warmth: params a.value",
    ]


def test_what_is_heard_alone_or_not(trial):
    t = trial()
    t.does("b = steady(value=0.5)\nb >> out")
    t.hear(2048)
    t.does("mute(b)")
    assert (t.hear(2048)[-1] == 0.25).all()
    t.does("mute(b, False)\nsolo('b')")
    assert (t.hear(2048)[-1] == 0.5).all()
    t.does("solo()")
    assert (t.hear(2048)[-1] == 0.75).all()
    t.does("hush()")
    assert (t.hear(4096)[-1] == 0.0).all()
    t.does("hush(False)")
    assert (t.hear(4096)[-1] == 0.75).all()
    t.does("panic()")
    assert (t.hear(256)[1:] == 0.0).all()
    t.does("panic(False)")
    assert (t.hear(4096)[-1] == 0.75).all()
    t.does("panic()")
    assert t.stage.enter("panic(False)").result(0.0).ok  # as the prompt enters it, which waits for no cell
    assert (t.hear(4096)[-1] == 0.75).all()


def test_what_is_printed_is_told(trial):
    t = trial()
    assert t.does("print('one', 2)\nprint('three\\nfour')") == ""
    assert t.told == ["one 2", "three", "four"]
    assert t.does("1 + 1") == "2"
    assert t.does("_ + 1") == "3"


@pytest.mark.parametrize(
    "source,more",
    [
        ("", False),
        ("a.value = 1", False),
        ("for x in y:", True),
        ("for x in y:\n    x", True),
        ("for x in y:\n    x\n", False),
        ("for x in y: x", False),
        ("f(1,", True),
        ("@loop", True),
        ("'''one", True),
        ("a b", False),
        ("a = )", False),
        ("hall?", False),
        ("?hall", False),
        ("if x:\n    1\nelse:", True),
    ],
)
def test_a_cell_is_whole_or_goes_on(trial, source, more):
    assert trial().stage.unfinished(source) is more


def test_a_loop_of_wires_is_refused(trial):
    t = trial("", library=Library.builtin())
    t.does("tone = sine()\na = gain()\nb = gain()\nout = output()\ntone >> a >> b >> out")
    assert t.fails("b >> a") == "cell 2: wires: a -> b -> a is a loop; put a feedback node in it"
    t.does("b >> feedback() >> a")
    assert t.wires == ["tone -> a -> b -> out", "b -> feedback1 -> a"]


def test_a_stage_begins_with_nothing(trial):
    t = trial("")
    assert t.does("steady(value=0.5) >> new.out()") == "steady1 -> out1"
    assert (t.hear(256) == 0.5).all()


def test_statistics_and_text(trial):
    t = trial(TEMPO)
    t.does("every(1 * beat, lambda: None)")
    t.fails("1 / 0")
    t.hear(100)
    assert str(t.stage) == "no file yet, 2 cells\nevery1: every 1 beat, 1 turn, next at beat 1"
    statistics = t.stage.statistics()
    assert (statistics.cells, statistics.failed, statistics.left_behind) == (2, 1, 0)
    assert (statistics.events.running, statistics.events.turns) == (1, 1)


def test_the_toolbar_is_a_line(trial):
    t = trial(TEMPO)
    t.hear(48_000)
    assert t.stage.toolbar().startswith("bar 1 beat 3 at 120 bpm  [")


def test_conflicts_with_another_hand_are_told(trial):
    t: Trial = trial()
    draft = t.stage._new_draft(None)
    draft.set("a", "value", 0.5)
    t.does("a.value = 0.1")
    assert draft.play() == ["nodes.a.value: this edit has 0.5, meanwhile it was 0.1; this edit counts"]


def test_a_function_sets_the_tempo_by_global(trial):
    t = trial()
    t.does("def slow():\n    global tempo\n    tempo = 90\nslow()")
    assert t.session.patch.transport.tempo == 90.0
    t.does("tempo = 100")
    assert t.session.patch.transport.tempo == 100.0
    assert t.fails("def wrong():\n    global tempo\n    tempo = 3\nwrong()") == (
        "cell 3: transport.tempo is 3 bpm; expected 20 to 400 bpm"
    )
    assert t.does("tempo") == "100.0"


def test_what_a_failed_function_has_made_is_not_taken_in_later(trial):
    t = trial()
    t.fails("def make():\n    global c, tempo\n    c = steady()\n    tempo = 90\n    1 / 0\nmake()")
    t.does("a.value = 0.5")
    assert "c" not in t.session.patch.nodes
    assert t.session.patch.transport.tempo is None
    assert "nothing is called 'c'" in t.fails("c")


def test_a_word_without_brackets_tells_what_it_does(trial):
    t = trial()
    assert t.does("panic") == "panic(): silence now; hush(False) ends it."
    assert t.session.engine.gain == 1.0
    assert t.does("patch") == "patch\n  a = steady()\n  out = out()\n  a -> out"


def test_what_is_no_node_is_not_muted(trial):
    t = trial()
    assert t.fails("mute(1)") == "cell 1: 1 is no node; expected a node or its name"
    assert t.fails("solo(2.5)") == "cell 2: 2.5 is no node; expected a node or its name"
    assert t.fails("mute(steady)") == "cell 3: steady is a kind of node; make one, as in steady()"
    assert t.fails("mute(a.value)") == "cell 4: a.value is a part of a node; expected the node, a"

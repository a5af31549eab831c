"""The graph: values filled in, wires typed and joined by their rules, loops named."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from graphflow import Style
from graphflow.core import graph as graphs
from graphflow.core.graph import Built, Graph, Wire, build, unknown_kinds
from graphflow.core.library import Library
from graphflow.core.literals import message
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read

Wired = Callable[..., tuple[Graph, list[str]]]


def test_defaults_are_filled_in_and_values_parsed(wired: Wired) -> None:
    graph, problems = wired([], a="tone, freq = 220", b="band, style = 'choir'\nheat = 2\ndrums = false")
    assert problems == []
    assert graph.nodes["a"].params == {"freq": 220.0}
    assert isinstance(graph.nodes["a"].params["freq"], float)
    assert graph.nodes["b"].params == {"heat": 2.0, "drums": False, "key": "auto"}
    assert graph.nodes["b"].settings == {"device": "auto"}
    assert graph.nodes["b"].literals == {"style": "choir"}


def test_the_graph_as_text(wired: Wired) -> None:
    graph, problems = wired(["a -> b -> c"], a="tone", b="hall", c="out")
    assert problems == []
    assert str(graph) == "a = tone\nb = hall\nc = out\na.out -> b.input\nb.out -> c.input"


# --- which port is meant ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wire, resolved, carries",
    [
        ("tone -> hall", "tone.out -> hall.input", "audio"),
        ("tone -> hall.mix", "tone.out -> hall.mix", "audio"),
        ("split -> hall", "split.low -> hall.input", "audio"),
        ("split.high -> hall", "split.high -> hall.input", "audio"),
        ("words -> blend", "words.style -> blend.a", "style"),
        ("words -> blend.b", "words.style -> blend.b", "style"),
        ("keys -> band", "keys.notes -> band.notes", "notes"),
        ("camera -> eye", "camera.image -> eye.picture", "image"),
        ("eye -> band", "eye.style -> band.style", "style"),
        ("eye -> hall", "eye.light -> hall.input", "signal"),  # the first out that fits: a signal is sound that rests
        ("eye.warmth -> hall", "eye.warmth -> hall.input", "signal"),
        ("eye -> hall.mix", "eye.light -> hall.mix", "signal"),
        ("eye -> words.weight", "eye.light -> words.weight", "signal"),
        ("tone -> band.heat", "tone.out -> band.heat", "audio"),
        ("speech -> words.text", "speech.text -> words.text", "text"),
        ("speech -> band", "speech.text -> band.style", "text"),
        ("speech -> screen", "speech.text -> screen.words", "text"),
    ],
)
def test_ports(wired: Wired, wire: str, resolved: str, carries: str) -> None:
    kinds = "tone hall split words blend keys band camera eye speech screen".split()
    graph, problems = wired([wire], **{kind: kind for kind in kinds})
    assert problems == []
    assert [(str(found), found.carries) for found in graph.wires] == [(resolved, carries)]


def test_a_port_in_the_middle_names_the_inlet_and_the_first_out_goes_on(wired: Wired) -> None:
    graph, problems = wired(["a -> mid.cutoff -> c"], a="tone", mid="split", c="out")
    assert problems == []
    assert list(map(str, graph.wires)) == ["a.out -> mid.cutoff", "mid.low -> c.input"]


@pytest.mark.parametrize(
    "wire, message",
    [
        ("tone -> hal", "no node is called 'hal'; did you mean 'hall'?"),
        ("tone -> zzz", "no node is called 'zzz'"),
        ("tone.uot -> hall", "tone has no outlet 'uot'; did you mean 'out'?"),
        ("tone.freq -> hall", "freq of tone is a param that gives no wire"),
        ("split.x -> hall", "split has no outlet 'x'; expected one of low, high"),
        ("tone -> hall.mixx", "hall has no inlet 'mixx'; did you mean 'mix'?"),
        ("tone -> hall.out", "out of hall takes no wire; expected one of input, mix, steps, bypass"),
        ("tone -> band.drums", "drums of band is a param that takes no wire, only numbers and texts do"),
        ("tone -> band.device", "device of band is a setting; settings take no wire, only params do"),
        ("words -> hall", "words.style (style) cannot feed hall, which takes audio"),
        ("words -> hall.mix", "words.style (style) cannot feed hall.mix (number)"),
        ("tone -> blend", "name the param that tone.out (audio) is to drive: position"),
        ("tone -> tone", "name the param that tone.out (audio) is to drive: freq"),
        ("tone -> blend.a", "tone.out (audio) cannot feed blend.a (style)"),
        ("camera -> words", "camera.image (image) cannot feed words, which takes no wires"),
        ("eye.style -> screen", "eye.style (style) cannot feed screen, which takes text"),
        ("eye -> screen", "what eye sends (style, signal) cannot feed screen, which takes text"),
        ("out -> hall", "out sends nothing; wire something else"),
        ("out.device -> hall", "device of out gives no wire"),
    ],
)
def test_wires_that_cannot_be(wired: Wired, wire: str, message: str) -> None:
    kinds = "tone hall split words blend band camera eye screen out".split()
    graph, problems = wired([wire], **{kind: kind for kind in kinds})
    assert problems == [f'wires: "{wire}": {message}']
    assert graph.wires == ()


# --- how many wires --------------------------------------------------------------------------------------------------


def test_sound_styles_and_notes_take_many_wires(wired: Wired) -> None:
    wires = ["a -> band2.style", "b -> band2.style", "k -> band2", "l -> band2", "t -> out", "u -> out"]
    _, problems = wired(wires, a="words", b="words", k="keys", l="keys", t="tone", u="tone", band2="band", out="out")
    assert problems == []


@pytest.mark.parametrize(
    "wires, message",
    [
        (["t -> hall", "t.out -> hall.input"], "t.out -> hall.input is there twice; take one out"),
        (["t -> hall -> out", "u -> hall -> out"], "hall.out -> out.input is there twice; take one out"),
        (
            ["t -> hall.mix", "u -> hall.mix"],
            "hall.mix is driven by t.out and u.out; a param takes one wire: take one out",
        ),
        (
            ["s -> words.text", "r -> words.text"],
            "words.text is driven by s.text and r.text; a param takes one wire: take one out",
        ),
        (["s -> screen", "r -> screen"], "screen.words is fed by s.text and r.text; text takes one wire: take one out"),
        (["c -> eye", "d -> eye"], "eye.picture is fed by c.image and d.image; image takes one wire: take one out"),
    ],
)
def test_one_wire_too_many(wired: Wired, wires: list[str], message: str) -> None:
    kinds = dict(t="tone", u="tone", hall="hall", words="words", s="speech", r="speech")
    graph, problems = wired(wires, **kinds, screen="screen", c="camera", d="camera", eye="eye", out="out")
    assert problems == [f"wires: {message}"]
    assert len(graph.wires) == len({(wire.dest, wire.inlet, wire.source) for wire in graph.wires})


# --- loops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wires, message",
    [
        (["a -> b -> c -> a"], "a -> b -> c -> a is a loop; put a feedback node in it"),
        (["c -> c"], "c -> c is a loop; put a feedback node in it"),
        (["a -> b", "b -> c -> a", "c -> b"], "a -> b -> c -> a is a loop; put a feedback node in it"),
        (["t.out -> t.freq"], "t -> t is a loop; put a feedback node in it"),
        (["x -> y -> x"], "x -> y -> x is a loop; take one of its wires out"),
        (["a -> lag.level", "lag -> a"], "a -> lag -> a is a loop; put a feedback node in it"),
    ],
)
def test_loops_are_named(wired: Wired, wires: list[str], message: str) -> None:
    _, problems = wired(wires, a="hall", b="hall", c="hall", t="tone", x="blend", y="blend", lag="lag")
    assert problems == [f"wires: {message}"]


def test_every_knot_of_loops_is_told_once(wired: Wired) -> None:
    _, problems = wired(["a -> b -> a", "b -> b", "c -> d -> c"], a="hall", b="hall", c="hall", d="hall")
    assert problems == [
        "wires: a -> b -> a is a loop; put a feedback node in it",
        "wires: c -> d -> c is a loop; put a feedback node in it",
    ]


def test_a_node_that_breaks_loops_may_close_one(wired: Wired) -> None:
    graph, problems = wired(["t -> a -> b -> lag -> a", "lag -> lag"], t="tone", a="hall", b="hall", lag="lag")
    assert problems == []
    assert len(graph.wires) == 5


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "node, message",
    [
        ("tone, freq = 30000", "freq is 30000 Hz; expected 0.1 to 20000 Hz"),
        ("tone, freq = nan", "freq is nan Hz; expected 0.1 to 20000 Hz"),
        ("tone, freq = -inf", "freq is -inf Hz; expected 0.1 to 20000 Hz"),
        ("tone, freq = 1" + "0" * 400, "freq is too large a number"),
        ("tone, freq = 'a4'", "freq is 'a4'; expected a number, 0.1 to 20000 Hz"),
        ("tone, freq = true", "freq is True; expected a number, 0.1 to 20000 Hz"),
        ("tone, frec = 3", "frec: tone has no 'frec'; did you mean 'freq'?"),
        ("tone, zzz = 3", "zzz: tone has no 'zzz'; expected freq"),
        ("tone, out = 3", "out: out of tone takes no value"),
        ("hall, steps = 2.5", "steps is 2.5; expected a multiple of 1"),
        ("band, drums = 'no'", "drums is 'no'; expected true or false"),
        ("band, key = 'H'", "key is 'H'; expected one of auto, C, D"),
        ("band, device = 3", "device is 3; expected text"),
        ("deck, channels = 9", "channels is 9; expected 1 to 8"),
        ("deck, channels = 1.5", "channels is 1.5; expected a whole number, 1 to 8"),
        ("words, text = 3", "text is 3; expected text"),
        ("band, notes = [60]", "notes is a list; notes comes by wire only"),
        ("eye, picture = 'a.png'", "picture is 'a.png'; image comes by wire only"),
        ("band, style = 3", 'style is 3; expected text, or a list of texts and { text = "...", weight = 1.0 }'),
        (
            "band, style = [3]",
            'style has 3 as number 1; expected text, or a list of texts and { text = "...", weight = 1.0 }',
        ),
        ("band, style = [{ text = 'a', weight = -1 }]", "style has the weight -1 in number 1; expected 0 to 100"),
        ("band, style = ['a', { text = 'b', wait = 1 }]", "style has 'wait' in number 2; expected text and weight"),
        ("screen, words = 3", "words is 3; expected text"),
    ],
)
def test_values_that_cannot_be(wired: Wired, node: str, message: str) -> None:
    _, problems = wired([], lead=node)
    assert problems == [f"nodes.lead.{message}"]


def test_free_keys_are_nobodys(wired: Wired) -> None:
    assert wired([], lead="tone, x-colour = 'red'")[1] == []


def test_literals_become_messages(library: Library) -> None:
    inlet = library["band"].spec.inlets["style"]
    assert message(inlet, "choir") == Style.of("choir")
    assert str(message(inlet, ["choir", {"text": "cave", "weight": 0.5}])) == "1 choir + 0.5 cave"
    assert message(library["screen"].spec.inlets["words"], "hello") == "hello"


def test_all_faults_of_a_patch_in_written_order(wired: Wired) -> None:
    _, problems = wired(["a -> b -> b", "a -> x"], a="tone, freq = 0", b="haal", c="hall, mix = 2")
    assert problems == [
        "nodes.b.kind is 'haal'; no node is of that kind; did you mean 'hall'?",
        "nodes.a.freq is 0 Hz; expected 0.1 to 20000 Hz",
        "nodes.c.mix is 2; expected 0 to 1",
        "wires: \"a -> x\": no node is called 'x'",
    ]


# --- kinds that are not there ----------------------------------------------------------------------------------------


def test_a_placeholder_is_silent_and_keeps_the_rest_playing(library: Library) -> None:
    patch = Patch(wires=("a -> odd.in -> out", "a -> out")).with_node("a", "tone").with_node("odd", "odd", x=1)
    graph, problems = build(patch.with_node("out", "out"), library, placeholders=True)
    assert problems == []
    assert graph.wires == (Wire("a", "out", "out", "input", "audio"),)
    assert graph.nodes["odd"].spec is None
    assert list(map(str, unknown_kinds(graph, library))) == ["nodes.odd.kind is 'odd'; no node is of that kind"]


def test_a_kind_from_a_folder_that_is_not_trusted(library: Library, tmp_path: Path) -> None:
    wary = Library(*library.values())
    (tmp_path / "wobble.py").write_text("class Wobble(AudioNode): ...")
    wary.distrust(tmp_path)
    _, problems = build(Patch().with_node("a", "wobble"), wary)
    assert list(map(str, problems)) == [
        "nodes.a.kind is 'wobble', from a folder that is not trusted; read what is in it, then: "
        f"graphflow trust {tmp_path}"
    ]


def test_five_thousand_nodes_build_in_seconds(library: Library) -> None:
    names = [f"n{number}" for number in range(5000)]
    wires = "".join(f'  "{a} -> {b}",\n' for a, b in pairwise(names))
    nodes = "".join(f'[nodes.{name}]\nkind = "hall"\nmix = 0.2\n' for name in names)
    start = time.process_time()
    patch, unread = read(f"format = 1\nwires = [\n{wires}]\n{nodes}")
    graph, problems = build(patch, library)
    seconds = time.process_time() - start
    assert (unread, problems, len(graph.wires)) == ([], [], 4999)
    assert seconds < 5.0  # measured: 0.4 s


def test_what_is_written_as_before_is_not_read_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    patch, problems = read('format = 1\nwires = ["a -> c", "b -> c"]\n[nodes.a]\nkind = "tone"\n[nodes.b]\nkind = "tone"\n'
                           '[nodes.c]\nkind = "out"\n')  # fmt: skip
    assert problems == []
    built, read_again = Built(), list[str]()
    one = graphs.build_node

    def counted(name: str, *rest: Any) -> Any:
        read_again.append(name)
        return one(name, *rest)

    monkeypatch.setattr(graphs, "build_node", counted)
    first = build(patch, library, built=built)
    first[0].nodes["b"].params["freq"] = 1.0  # as whoever plays it does
    read_again.clear()
    edited = patch.with_value("a", "freq", 220.0).with_node("d", "tone").with_wires("d -> c")
    again = build(edited, library, built=built)
    assert read_again == ["a", "d"]
    assert again == build(edited, library)
    wrong = edited.with_value("a", "freq", "high")
    assert build(wrong, library, built=built) == build(wrong, library, built=built) == build(wrong, library)
    built.keep(("a",))
    read_again.clear()
    assert build(patch, library, built=built) == build(patch, library)
    assert read_again[:3] == ["a", "b", "c"]

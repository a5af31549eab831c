"""What changes from one graph to another."""

from __future__ import annotations

from collections.abc import Callable

from graphflow import AudioNode, AudioOut
from graphflow.core.difference import difference
from graphflow.core.graph import Graph, build
from graphflow.core.library import Library
from graphflow.core.patch import Patch

Wired = Callable[..., tuple[Graph, list[str]]]


def test_nothing(wired: Wired) -> None:
    one, _ = wired(["a -> b"], a="tone", b="out")
    other, _ = wired(["a.out -> b.input"], b="out", a="tone, freq = 440")
    change = difference(one, other)
    assert not change
    assert not change.rewires
    assert str(change) == "nothing"


def test_everything(wired: Wired) -> None:
    old, _ = wired(["a -> b -> c"], a="tone, freq = 220", b="hall", c="out", d="deck", e="words", f="band, style = 'x'")
    new, problems = wired(
        ["a -> c", "h -> c"],
        a="tone, freq = 330",
        c="out",
        d="deck, file = 'x.wav'",
        e="speech",
        f="band, style = 'y'",
        h="hall, mix = 0.9",
    )
    assert problems == []
    change = difference(old, new)
    assert change.rewires
    assert change.params == {("a", "freq"): (220.0, 330.0)}
    assert str(change) == (
        "+ h\n- b\n! d\n! e\n~ a.freq 220.0 -> 330.0\n~ f.style 'x' -> 'y'\n"
        "+ a.out -> c.input\n+ h.out -> c.input\n- a.out -> b.input\n- b.out -> c.input"
    )
    back = difference(new, old)
    assert (back.added, back.removed, back.joined, back.cut) == (
        change.removed,
        change.added,
        change.cut,
        change.joined,
    )


def test_values_alone_do_not_rewire(wired: Wired) -> None:
    old, _ = wired([], a="band, style = 'x'")
    new, _ = wired([], a="band, heat = 2")
    change = difference(old, new)
    assert change
    assert not change.rewires
    assert change.literals == {("a", "style"): ("x", None)}


def test_a_kind_that_appears_or_is_read_again_replaces_its_nodes(library: Library) -> None:
    patch = Patch().with_node("a", "late")
    silent, _ = build(patch, library, placeholders=True)
    graphs = []
    for _ in range(2):

        class Late(AudioNode):
            """Late."""

            out = AudioOut()

            @staticmethod
            def tick() -> float:
                return 0.0

        graphs.append(build(patch, Library(Late))[0])
    assert difference(silent, graphs[0]).replaced == ("a",)
    assert difference(graphs[0], graphs[1]).replaced == ("a",)
    assert not difference(graphs[1], graphs[1])

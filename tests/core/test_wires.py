"""The grammar of wires."""

import pytest

from graphflow.core.wires import End, Hop, ends, hops, text, without, without_node


def test_a_wire_of_three_nodes_is_two_hops() -> None:
    assert hops("dusk -> blend.a -> band") == [
        Hop(End("dusk"), End("blend", "a")),
        Hop(End("blend"), End("band")),  # a port in the middle names the inlet alone
    ]


@pytest.mark.parametrize("wire", ["a->b.x->c", " a  ->\tb.x -> c ", "a -> b.x -> c"])
def test_spaces_do_not_count(wire: str) -> None:
    assert text(ends(wire)) == "a -> b.x -> c"


@pytest.mark.parametrize(
    "wire, message",
    [
        ("", "has '' at an end; expected node or node.port, joined by ->"),
        ("a", "leads nowhere; expected node.port -> node.port"),
        ("a -> ", "has '' at an end; expected node or node.port, joined by ->"),
        ("a - b", "has 'a - b' at an end; expected node or node.port, joined by ->"),
        ("a ->> b", "has '> b' at an end; expected node or node.port, joined by ->"),
        ("a.b.c -> d", "has 'a.b.c' at an end; expected node or node.port, joined by ->"),
        ("A -> b", "has 'A' at an end; expected node or node.port, joined by ->"),
        ("a. -> b", "has 'a.' at an end; expected node or node.port, joined by ->"),
    ],
)
def test_what_is_no_wire(wire: str, message: str) -> None:
    with pytest.raises(ValueError) as fault:  # noqa: PT011 - the whole text is compared
        ends(wire)
    assert str(fault.value) == message


@pytest.mark.parametrize(
    "wire, rest",
    [
        ("a -> x", ()),
        ("a -> b -> x", ("a -> b",)),
        ("x -> b.in -> c", ("b -> c",)),  # at the start of a wire a port would name an out
        ("a.high -> b -> x.mix -> c.b -> d", ("a.high -> b", "c -> d")),
        ("a -> b", ("a -> b",)),
    ],
)
def test_a_wire_without_a_node(wire: str, rest: tuple[str, ...]) -> None:
    assert without_node([wire], "x") == rest


def test_a_cut_leaves_the_rest_in_place_and_unchanged_wires_as_typed() -> None:
    wires = ["a->b", "c -> d -> e -> f", "g"]
    assert without(wires, lambda hop: hop.source.node == "d") == ("a->b", "c -> d", "e -> f", "g")

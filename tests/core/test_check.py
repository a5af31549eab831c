"""What `check` says beyond text and graph: an output, and files that are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graphflow.core.check import check
from graphflow.core.library import Library

Faults = Callable[[str], list[str]]


def test_no_output(faults: Faults) -> None:
    assert faults('format = 1\n[nodes.a]\nkind = "tone"\n') == [
        "nodes: none is an output, so nothing would be heard; add one and wire the sound to it"
    ]


def test_an_output_without_a_wire(faults: Faults) -> None:
    assert faults('format = 1\n[nodes.a]\nkind = "out"\n') == [
        'nodes.a has no wire, so nothing would be heard; add one, like "node -> a"'
    ]


def test_an_unknown_kind_may_have_been_the_output(faults: Faults) -> None:
    assert faults('format = 1\nwires = ["a -> b"]\n[nodes.a]\nkind = "tone"\n[nodes.b]\nkind = "outt"\n') == [
        "nodes.b.kind is 'outt'; no node is of that kind; did you mean 'out'?"
    ]


def test_what_is_not_toml_is_told_alone(faults: Faults) -> None:
    assert faults("format = 1\nwires [") == ["line 2, column 7: not TOML: expected '=' after a key in a key/value pair"]


def test_files_are_looked_for_beside_the_patch(library: Library, tmp_path: Path) -> None:
    text = """format = 1
wires = ["deck -> out", "deck -> tape", "still -> out"]
[nodes.deck]
kind = "deck"
file = "loop.wav"
[nodes.still]
kind = "deck"
[nodes.tape]
kind = "taper"
[nodes.out]
kind = "out"
"""
    assert list(map(str, check(text, library, tmp_path))) == [
        f"nodes.deck.file is 'loop.wav'; no such file in {tmp_path}"
    ]
    (tmp_path / "loop.wav").write_bytes(b"")
    assert check(text, library, tmp_path) == []


def test_text_graph_and_output_in_one_go(faults: Faults) -> None:
    text = 'titel = 1\nformat = 1\nwires = ["a -> b"]\n[nodes.a]\nkind = "tone"\nfreq = 0\n[scenes.x]\n"a.frec" = 1\n'
    assert faults(text) == [
        "titel: a patch has no 'titel'; did you mean 'title'?",
        "nodes.a.freq is 0 Hz; expected 0.1 to 20000 Hz",
        "wires: \"a -> b\": no node is called 'b'",
        "scenes.x.a.frec: tone has no param 'frec'; did you mean 'freq'?",
        "nodes: none is an output, so nothing would be heard; add one and wire the sound to it",
    ]

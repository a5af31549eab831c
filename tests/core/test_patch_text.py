"""Patch text read into data, with all its faults told at once."""

from __future__ import annotations

import pytest

from graphflow.core.patch import EngineSettings, Expose, Patch, PatchNode, Transport
from graphflow.core.patch_text import migrated, read

WHOLE = """\
# a comment
format = 1
title = "Fog"
x-mood = "grey"
wires = [
  "a -> b.in",  # one
]

[nodes.a]
kind = "tone"
freq = 220
x-colour = "red"

[nodes.b]
kind = "hall"

[transport]
tempo = 84
beats_per_bar = 3
x-swing = 1

[engine]
rate = 44100
block = 64
fade = 5
quant = "bar"

[expose.far]
params = ["b.mix"]
min = 0
max = 0.5
warp = "lin"
unit = "dB"

[scenes.night]
"b.mix" = 0.9

[meta]
author = "me"
"""


def faults(text: str | bytes) -> list[str]:
    return [str(problem) for problem in read(text)[1]]


def test_a_whole_patch() -> None:
    patch, problems = read(WHOLE)
    assert problems == []
    assert patch == Patch(
        format=1,
        title="Fog",
        wires=("a -> b.in",),
        nodes={"a": PatchNode("tone", {"freq": 220, "x-colour": "red"}), "b": PatchNode("hall")},
        transport=Transport(84.0, 3),
        engine=EngineSettings(44100, 64, 5.0, "bar"),
        expose={"far": Expose(("b.mix",), 0.0, 0.5, "lin", "dB")},
        scenes={"night": {"b.mix": 0.9}},
        meta={"author": "me"},
        extra={"x-mood": "grey"},
    )
    assert isinstance(patch.transport.tempo, float)


def test_a_patch_as_text() -> None:
    patch, _ = read(WHOLE)
    assert str(patch) == "patch 'Fog'\n  a = tone(freq=220, x-colour='red')\n  b = hall()\n  a -> b.in"
    assert str(patch.transport) == "84 bpm, 3 beats per bar"
    assert str(patch.engine) == "44100 Hz, block 64, fade 5 ms, quant bar"


def test_what_is_left_out_has_its_default() -> None:
    patch, problems = read("format = 1")
    assert problems == []
    assert patch == Patch()
    assert (patch.transport, patch.engine) == (Transport(None, 4), EngineSettings(48_000, 128, 20.0, "now"))


@pytest.mark.parametrize("text", [WHOLE.encode(), "\ufeff" + WHOLE, WHOLE.replace("\n", "\r\n")])
def test_bytes_byte_order_mark_and_windows_line_ends(text: str | bytes) -> None:
    assert read(text) == read(WHOLE)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "file is empty; expected a patch: format, wires and nodes"),
        ("# only a comment\n", "file is empty; expected a patch: format, wires and nodes"),
        ("format = 1\nfreq 3\n", "line 2, column 6: not TOML: expected '=' after a key in a key/value pair"),
        ("format = 1\n[nodes.a", "end of document: not TOML: expected ']' at the end of a table declaration"),
        ("format = 1\nformat = 1\n", "line 2, column 11: this key or table is there twice; take one out"),
        ("[nodes.a]\n[nodes.a]\n", "line 2, column 9: this key or table is there twice; take one out"),
        ("\x00", "line 1, column 1: not TOML: invalid statement"),
        (b"format = 1\ntitle = 'caf\xe9'\n", "line 2 has the byte 0xe9, which is not UTF-8; save it as UTF-8"),
        ("x = 1" + "0" * 5000, "file: a number in it has more digits than can be read; expected a patch"),
        ("x = " + "[" * 5000, "file: lists or tables are nested too deep; expected a patch"),
    ],
)
def test_what_is_no_patch_at_all_is_one_fault(text: str | bytes, message: str) -> None:
    assert faults(text) == [message]
    assert read(text)[0] == Patch()


@pytest.mark.parametrize(
    "line, message",
    [
        ("format = 2", "format is 2; this graphflow reads up to 1: get a newer graphflow"),
        ("format = 0", "format is 0; expected 1"),
        ("format = true", "format is true; expected 1"),
        ("format = 1.0", "format is 1.0; expected 1"),
        ("title = 1", "format is missing; write format = 1 as the first line|title is 1; expected text"),
    ],
)
def test_formats(line: str, message: str) -> None:
    assert faults(line) == message.split("|")


@pytest.mark.parametrize(
    "text, message",
    [
        ("titel = 'x'", "titel: a patch has no 'titel'; did you mean 'title'?"),
        ("[lead]\nkind = 'sine'", "lead: a node's table is [nodes.lead]"),
        ("title = 3", "title is 3; expected text"),
        ("wires = 'a -> b'", "wires is 'a -> b'; expected a list, wires = [\"node -> node\"]"),
        ("wires = ['a -> b', 3]", 'wires: number 2 is 3; expected text, "node -> node"'),
        ("wires = ['a => b']", "wires: \"a => b\" has 'a => b' at an end; expected node or node.port, joined by ->"),
        ("nodes = 3", "nodes is 3; expected a table, [nodes]"),
        ("[nodes]\nlead = 'sine'", "nodes.lead is 'sine'; expected a table, [nodes.lead]"),
        ("[nodes.lead]\nfreq = 3", 'nodes.lead has no kind; write one, like kind = "sine"'),
        ("[nodes.lead]\nkind = 3", 'nodes.lead.kind is 3; expected text, like kind = "sine"'),
        (
            "[nodes.Lead]\nkind = 'sine'",
            "nodes.Lead is no name; expected a small letter, then small letters, digits and _",
        ),
        ("[nodes.for]\nkind = 'sine'", "nodes.for is a word of Python; choose another name"),
        ("[nodes.save]\nkind = 'sine'", "nodes.save is a verb of the REPL; choose another name"),
        ("[transport]\ntempo = 0", "transport.tempo is 0 bpm; expected 20 to 400 bpm"),
        ("[transport]\ntempo = nan", "transport.tempo is nan bpm; expected 20 to 400 bpm"),
        ("[transport]\ntempo = '84'", "transport.tempo is '84'; expected a number, 20 to 400 bpm"),
        ("[transport]\nbeats_per_bar = 3.5", "transport.beats_per_bar is 3.5; expected a whole number, 1 to 32"),
        (
            "[transport]\nbpm = 84",
            "transport.bpm: [transport] has no 'bpm'; expected one of tempo, beats_per_bar, follow",
        ),
        ("[engine]\nrate = 7", "engine.rate is 7 Hz; expected 8000 to 192000 Hz"),
        ("[engine]\nrate = inf", "engine.rate is inf Hz; expected 8000 to 192000 Hz"),
        ("[engine]\nblock = true", "engine.block is True; expected a number, 16 to 1024"),
        ("[engine]\nquant = 'beet'", "engine.quant is 'beet'; expected one of now, beat, bar"),
        ("[engine]\nrates = 48000", "engine.rates: [engine] has no 'rates'; did you mean 'rate'?"),
        ("engine = 1", "engine is 1; expected a table, [engine]"),
        ("[expose]\nfar = 1", "expose.far is 1; expected a table, [expose.far]"),
        ("[expose.far]\nmin = 0", 'expose.far.params is missing; expected a list of params, like ["hall.mix"]'),
        (
            "[expose.far]\nparams = 'hall.mix'",
            "expose.far.params is 'hall.mix'; expected a list of params, like [\"hall.mix\"]",
        ),
        ("[expose.far]\nparams = ['a.b']\nwarp = 'log'", "expose.far.warp is 'log'; expected one of lin, exp"),
        (
            "[expose.far]\nparams = ['a.b']\nunit = 'm'",
            "expose.far.unit is 'm'; expected one of Hz, dB, s, ms, bpm, st, ct, %",
        ),
        (
            "[expose.far]\nparams = ['a.b']\nmax = inf",
            "expose.far.max is inf; expected -1e+09 to 1e+09",
        ),
        ("[expose.far]\nparams = ['a.b']\nmix = 1", "expose.far.mix: [expose.far] has no 'mix'; did you mean 'min'?"),
        ("[scenes]\nnight = 1", "scenes.night is 1; expected a table, [scenes.night]"),
        (
            "[scenes.night]\nhall.mix = 0.5",
            'scenes.night has hall.mix without quotes; write "hall.mix" = value',
        ),
        ("[scenes.if]\n", "scenes.if is a word of Python; choose another name"),
        ("meta = 3", "meta is 3; expected a table, [meta]"),
    ],
)
def test_one_fault(text: str, message: str) -> None:
    assert faults(f"format = 1\n{text}") == [message]


@pytest.mark.parametrize("table", ["nodes", "nodes.a", "transport", "engine", "expose.a", "scenes.a", "meta"])
def test_wires_below_a_table_are_told(table: str) -> None:
    rest = {"nodes.a": 'kind = "tone"', "expose.a": 'params = ["b.c"]'}.get(table, "")
    message = f"{table}.wires stands below [{table}]; move wires above the first table"
    assert faults(f'format = 1\n[{table}]\n{rest}\nwires = ["a -> b"]\n') == [message]


def test_meta_may_hold_wires_of_its_own() -> None:
    assert faults('format = 1\nwires = []\n[meta]\nwires = ["a -> b"]\n') == []


def test_all_faults_at_once_in_the_order_of_the_parts() -> None:
    text = """
titel = "x"
wires = ["a", "b -> c"]
[nodes.a]
freq = 1
[nodes.b]
kind = 2
[engine]
rate = 7
block = 7
"""
    assert faults(text) == [
        "format is missing; write format = 1 as the first line",
        'wires: "a" leads nowhere; expected node.port -> node.port',
        'nodes.a has no kind; write one, like kind = "sine"',
        'nodes.b.kind is 2; expected text, like kind = "sine"',
        "engine.rate is 7 Hz; expected 8000 to 192000 Hz",
        "engine.block is 7; expected 16 to 1024",
        "titel: a patch has no 'titel'; did you mean 'title'?",
    ]


def test_a_node_at_fault_stays_for_its_wires() -> None:
    patch, _ = read('format = 1\nwires = ["a -> b"]\n[nodes.a]\n[nodes.b]\nkind = 1\n')
    assert patch.nodes == {"a": PatchNode(""), "b": PatchNode("")}


def test_migrations_run_from_the_written_format_on() -> None:
    steps = (lambda d: {**d, "two": True}, lambda d: {**d, "three": True})
    assert migrated({"format": 1}, 1, steps) == {"format": 1, "two": True, "three": True}
    assert migrated({"format": 2}, 2, steps) == {"format": 2, "three": True}
    assert migrated({"format": 3}, 3, steps) == {"format": 3}

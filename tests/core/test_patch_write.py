"""Patches written back into their text: what changed is changed, all else stays as typed."""

from __future__ import annotations

import random
import time
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from graphflow.core.patch import EngineSettings, Expose, Patch, Transport
from graphflow.core.patch_text import read
from graphflow.core.patch_write import data, same, write

TEXT = """\
# Evening music.

format = 1
wires = [
  # the voices
  "dusk -> blend.a",   # evening
  "sea -> blend.b",
  # the effects
  "blend -> band -> out",
]

# the dusk
[nodes.dusk]
kind = "words"   # a prompt
text = "a # b"  # the words
# what it weighs
weight = 0.5

# the sea
[nodes.sea]
kind = 'words'

[engine]
rate   =   44100    # as the old records

[nodes.band]   # out of order
kind = "band"
style = [
  "choir",  # inside
  { text = "cave", weight = 0.5 },
]
"""


def patched(text: str = TEXT) -> Patch:
    patch, problems = read(text)
    assert problems == []
    return patch


def changed_lines(before: str, after: str) -> list[str]:
    """Lines taken out, then lines put in."""
    old, new = before.splitlines(), after.splitlines()
    left = [f"-{line}" for line in old if line not in new]
    return left + [f"+{line}" for line in new if line not in old]


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, TEXT.rstrip("\n")])
def test_an_unchanged_patch_is_the_same_to_the_byte(text: str) -> None:
    assert write(text, patched(text)) == text


@pytest.mark.parametrize(
    "node, key, value, lines",
    [
        ("dusk", "text", "c # d", ['-text = "a # b"  # the words', '+text = "c # d"  # the words']),
        ("dusk", "weight", 1.0, ["-weight = 0.5", "+weight = 1.0"]),
        ("dusk", "weight", None, ["-weight = 0.5"]),
        ("sea", "weight", 2, ["+weight = 2"]),
        ("sea", "text", 'say "hi"\nagain', ['+text = "say \\"hi\\"\\nagain"']),
        ("band", "heat", 0.25, ["+heat = 0.25"]),
        ("band", "drums", False, ["+drums = false"]),
        (
            "band",
            "style",
            "wind",
            ["-style = [", '-  "choir",  # inside', '-  { text = "cave", weight = 0.5 },', '+style = "wind"'],
        ),
    ],
)
def test_one_value(node: str, key: str, value: Any, lines: list[str]) -> None:
    patch = patched().with_value(node, key, value)
    text = write(TEXT, patch)
    assert patched(text) == patch
    assert [line for line in changed_lines(TEXT, text) if line not in ("-]", "+]")] == lines


def test_a_new_value_stands_at_the_end_of_its_table_before_the_next_ones_comment() -> None:
    text = write(TEXT, patched().with_value("sea", "weight", 2).with_value("dusk", "x-a", 1))
    assert "weight = 0.5\nx-a = 1\n\n# the sea\n[nodes.sea]\nkind = 'words'\nweight = 2\n\n[engine]\n" in text


def test_everything_at_once() -> None:
    patch = patched().without_node("dusk").with_node("hall", "hall", mix=0.5, **{"x-note": {"a": [1, 2]}})
    patch = replace(
        patch.with_wires("band -> hall"),
        title="Fog",
        engine=EngineSettings(block=64),
        transport=Transport(84.0),
        scenes={"night": {"hall.mix": 1.0}},
        expose={"far": Expose(("hall.mix",), max=0.5)},
        meta={"by": "me"},
        extra={"x-a": 1},
    )
    text = write(TEXT, patch)
    assert (
        text
        == """\
# Evening music.

format = 1
title = "Fog"
wires = [
  # the voices
  "sea -> blend.b",
  # the effects
  "blend -> band -> out",
  "band -> hall",
]
x-a = 1

# the dusk

# the sea
[nodes.sea]
kind = 'words'

[engine]
block = 64

[nodes.band]   # out of order
kind = "band"
style = [
  "choir",  # inside
  { text = "cave", weight = 0.5 },
]

[nodes.hall]
kind = "hall"
mix = 0.5
x-note = { a = [1, 2] }

[transport]
tempo = 84.0

[expose.far]
params = ["hall.mix"]
max = 0.5

[scenes.night]
"hall.mix" = 1.0

[meta]
by = "me"
"""
    )
    assert patched(text) == patch


def test_a_new_file() -> None:
    patch = Patch(title="New", wires=("a -> b",)).with_node("a", "tone", freq=220.0).with_node("b", "out")
    text = write("", patch)
    assert (
        text
        == """\
format = 1
title = "New"
wires = [
  "a -> b",
]

[nodes.a]
kind = "tone"
freq = 220.0

[nodes.b]
kind = "out"
"""
    )
    assert patched(text) == patch


def test_taking_back_what_was_done_gives_the_old_text() -> None:
    patch = patched()
    grown = write(TEXT, replace(patch.with_node("hall", "hall").with_wires("band -> hall"), title="x"))
    assert write(grown, patch) == TEXT


def test_removing_the_last_table_leaves_no_blank_lines_behind() -> None:
    text = 'format = 1\n\n[nodes.a]\nkind = "tone"\n\n[nodes.b]\nkind = "tone"\n'
    assert write(text, patched(text).without_node("b")) == 'format = 1\n\n[nodes.a]\nkind = "tone"\n'


def test_free_keys_outlive_a_table_that_goes_back_to_its_defaults() -> None:
    text = 'format = 1\n\n[engine]\nrate = 44100\nx-why = "old tapes" # so\n'
    wanted = 'format = 1\n\n[engine]\nx-why = "old tapes" # so\n'
    assert write(text, replace(patched(text), engine=EngineSettings())) == wanted


def test_windows_line_ends_stay() -> None:
    text = write(TEXT.replace("\n", "\r\n"), replace(patched(), title="x", wires=("a -> b",), extra={"x-list": ["a"]}))
    assert text.count("\n") == text.count("\r\n")


def test_wires_on_one_line_stay_there() -> None:
    text = 'format = 1\nwires = ["a -> b", "b -> c"] # two\n'
    assert (
        write(text, patched(text).with_wires("c -> d")) == 'format = 1\nwires = ["a -> b", "b -> c", "c -> d"] # two\n'
    )


def test_a_split_wire_takes_the_place_of_the_whole_one() -> None:
    text = 'format = 1\nwires = [\n  "x -> a", # first\n  "a -> b -> c -> d",\n  "d -> y", # last\n]\n'
    patch = replace(patched(text), wires=("x -> a", "a -> b", "c -> d", "d -> y"))
    assert write(text, patch) == (
        'format = 1\nwires = [\n  "x -> a", # first\n  "a -> b",\n  "c -> d",\n  "d -> y", # last\n]\n'
    )


FORMS = [
    'format = 1\nnodes.a.kind = "tone"\nnodes.a.x.y.z = 1\nnodes.b.z.kind = "hall"\nnodes.b.kind = "hall"\n',
    'format = 1\nnodes.a.kind = "tone"\nnodes.a.freq = 1\nnodes.b.kind = "hall"\n',
    'format = 1\nnodes = { a = { kind = "tone", freq = 1 }, b = { kind = "hall" } }\n',
    'format = 1\n[nodes]\na = { kind = "tone", freq = 1 } # a\nb.kind = "hall"\n',
    'format = 1\n[nodes]\n[nodes.a]\nfreq = 1\n\nkind = "tone"\n[nodes.b]\nkind = """\nhall"""',
    'format = 1\n[ nodes . "a" ] # a\n"kind" = \'tone\'\n"freq"=1\n[nodes.b]\nkind = "hall"',
]


@pytest.mark.parametrize("text", FORMS)
def test_other_ways_to_write_the_same(text: str) -> None:
    patch = patched(text)
    for wanted in (
        patch.with_value("a", "freq", 2.5),
        patch.with_value("a", "freq", None),
        patch.with_value("a", "freq", {"x": 1}),
        patch.with_value("b", "mix", 0.1),
        patch.without_node("a"),
        patch.without_node("b"),
        replace(patch, title="x", wires=("a -> b",)),
    ):
        assert patched(write(text, wanted)) == wanted


def test_a_list_of_tables_becomes_a_value() -> None:
    text = 'format = 1\n[nodes.a]\nkind = "band"\n[[nodes.a.style]]\ntext = "x"\n[[nodes.a.style]]\ntext = "y"\n'
    patch = patched(text).with_value("a", "style", "z")
    assert write(text, patch) == 'format = 1\n[nodes.a]\nkind = "band"\nstyle = "z"\n'


def test_nan_and_dates_in_meta_are_left_alone() -> None:
    text = "format = 1\n[meta]\nodd = nan\nday = 2026-01-01\n"
    assert write(text, patched(text)) == text
    assert write(text, replace(patched(text), title="x")) == text.replace("= 1\n", '= 1\ntitle = "x"\n\n', 1)


def test_true_is_not_one() -> None:
    assert not same(True, 1)
    assert same([1, {"a": float("nan")}], (1.0, {"a": float("nan")}))
    assert write('format = 1\n[nodes.a]\nkind = "band"\ndrums = 1\n', Patch().with_node("a", "band", drums=True)) == (
        'format = 1\n[nodes.a]\nkind = "band"\ndrums = true\n'
    )


def edited(patch: Patch, dice: random.Random) -> Patch:
    """The patch after one edit such as a REPL makes."""
    names = list(patch.nodes)
    name = dice.choice(names) if names else "n0"
    edit = dice.randrange(9)
    if edit == 0 or not names:
        return patch.with_node(f"n{dice.randrange(30)}", dice.choice(["tone", "hall"]), **_values(dice))
    if edit == 1:
        return patch.without_node(name)
    if edit in (2, 3):
        return patch.with_value(name, dice.choice("abcd"), dice.choice([None, 1.5, True, 'q"\n#', ["x", {"y": 1}]]))
    if edit == 4:
        return patch.with_wires(f"{name} -> {dice.choice(names)}.in")
    if edit == 5:
        wires = list(patch.wires)
        dice.shuffle(wires)
        return replace(patch, wires=tuple(wires[: dice.randrange(len(wires) + 1)]))
    if edit == 6:
        return replace(patch, title=dice.choice(["", "a", "b # c"]))
    if edit == 7:
        return replace(patch, scenes={scene: {f"{name}.mix": dice.random()} for scene in dice.sample("xyz", 2)})
    return replace(
        patch,
        transport=Transport(dice.choice([None, 84.0]), dice.choice([3, 4])),
        engine=EngineSettings(dice.choice([44100, 48000])),
        expose=dice.choice([{}, {"far": Expose((f"{name}.mix",), 0.0, 1.0)}]),
        meta=dice.choice([{}, {"a": {"b": [1]}}]),
    )


def _values(dice: random.Random) -> dict[str, Any]:
    return {key: dice.choice([0.1, 3, "t", False]) for key in dice.sample("abcd", dice.randrange(4))}


@pytest.mark.parametrize("seed", range(12))
def test_random_edits_are_read_back_as_they_were_meant(seed: int) -> None:
    dice = random.Random(seed)
    text = dice.choice([TEXT, "", FORMS[3], TEXT.replace("\n", "\r\n")])
    patch = patched(text) if text else Patch()
    typed = [line for line in TEXT.splitlines() if line.startswith("#")] if "Evening" in text else []
    for _ in range(40):
        patch = edited(patch, dice)
        text = write(text, patch)
        assert same(data(patched(text)), data(patch))
        assert "\n\n\n" not in text
    kept = text.splitlines()
    inside_a_table = ["# what it weighs"]  # goes when the table goes
    assert [line for line in typed if line not in inside_a_table] == [
        line for line in kept if line in typed and line not in inside_a_table
    ]
    tomllib.loads(text)


def test_a_patch_of_a_thousand_nodes_is_written_in_a_second() -> None:
    patch = Patch(wires=tuple(f"n{n} -> n{n + 1}" for n in range(999)))
    patch = replace(patch, nodes={f"n{n}": Patch().with_node("a", "hall", mix=0.5).nodes["a"] for n in range(1000)})
    text = "\n".join(["format = 1", "wires = [", *(f'  "{w}",' for w in patch.wires), "]", ""])
    text += "".join(f'\n[nodes.{name}]\nkind = "hall"\nmix = 0.5\n' for name in patch.nodes)
    start = time.process_time()
    result = write(text, patch.with_value("n500", "mix", 0.25).without_node("n700"))
    seconds = time.process_time() - start
    assert len(result.splitlines()) == len(text.splitlines()) - 6  # two wires, four lines of a table
    assert seconds < 3.0

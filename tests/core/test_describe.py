"""Kinds of node told to people and to programs."""

from __future__ import annotations

import json

from graphflow.core.describe import data, describe, table
from graphflow.core.library import Library


def test_the_table_of_kinds(library: Library) -> None:
    lines = table(library.specs.values()).splitlines()
    assert lines[0] == "core"
    assert lines[1] == "  band    A generator."
    assert lines[-1] == "  words   Words."
    assert len(lines) == 1 + len(library)


def test_families_stand_apart() -> None:
    library = Library.builtin()
    text = table(library.specs.values())
    assert "\n\nfilters\n  svf " in text
    assert all(len(line) <= 160 for line in text.splitlines())


def test_a_sound_kind(library: Library) -> None:
    assert (
        describe(library["split"].spec)
        == """\
split (core)
  A filter with two outs.

  It is told in two paragraphs.

in
  input   audio                    What to split.

out
  low     audio                    Below.
  high    audio                    Above.

params
  cutoff  20 to 20000 Hz, 1000 Hz  Where.
  bypass  0 to 1, 0                How much of the input goes past the node untouched."""
    )


def test_a_generator(library: Library) -> None:
    assert (
        describe(library["band"].spec)
        == """\
band (core)
  A generator.

in
  style   style
  notes   notes

out
  out     audio 2

params
  heat    0 to 2, 1            How daring.
  drums   true or false, true  Whether drums play.
  key     auto C D, auto       The key.

settings
  device  text, 'auto'         Where it runs."""
    )


def test_files_and_settings(library: Library) -> None:
    assert describe(library["deck"].spec).splitlines()[-3:] == [
        "settings",
        "  file      sound file           What to play.",
        "  channels  1 to 8, 2            Channels.",
    ]
    assert "tape   file 2" in describe(library["taper"].spec)


def test_data_for_programs(library: Library) -> None:
    split = data(library["split"].spec)
    assert json.loads(json.dumps(split)) == split
    assert split["in"] == [{"name": "input", "type": "audio", "channels": 0, "doc": "What to split."}]
    assert split["params"][0] == {
        "name": "cutoff",
        "default": 1000.0,
        "doc": "Where.",
        "type": "ramp",
        "unit": "Hz",
        "min": 20.0,
        "max": 20_000.0,
        "warp": "exp",
        "step": 0.0,
    }
    band = data(library["band"].spec)
    assert (band["kind"], band["family"], band["room"]) == ("band", "core", "worker")
    assert [(param["name"], param["type"]) for param in band["params"]] == [
        ("heat", "held"),
        ("drums", "switch"),
        ("key", "choice"),
    ]
    assert band["settings"] == [
        {"name": "device", "default": "auto", "doc": "Where it runs.", "unit": "", "type": "str"}
    ]
    lag = data(library["lag"].spec)
    assert (lag["latency"], lag["breaks_loop"]) == (64, True)


def test_every_kind_that_comes_with_graphflow_can_be_told() -> None:
    for spec in Library.builtin().specs.values():
        assert describe(spec).startswith(f"{spec.kind} ({spec.family})\n  ")
        assert json.dumps(data(spec), allow_nan=False)

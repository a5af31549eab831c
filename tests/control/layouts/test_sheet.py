"""Which controls a patch gets, as text."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from panels import PATCHES, drawn, opened, small, tree_of

from graphflow.control.layouts.sheet import all_addresses, sheet
from graphflow.core.declare import Held
from graphflow.core.graph import Graph


def test_a_small_patch_reads_like_this(tmp_path: Path):
    text = str(drawn(small(tmp_path)))
    assert text.partition("\n\nband  prompts")[0] == (
        """\
Small

stage
  fader  tempo bpm  /gf/transport/tempo  20 to 400 bpm  = 120.0
  value  beat  /gf/transport/beat
  value  bar  /gf/transport/bar
  switch  running  /gf/transport/running  = 1
  switch  hush  /gf/hush  = 0
  button  panic  /gf/panic

scenes
  button  far away  /gf/scene/far_away

macros
  fader  distance  /gf/macro/distance  0 to 0.5  = 0.5

sway  lfo
  fader  rate Hz  /gf/node/sway/rate  0.001 to 100 Hz exp  = 1.0
  fader  low  /gf/node/sway/low  0 to 1  = 0.0
  fader  high  /gf/node/sway/high  0 to 1  = 1.0
  choice  shape  /gf/node/sway/shape  sine triangle saw square random  = sine

band  first_light
  fader  temperature  /gf/node/band/temperature  0 to 2  = 1.0
  fader  density  /gf/node/band/density  0 to 1  = 0.5
  fader  brightness  /gf/node/band/brightness  0 to 1  = 0.5
  fader  tempo bpm  /gf/node/band/tempo  0 to 240 bpm  = 0.0
  choice  key  /gf/node/band/key  auto C C# D D# E F F# G G# A A# B  = auto
  choice  mode  /gf/node/band/mode  auto major minor dorian mixolydian phrygian lydian harmonic_minor  = auto
  fader  swing  /gf/node/band/swing  -1 to 1  = -1.0
  switch  drums  /gf/node/band/drums  = 1
  switch  bass  /gf/node/band/bass  = 1
  switch  harmony  /gf/node/band/harmony  = 1
  switch  lead  /gf/node/band/lead  = 1
  fader  guidance  /gf/node/band/guidance  0 to 6  = 2.0
  fader  seed  /gf/node/band/seed  0 to 9999  = 1.0"""
    )
    assert "fader  mix < sway  /gf/node/hall/mix  0 to 1" in text  # a wire moves it too


def test_macros_or_nodes_alone_keep_the_stage(tmp_path: Path):
    name = small(tmp_path)
    assert [group.name for group in drawn(name, "macros").groups] == ["stage", "scenes", "macros"]
    assert [group.name for group in drawn(name, "nodes").groups] == [
        "stage", "sway", "band", "band-prompts", "hall", "out"
    ]  # fmt: skip


@pytest.mark.parametrize("name", PATCHES)
def test_every_address_of_a_sheet_is_one_of_the_patch(name: str):
    assert all_addresses(drawn(name).controls) <= set(tree_of(name))


@pytest.mark.parametrize("name", PATCHES)
def test_every_live_param_of_a_patch_has_a_control(name: str):
    params = {entry.address for entry in tree_of(name).values() if entry.node and entry.what in ("number", "text")}
    assert params <= all_addresses(drawn(name).controls)


def test_two_numbers_called_x_and_y_are_one_pad():
    graph, patch = opened("01-first-light")
    hall = graph.nodes["hall"]
    assert hall.spec is not None
    x, y = Held(0.25, "Left to right."), Held(0.5, "Down to up.")
    spec = replace(hall.spec, declarations={"x": x, "y": y})
    pads = Graph({"map": replace(hall, name="map", spec=spec, params={"x": 0.25, "y": 0.5})})
    (control,) = sheet(pads, replace(patch, expose={}, scenes={}), only="nodes").groups[1].controls
    assert str(control) == "pad  x y  /gf/node/map/x /gf/node/map/y  = 0.25"


def test_a_generator_with_prompts_of_its_own_has_them_once():
    assert not any(group.name == "band-prompts" for group in drawn("08-magenta").groups)

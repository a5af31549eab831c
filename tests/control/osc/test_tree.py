"""The address space: of a patch, of every kind there is, and of what plays while it is edited."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from desk import PATCH
from kinds import LIBRARY, change, opened

from graphflow.control.osc.entry import Access, Entry
from graphflow.control.osc.space import Change, Space
from graphflow.control.osc.tree import addresses, declared
from graphflow.core.graph import build
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session

EVERYTHING = """
format = 1
[nodes.mrt]
kind = "magenta"
[nodes.band]
kind = "first_light"
[nodes.lead]
kind = "sine"
[nodes.wave]
kind = "lfo"
[nodes.hand]
kind = "osc_in"
address = "/1/xy"
[nodes.later]
kind = "nobody_has_it"
[scenes.night]
"lead.freq" = 220
[expose.pitch]
params = ["lead.freq"]
min = 100
max = 1000
"""


def tree(text: str, library: Library) -> dict[str, Entry]:
    patch, problems = read(text)
    assert not problems
    graph, _ = build(patch, library, placeholders=True)
    found = declared(graph, patch)
    assert len({entry.address for entry in found}) == len(found)
    return {entry.address: entry for entry in found}


@pytest.mark.parametrize(
    "line",
    [
        "/gf/node/lead/freq  f  0.1 to 20000 Hz  Pitch.",
        "/gf/node/lead/freq/norm  f  0 to 1  Pitch.",
        "/gf/node/wave/shape  s  sine | triangle | saw | square | random  How it moves.",
        "/gf/node/band/drums  i  0 to 1  Whether the drums play.",
        "/gf/node/band/prompt  isf  0 to 7  A prompt: slot 0 to 7, words, weight. The slot alone clears it; words alone go to slot 0.",
        "/gf/node/band/weights  ffffffff  0 to 2  The weights of the slots, from slot 0 on.",
        "/gf/macro/pitch  f  100 to 1000 Hz  Moves lead.freq.",
        "/gf/scene/night  f  0 to 3600 s  Goes to the scene, in so many seconds or at once.",
        "/gf/meter/lead  ff  -120 to 24 dB  Peak and RMS of its loudest out; goes to subscribers only.",
        "/1/xy  Heard by hand.",
        "/gf/transport/tempo  f  20 to 400 bpm  Beats per minute; without it the tempo follows the music.",
    ],
)
def test_a_patch_has_the_addresses_that_its_nodes_declare(line: str):
    assert line in {str(entry) for entry in tree(EVERYTHING, Library.builtin()).values()}


def test_what_a_controller_needs_to_draw_is_there():
    entries = tree(EVERYTHING, Library.builtin())
    pitch = entries["/gf/node/lead/freq"]
    assert (pitch.warp, pitch.default, pitch.unit, pitch.node, pitch.param) == ("exp", 440.0, "Hz", "lead", "freq")
    assert entries["/gf/node/mrt/reset"].what == "action" and entries["/gf/node/mrt/reset"].fewest == 0
    assert entries["/gf/node/mrt/prompt1"].what == "text"
    assert entries["/gf/meter/band"].access is Access.READ and entries["/gf/panic"].access is Access.WRITE
    assert not any(address.startswith("/gf/node/later") for address in entries)
    assert all(entry.value is entry.take is None for entry in entries.values())


@pytest.mark.parametrize("kind", sorted(Library.builtin()))
def test_every_kind_has_addresses_that_osc_allows(kind: str):
    for address, entry in tree(f'format = 1\n[nodes.x]\nkind = "{kind}"', Library.builtin()).items():
        assert address.isascii() and not set(address) & set(" #*,?[]{}") and entry.doc.endswith(".")
        assert len(entry.ranges) in (0, len(entry.types)) or entry.what == "heard"
        assert not entry.choices or entry.types == "s"


def test_the_tree_of_a_patch_needs_no_engine():
    code = "import sys, graphflow.control.osc.tree; print([m for m in ('numba', 'pythonosc', 'asyncio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_the_addresses_of_a_session_have_its_values(session: Session):
    found = addresses(session)
    assert list(found) == list(tree(PATCH, LIBRARY))
    value = found["/gf/node/a/value"].value
    assert value is not None and value() == (0.25,)
    session.set("a", "value", 0.5)
    assert value() == (0.5,)


def test_an_edit_is_taken_up_and_told(session: Session):
    space, told = Space(session), []
    space.listeners.append(told.append)
    assert space.refresh() is False
    kept = space.entries["/gf/node/w/text"]
    change(
        session,
        PATCH.replace('[nodes.m]\nkind = "mood"', '[nodes.n]\nkind = "mood"').replace(
            'params = ["a.value"]', 'params = ["a.value"]\nmin = 0'
        ),
    )
    assert space.refresh() is True and space.refresh() is False
    (one,) = told
    assert one == Change(("/gf/node/n/mode",), ("/gf/node/m/mode",), ("/gf/macro/warmth",))
    assert str(one) == "+ /gf/node/n/mode\n- /gf/node/m/mode\n~ /gf/macro/warmth"
    assert space.entries["/gf/node/w/text"] is kept
    session.set("a", "value", 0.5)
    change(session, PATCH.replace('kind = "steady"', 'kind = "steady"\nvalue = 0.75'))
    assert space.entries["/gf/node/a/value"].value() == (0.75,)


def test_a_large_patch_is_taken_up_in_milliseconds():
    nodes = "".join(f'[nodes.w{k}]\nkind = "words"\n' for k in range(1200))
    head = 'format = 1\nwires = ["a -> out"]\n[nodes.a]\nkind = "steady"\n[nodes.out]\nkind = "out"\n'
    session = opened(f"{head}{nodes}")
    space = Space(session)
    assert len(space.entries) > 3600
    change(session, f'{head}{nodes}[nodes.more]\nkind = "words"\n')
    began = time.perf_counter()
    assert space.refresh()
    assert time.perf_counter() - began < 0.25
    session.close()

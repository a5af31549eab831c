"""Generators in a session: a real worker process in lockstep."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from kinds import Band, change, opened, rendered

from graphflow.core.errors import UserError
from tests.conftest import wait_until

PATCH = """
format = 1
wires = ["w -> band", "band -> out"]
[nodes.w]
kind = "words"
[nodes.band]
kind = "band"
value = 0.25
[nodes.out]
kind = "out"
"""


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def test_the_generators_sound_comes_from_its_first_frame():
    session = opened(PATCH)
    sound = rendered(session, 4096)
    faded = 64
    assert np.array_equal(sound[faded:, 0], (np.arange(4096) * 2.0**-20).astype(np.float32)[faded:])
    session.close()


def test_params_prompts_and_transport_reach_it():
    session = opened(PATCH)
    rendered(session, 2048)
    session.set("band", "value", 0.5)
    session.set("w", "text", "choir")
    sound = rendered(session, 8192)
    assert np.all(sound[-2048:, 1] == -0.5)  # the words make it negative
    assert session.get("w", "text") == "choir"
    session.close()


def test_a_signal_drives_a_generators_param():
    text = (
        PATCH.replace('"band -> out"]', '"band -> out", "s -> band.value"]')
        + '[nodes.s]\nkind = "steady"\nvalue = 0.75\n'
    )
    session = opened(text)
    assert np.all(rendered(session, 8192)[-2048:, 1] == 0.75)
    session.close()


def test_two_renders_are_the_same():
    takes = []
    for _ in range(2):
        session = opened(PATCH)
        parts = [rendered(session, 3000)]
        session.set("band", "value", -0.5)
        parts.append(rendered(session, 5000))
        takes.append(np.concatenate(parts))
        session.close()
    assert np.array_equal(*takes)


def test_a_state_too_large_to_send_is_told_once_and_the_rest_goes_on():
    lines: list[str] = []
    session = opened(PATCH, lines)
    session.set("w", "text", "x" * 3_000_000)
    rendered(session, 4096)
    session.set("w", "text", "choir")
    session.set("band", "value", 0.5)
    assert rendered(session, 8192)[-1, 1] == -0.5
    assert len([line for line in lines if "its state is 300" in line]) == 1
    session.close()


def test_a_generator_that_makes_no_numbers_is_named_and_plays_on():
    lines: list[str] = []
    session = opened(PATCH, lines)
    rendered(session, 4096)
    session.set("w", "text", "crack")
    sound = rendered(session, 8192)
    assert np.isfinite(sound).all()
    assert not sound[-2048:].any()
    session.set("w", "text", "dust")
    assert np.all(rendered(session, 8192)[-2048:, 1] == 0.25)

    def said() -> bool:
        rendered(session, 512)  # the word of it may come after the sound
        return any("non-finite" in line for line in lines)

    wait_until(said, 10.0, "a line about the generator")
    assert [line for line in lines if "ready after" not in line] == [
        "band: its model made a non-finite sample; such a chunk is silent"
    ]
    assert session.statistics().generators[0].bad_chunks > 4
    assert session.statistics().faults == ()
    session.close()


def test_frames_that_are_no_numbers_all_the_same_are_kept_out_and_told_once():
    lines: list[str] = []
    session = opened(PATCH, lines)
    rendered(session, 2048)
    session._parts.generators["band"].ring.data[:] = np.nan
    sound = rendered(session, 8192)
    assert np.isfinite(sound).all()
    assert [line for line in lines if "ready after" not in line] == [
        "nodes.band: its model made a non-finite sample; such a block is silent"
    ]
    assert np.all(sound[-2048:, 1] == 0.25)
    session.close()


HEARING = """
format = 1
wires = ["n -> parrot -> out"]
[nodes.n]
kind = "count"
[nodes.parrot]
kind = "parrot"
[nodes.out]
kind = "out"
"""


def test_a_generator_hears_what_is_wired_into_it():
    session = opened(HEARING)
    sound = rendered(session, 20_000)
    late = 1024 + 1024  # frames: a chunk, and a render's fixed distance
    heard = np.minimum(np.arange(20_000 - late, dtype=np.float32) * np.float32(0.001), 1.0)
    np.testing.assert_allclose(sound[late:, 1], heard, atol=1e-4)
    np.testing.assert_array_equal(sound[64:1024, 0], 0.0)
    ends = np.unique(sound[2048:, 0]) * 2.0**20  # after how many of its frames each chunk was made
    np.testing.assert_array_equal(ends, np.arange(1, len(ends) + 1) * 1024)
    session.close()


def test_what_it_hears_does_not_depend_on_how_the_render_is_cut():
    takes = []
    for cuts in ([12_000], [3000, 5000, 4000], [100] * 120):
        session = opened(HEARING)
        takes.append(np.concatenate([rendered(session, frames) for frames in cuts]))
        session.close()
    assert np.array_equal(takes[0], takes[1])
    assert np.array_equal(takes[0], takes[2])


def test_a_wire_taken_out_and_in_again_is_a_gap_in_what_it_hears():
    session = opened(HEARING)
    rendered(session, 4096)
    change(session, HEARING.replace("n -> parrot -> out", "parrot -> out"))
    rendered(session, 4096)
    heard = session._parts.generators["parrot"].heard
    assert heard is not None
    assert heard.written == 4096
    change(session, HEARING)
    sound = rendered(session, 8192)
    assert (heard.epoch, heard.start, heard.written) == (2, 8192, 16_384)
    assert sound[-1, 0] * 2.0**20 > 8192
    session.close()


def test_one_that_cannot_be_opened_is_told_and_the_rest_is_rendered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Band, "generator", "no_such_model")
    lines: list[str] = []
    both = PATCH.replace('"band -> out"]', '"band -> out", "s -> out"]') + '[nodes.s]\nkind = "steady"\n'
    session = opened(both, lines)
    assert np.all(rendered(session, 4096)[64:] == 0.25)
    session.close()
    assert [line for line in lines if line.startswith("band: ")] == [
        "band: model no_such_model is unknown; expected a folder of graphflow/models, or a module's full name"
    ]


def test_one_that_dies_ends_the_render():
    session = opened(PATCH)
    rendered(session, 1024)
    (worker,) = session._parts.workers.statistics()
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(UserError, match=r"^nodes\.band: its worker was killed by SIGKILL"):
        rendered(session, 8192)
    session.close()

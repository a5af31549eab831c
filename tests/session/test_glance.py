from __future__ import annotations

import math
from dataclasses import replace

from graphflow.session.glance import briefly, level, playing
from graphflow.worker.events import GeneratorStatistics

WELL = GeneratorStatistics(
    node="band",
    state="playing",
    lead=0.0192,
    latency_p50=0.0331,
    latency_p95=0.125,
    rtf=8.04,
    rtf_p50=8.0,
    rtf_p95=6.0,
    rtf_p99=5.12,
    underruns=0,
    misses=0,
    skips=0,
    rollbacks=0,
    late_rollbacks=0,
    bad_chunks=0,
    epoch=1,
    restarts=0,
    chunk=100,
    applied_seq=7,
)


def test_a_generator_that_plays_well_is_told_in_few_words() -> None:
    assert playing(WELL, 48_000) == "band lead 19 ms, latency 33 ms (95 %: 0.12 s), RTF 8.0"
    starting = replace(WELL, state="starting", lead=0.3, latency_p50=math.nan, latency_p95=math.nan, rtf=0.0)
    assert playing(starting, 48_000) == "band starting lead 0.30 s, RTF 0.0"


def test_what_goes_wrong_is_told_too() -> None:
    ill = replace(WELL, underruns=480, misses=3, bad_chunks=2)
    assert playing(ill, 48_000) == (
        "band lead 19 ms, latency 33 ms (95 %: 0.12 s), RTF 8.0 (99 %: 5.1), 3 late chunks, 2 bad chunks, 10 ms missed"
    )


def test_all_figures_have_a_text_form() -> None:
    assert str(WELL) == (
        "band playing: lead 19 ms, latency 33 ms (95 %: 0.12 s), RTF 8.0 (95 %: 6.0, 99 %: 5.1), 0 frames missed, "
        "0 late chunks, 0 skips, epoch 1, 0 restarts, chunk 100, state 7"
    )
    more = replace(WELL, rollbacks=5, late_rollbacks=1, bad_chunks=2, figures={"recoveries": 3, "heat": 0.51234})
    assert str(more) == (
        "band playing: lead 19 ms, latency 33 ms (95 %: 0.12 s), RTF 8.0 (95 %: 6.0, 99 %: 5.1), 0 frames missed, "
        "0 late chunks, 0 skips, 5 rollbacks (1 late), 2 bad chunks, epoch 1, 0 restarts, chunk 100, state 7, "
        "recoveries 3, heat 0.512"
    )


def test_where_there_is_little_room_lead_and_latency_are_told() -> None:
    assert briefly(WELL, 48_000) == "band lead 19 ms, latency 33 ms"
    ill = replace(WELL, state="restarting", latency_p50=math.nan, underruns=480, misses=3, bad_chunks=2)
    assert briefly(ill, 48_000) == "band restarting lead 19 ms, 3 late chunks, 2 bad chunks, 10 ms missed"


def test_a_level_is_a_bar_and_a_number() -> None:
    assert level(-200.0) == "[          ] silent"
    assert level(-24.0) == "[=====     ] -24.0 dB"
    assert level(3.0) == "[==========]   3.0 dB"

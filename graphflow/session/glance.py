"""How a performance goes, in the few words that fit a line."""

from __future__ import annotations

import math

from graphflow.worker.events import GeneratorStatistics, seconds

LOUD = -48.0
"""dB at the left end of the level bar."""
SILENT = -90.0
"""dB below which nothing is heard."""


def briefly(generator: GeneratorStatistics, rate: int) -> str:
    """A generator's lead and latency, and what went wrong, for where there is little room."""
    text = generator.node if generator.state == "playing" else f"{generator.node} {generator.state}"
    text += f" lead {seconds(generator.lead)}"
    if not math.isnan(generator.latency_p50):
        text += f", latency {seconds(generator.latency_p50)}"
    if generator.misses:
        text += f", {generator.misses} late chunks"
    return text + _ill(generator, rate)


def playing(generator: GeneratorStatistics, rate: int) -> str:
    """A generator's lead, latency and speed; what went wrong only where something did."""
    text = generator.node if generator.state == "playing" else f"{generator.node} {generator.state}"
    text += f" lead {seconds(generator.lead)}"
    if not math.isnan(generator.latency_p50):
        text += f", latency {seconds(generator.latency_p50)} (95 %: {seconds(generator.latency_p95)})"
    text += f", RTF {generator.rtf:.1f}"
    if generator.misses:
        text += f" (99 %: {generator.rtf_p99:.1f}), {generator.misses} late chunks"
    return text + _ill(generator, rate)


def _ill(generator: GeneratorStatistics, rate: int) -> str:
    text = f", {generator.bad_chunks} bad chunks" if generator.bad_chunks else ""
    return text + (f", {seconds(generator.underruns / rate)} missed" if generator.underruns else "")


def level(peak: float) -> str:
    """A level in dB, as a bar and a number."""
    return f"{meter(peak)} {'silent' if peak < SILENT else f'{peak:5.1f} dB'}"


def meter(peak: float) -> str:
    """A level as a bar of ten."""
    filled = round(10.0 * min(max((peak - LOUD) / -LOUD, 0.0), 1.0))
    return "[" + "=" * filled + " " * (10 - filled) + "]"

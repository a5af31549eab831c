"""The same music in several engines: N voices of saw, resonant low-pass, gain and pan into delay, reverb and limiter.

48 kHz stereo. Voice i of N: a naive saw at 55 * 2 ** (((5 i) mod 48) / 12) * (1 + 0.003 sin i) Hz, a 2-pole low-pass
(cutoff 300 + 3500 * ((7 i) mod 16) / 16 Hz, Q 2), gain 0.5 / sqrt(N), equal-power pan at ((5 i) mod 17) / 8 - 1. The
sum goes through a feedback delay (0.375 s, feedback 0.4, wet 0.3), a reverb (wet 0.3) and a limiter.

    python bench/voices.py ENGINE N SECONDS    one engine, in this process; prints seconds of CPU
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

RATE, BLOCK = 48000, 128


def voices(count: int) -> list[tuple[float, float, float, float]]:
    """Per voice: frequency, cutoff, gain, pan."""
    return [
        (
            55.0 * 2.0 ** (((5 * i) % 48) / 12.0) * (1.0 + 0.003 * math.sin(i)),
            300.0 + 3500.0 * ((7 * i) % 16) / 16.0,
            0.5 / math.sqrt(count),
            ((5 * i) % 17) / 8.0 - 1.0,
        )
        for i in range(count)
    ]


def graphflow(count: int, library_voices: bool = False) -> Callable[[float], Any]:
    """The patch in the engine; answers what plays some seconds of it."""
    import bench_nodes

    from graphflow.audio.engine import Engine
    from graphflow.core.library import Library
    from graphflow.core.plan import DEVICE, Link

    library = Library.builtin()
    engine = Engine(RATE)
    instances, links = [], []

    def make(name: str, kind: Any, **values: Any) -> Any:
        spec = library[kind].spec if isinstance(kind, str) else kind.spec
        instances.append(engine.make(name, spec, values))
        return instances[-1]

    delay = make("delay", "delay", time=0.375, feedback=0.4, mix=0.3)
    reverb, limiter, out = make("reverb", "reverb", mix=0.3), make("limiter", "limiter"), make("out", "output")
    chain = [delay, reverb, limiter, out]
    for i, (freq, cutoff, gain, pan) in enumerate(voices(count)):
        saw = make(f"saw{i}", "saw" if library_voices else bench_nodes.NaiveSaw, freq=freq)
        low = make(f"low{i}", "svf" if library_voices else bench_nodes.LowPass, cutoff=cutoff, q=2.0)
        level = make(f"gain{i}", "gain", level=20.0 * math.log10(gain))
        place = make(f"pan{i}", "pan", position=pan)
        first = next(iter(low.spec.audio_outs))
        links += [
            Link(saw.key, "out", low.key, "input"),
            Link(low.key, first, level.key, "input"),
            Link(level.key, "out", place.key, "input"),
            Link(place.key, "out", delay.key, "input"),
        ]
    links += [Link(a.key, "out", b.key, "input") for a, b in pairwise(chain)]
    engine.play(instances, [*links, Link(out.key, "device", DEVICE, "out")])

    def play(seconds: float) -> Any:
        # blocks of 128 as a sound card asks for them
        return np.concatenate([engine.run(BLOCK) for _ in range(round(seconds * RATE / BLOCK))]).T

    play.engine = engine  # type: ignore[attr-defined]
    return play


def graphflow_library(count: int) -> Callable[[float], Any]:
    return graphflow(count, True)


def signalflow(count: int) -> Callable[[float], Any]:
    import signalflow as sf

    config = sf.AudioGraphConfig()
    config.sample_rate, config.output_buffer_size = RATE, BLOCK
    graph = sf.AudioGraph(config=config, output_device=sf.AudioOut_Dummy(2, BLOCK), start=False)
    mix = sf.Sum([
        sf.StereoPanner(sf.SVFilter(sf.SawOscillator(freq), "low_pass", cutoff, 0.5) * gain, pan)
        for freq, cutoff, gain, pan in voices(count)
    ])  # fmt: skip
    echo = mix + 0.3 * sf.CombDelay(mix, 0.375, 0.4, 1.0)
    # it has no reverb: eight combs and four all-passes, as a Freeverb has
    combs = [sf.CombDelay(echo, t / 44100.0, 0.84, 0.1) for t in (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)]
    room: Any = sf.Sum(combs)
    for t in (556, 441, 341, 225):
        room = sf.AllpassDelay(room, t / 44100.0, 0.5, 0.1)
    graph.play(sf.Clip(echo * 0.7 + room * 0.03, -0.9, 0.9))

    def play(seconds: float) -> Any:
        buffer = sf.Buffer(2, BLOCK)
        done = []
        for _ in range(round(seconds * RATE / BLOCK)):
            graph.render_to_buffer(buffer)
            done.append(np.array(buffer.data))
        return np.concatenate(done, axis=1)

    return play


def pyo(count: int) -> Callable[[float], Any]:
    import pyo as p

    def play(seconds: float) -> Any:
        server = p.Server(sr=RATE, nchnls=2, buffersize=BLOCK, duplex=0, audio="offline").boot()
        file = Path(f"/tmp/bench_pyo_{seconds}.wav")
        server.recordOptions(dur=seconds, filename=str(file), fileformat=0, sampletype=3)
        kept: list[Any] = []
        for freq, cutoff, gain, pan in voices(count):
            saw = p.Phasor(freq, mul=2.0, add=-1.0)
            low = p.Biquad(saw, cutoff, 2.0, 0, mul=gain)
            kept += [saw, low, p.Pan(low, 2, (pan + 1.0) / 2.0)]
        mix = p.Mix(kept[2::3], 2)
        echo = p.Delay(mix, 0.375, 0.4, 1.0, mul=0.3)
        room = p.Freeverb(mix + echo, 0.8, 0.5, 0.3)
        out = p.Compress(room, -6, 4, 0.005, 0.05).out()
        server.start()
        kept += [mix, echo, room, out]
        server.shutdown()
        import soundfile

        return soundfile.read(file, always_2d=True)[0].T

    return play


def nanosynth(count: int) -> Callable[[float], Any]:
    import nanosynth as n
    from nanosynth import ugens as u

    with n.SynthDefBuilder() as builder:
        total: Any = None
        for freq, cutoff, gain, pan in voices(count):
            saw = u.LFSaw.ar(frequency=freq)
            low = u.RLPF.ar(source=saw, frequency=cutoff, reciprocal_of_q=0.5)
            placed = u.Pan2.ar(source=low * gain, position=pan)
            total = placed if total is None else total + placed
        echo = u.CombN.ar(source=total, maximum_delay_time=1.0, delay_time=0.375, decay_time=2.8)
        wet = total + echo * 0.3
        room = u.FreeVerb.ar(source=wet, mix=0.3, room_size=0.8, damping=0.5)
        u.Out.ar(bus=0, source=u.Limiter.ar(source=room, level=0.9, duration=0.01))
    definition = builder.build(name="bench")

    def play(seconds: float) -> Any:
        score = n.Score()
        score.add_synthdef(0.0, definition)
        node = score.add_synth(0.0, "bench")
        score.add(seconds, n.OscMessage("/n_free", node))  # its renderer crashes where something still plays at the end
        file = Path(f"/tmp/bench_nanosynth_{seconds}.wav")
        score.render(str(file), sample_rate=RATE, sample_format="float")
        import soundfile

        return soundfile.read(file, always_2d=True)[0].T

    return play


ENGINES = {
    "graphflow": graphflow,
    "graphflow_library": graphflow_library,
    "signalflow": signalflow,
    "pyo": pyo,
    "nanosynth": nanosynth,
}


def main() -> None:
    engine, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    play = ENGINES[engine](count)
    begun = time.process_time()
    sound = play(seconds)
    spent = time.process_time() - begun
    assert sound.shape[0] == 2
    assert abs(sound.shape[1] - seconds * RATE) <= 0.5 * RATE, sound.shape
    assert np.isfinite(sound).all()
    assert 0.001 < float(np.abs(sound).max()) < 8.0, float(np.abs(sound).max())
    print(spent)


if __name__ == "__main__":
    main()

"""What holds for every node in the library, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray
from uncompiled import Sound, kinds, run

from graphflow.audio import solo, source
from graphflow.audio.instance import Instance
from graphflow.core.declare import Choice, Numeric, Param, Ramp, Setting, State, Switch, Text, float64, uint32
from graphflow.core.node import Spec, argument_names

AUDIO = sorted(name for name, spec in kinds().items() if spec.room == "audio")
TICKS = [name for name in AUDIO if hasattr(kinds()[name].cls, "tick")]
NARROW = [name for name in TICKS if not any(state.dtype is float64 for state in kinds()[name].states.values())]
WITH_INPUT = [name for name in AUDIO if kinds()[name].audio_ins]
WITH_BYPASS = [name for name in AUDIO if "bypass" in kinds()[name].params]
FRAMES = 3000
ODD = [1, 127, 64, 1000, 3, 128, 700]  # lengths no loop likes; what is left follows

UNLIKE = -100.0  # dB below the output's peak: where compiled and plain code may differ, in any node


def sound(frames: int = FRAMES, channels: int = 2) -> Sound:
    """Noise with silence and loud bursts in it, and a tone."""
    rng = np.random.default_rng(5)
    loud = np.repeat(rng.choice([0.0, 0.3, 1.0, 3.0], frames // 100 + 1), 100)[:frames]
    tone = np.sin(np.arange(frames) * 0.05)
    return (rng.uniform(-1, 1, (channels, frames)) * loud + 0.5 * tone).astype(np.float32)


def given(spec: Spec, frames: int = FRAMES, channels: int = 2) -> dict[str, Sound]:
    """Something for every audio in, each different."""
    names = [*spec.audio_ins, *spec.device_ins]
    return {name: np.roll(sound(frames, channels), 37 * k, axis=1) for k, name in enumerate(names)}


def moving(spec: Spec, frames: int = FRAMES) -> dict[str, Any]:
    """Every ramp driven to and fro between points of its range, at rest for a while between."""
    values: dict[str, Any] = {}
    for k, (name, d) in enumerate(spec.params.items()):
        if isinstance(d, Ramp) and name != "bypass":
            norm = np.clip(0.5 + 0.6 * np.sin(np.arange(frames) * (0.003 + 0.001 * k)), 0.05, 0.95)
            values[name] = np.array([d.value_at(float(n)) for n in norm], np.float32)
    return values


def files(spec: Spec) -> dict[str, Sound]:
    return {name: sound(777) for name in spec.sound_files}


def seeds(spec: Spec, rate: float = 48_000.0) -> NDArray[np.uint32] | None:
    """Where the engine starts the node's chance."""
    states = Instance("solo", 0, 0, spec, {}, rate=rate).states
    random = [states[name][:, 0] for name, state in spec.states.items() if state.dtype is uint32]
    assert len(random) <= 1
    return random[0] if random else None


def blocks_of(*lengths: int, frames: int = FRAMES) -> list[int]:
    blocks = list(lengths)
    while sum(blocks) < frames:
        blocks.append(min(1024, frames - sum(blocks)))
    return blocks


def compiled(spec: Spec, blocks: list[int] | None = None, **options: Any) -> dict[str, Sound]:
    """The outs of the compiled node; a fault fails the test."""
    options = {"files": files(spec), **options}
    outs, fault = solo.run(spec, options.pop("inputs", given(spec)), blocks=blocks or blocks_of(), **options)
    assert fault == 0
    return outs


def cases(spec: Spec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Both ends of every range, every word of every choice, and all ends together; each with a name."""
    live: dict[str, Param] = dict(spec.params)
    for name, d in live.items():
        if isinstance(d, Numeric):
            yield f"{name} at its least", {name: d.min}
            yield f"{name} at its most", {name: d.max}
        elif isinstance(d, Choice):
            yield from ((f"{name} {word}", {name: word}) for word in d.choices)
        elif isinstance(d, Switch):
            yield from ((f"{name} {on}", {name: on}) for on in (True, False))
    numbers = {name: d for name, d in live.items() if isinstance(d, Numeric) and name != "bypass"}
    if len(numbers) > 1:
        yield "all at their least", {name: d.min for name, d in numbers.items()}
        yield "all at their most", {name: d.max for name, d in numbers.items()}


def assert_same(one: dict[str, Sound], other: dict[str, Sound]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_library_is_the_one_promised() -> None:
    promised = """
        sine saw pulse noise lfo adsr svf gain pan crossfade mix delay reverb limiter feedback player input output
        recorder prompt prompt_crossfade chord image image_mood first_light magenta mono poly midi_in midi_out midi_file
    """
    assert set(promised.split()) <= set(kinds())


@pytest.mark.parametrize("kind", AUDIO)
def test_any_split_into_blocks_gives_the_same_samples(kind: str) -> None:
    spec = kinds()[kind]
    params = moving(spec)
    whole = compiled(spec, blocks_of(), params=params)
    assert_same(whole, compiled(spec, blocks_of(*ODD), params=params))
    assert_same(whole, compiled(spec, blocks_of(*[128] * 23), params=params))
    assert all(np.abs(out).max() > 0.0 for out in whole.values())


@pytest.mark.parametrize("kind", AUDIO)
def test_still_params_too(kind: str) -> None:
    spec = kinds()[kind]
    assert_same(compiled(spec), compiled(spec, blocks_of(*ODD)))


@pytest.mark.parametrize("kind", AUDIO)
def test_twice_the_same(kind: str) -> None:
    spec = kinds()[kind]
    params = moving(spec)
    assert_same(compiled(spec, params=params), compiled(spec, params=params))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", AUDIO)
def test_compiled_equals_plain_python(kind: str, channels: int) -> None:
    spec = kinds()[kind]
    frames = 1500
    for params in ({}, moving(spec, frames)):
        inputs = given(spec, frames, channels)
        wide = max([channels, *(d.channels for d in (spec.audio_ins or spec.audio_outs).values())])
        native = compiled(spec, blocks_of(500, frames=frames), inputs=inputs, params=params, width=wide)
        plain = run(kind, frames, inputs, params=params, files=files(spec), seeds=seeds(spec), width=wide)
        for name, expected in plain.items():
            off = np.abs(native[name].astype(float) - expected).max() / np.abs(expected).max()
            level = 20.0 * np.log10(max(off, 1e-12))
            assert level < UNLIKE, f"{name} differs by {level:.1f} dB, {'moving' if params else 'still'}"


@pytest.mark.parametrize("kind", AUDIO)
def test_outs_are_finite_at_both_ends_of_every_range(kind: str) -> None:
    spec = kinds()[kind]
    for what, params in cases(spec):
        for name, out in compiled(spec, params=params).items():
            assert np.isfinite(out).all(), f"{name}, {what}"
            assert np.abs(out).max() < 1000.0 or kind == "lfo", f"{name} is {np.abs(out).max():.0f}, {what}"


@pytest.mark.parametrize("rate", [8_000.0, 44_100.0, 192_000.0])
@pytest.mark.parametrize("kind", AUDIO)
def test_every_rate_is_played(kind: str, rate: float) -> None:
    spec = kinds()[kind]
    for params in (
        {},
        {name: d.min for name, d in spec.numeric.items()},
        {name: d.max for name, d in spec.numeric.items()},
    ):
        for name, out in compiled(spec, rate=rate, params=params).items():
            assert np.isfinite(out).all(), name


@pytest.mark.parametrize("kind", AUDIO)
def test_every_out_is_filled(kind: str) -> None:
    spec = kinds()[kind]
    for what, params in cases(spec):
        for inputs in (given(spec, 40), {}):  # the plain runner hands over outs full of NaN
            for name, out in run(kind, 40, inputs, params=params, files=files(spec), blocks=[7], width=2).items():
                assert np.isfinite(out).all(), f"{name}, {what}"


@pytest.mark.parametrize("kind", WITH_BYPASS)
def test_bypassed_is_the_input(kind: str) -> None:
    spec = kinds()[kind]
    inputs = given(spec)
    first = inputs[next(iter(spec.audio_ins))]
    for name, out in compiled(spec, inputs=inputs, params={"bypass": 1.0}).items():
        np.testing.assert_array_equal(out, first[: len(out)], err_msg=name)


@pytest.mark.parametrize("kind", WITH_INPUT)
def test_silence_in_is_silence_out(kind: str) -> None:
    spec = kinds()[kind]
    inputs = {name: np.zeros((2, FRAMES), np.float32) for name in spec.audio_ins}
    for name, out in compiled(spec, inputs=inputs).items():
        np.testing.assert_array_equal(out, 0.0, err_msg=name)


NUMBA = {"float32": numba.float32, "float64": numba.float64, "uint32": numba.uint32}


@pytest.mark.parametrize("kind", NARROW)
def test_ticks_stay_in_float32(kind: str) -> None:
    spec = kinds()[kind]

    def type_of(name: str) -> Any:
        d = spec.declarations.get(name)
        if isinstance(d, State):
            return NUMBA[d.dtype.__name__]
        return numba.int64 if isinstance(d, (Choice, Switch)) or name == "frame" else numba.float32

    for function in filter(None, (spec.cls.tick, getattr(spec.cls, "coefficients", None))):  # type: ignore[attr-defined]
        native = source.native(function, foreign=False, made={})
        native.compile(tuple(type_of(name) for name in argument_names(function)))
        (text,) = native.inspect_llvm().values()
        own = [part for part in text.split("\ndefine ")[1:] if "cpython" not in part.splitlines()[0]]
        assert own
        assert all("double" not in part.split("\n}")[0] for part in own)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_words_units_and_defaults(kind: str) -> None:
    spec = kinds()[kind]
    first = spec.doc.splitlines()[0]
    assert first.endswith(".")
    assert len(first) < 120
    assert spec.file.stem == kind
    for name, d in spec.declarations.items():
        if not isinstance(d, State) and (d.doc or isinstance(d, (Param, Setting))):
            assert d.doc.endswith("."), name
            assert d.doc[0].isupper(), name
        if isinstance(d, (Numeric, Choice, Switch, Text)):
            assert d.parse(d.default) == d.default, name
        if isinstance(d, Numeric):
            assert d.norm(d.value_at(0.3)) == pytest.approx(0.3) or d.step, name


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_port_says_what_it_is(kind: str) -> None:
    spec = kinds()[kind]
    ports = {**spec.audio_ins, **spec.audio_outs, **spec.device_ins, **spec.device_outs, **spec.tapes}
    for name, d in {**ports, **spec.inlets, **spec.outlets}.items():
        assert d.doc.endswith("."), name


def test_latency_is_what_is_declared() -> None:
    for kind in AUDIO:
        spec = kinds()[kind]
        if not (spec.audio_ins and spec.audio_outs):
            continue
        impulse = np.zeros((1, FRAMES), np.float32)
        impulse[0, 100] = 0.5
        params = {"mix": 0.0} if "mix" in spec.params else {}
        outs = compiled(spec, inputs={next(iter(spec.audio_ins)): impulse}, params=params)
        first = np.flatnonzero(next(iter(outs.values()))[0])
        if kind != "adsr":  # what goes in is a gate
            assert first[0] == 100 + spec.cls.latency, kind  # type: ignore[attr-defined]

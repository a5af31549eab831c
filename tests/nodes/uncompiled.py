"""Runs a node's own Python code, frame by frame, without the compiler: what the compiled form is held against."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.core.declare import Choice, Held, Ramp, SoundFile, Switch, float64
from graphflow.core.node import Node, Spec

NODES = Path(__file__).parents[2] / "nodes"
DTYPES = {"float32": np.float32, "float64": np.float64, "uint32": np.uint32}
Sound = NDArray[np.float32]  # [channels, frames]


@cache
def kinds() -> dict[str, Spec]:
    """Every kind in the node library, by name."""
    found: dict[str, Spec] = {}
    for file in sorted(NODES.glob("*/*.py")):
        name = f"library_{file.parent.name}_{file.stem}"
        module_spec = importlib.util.spec_from_file_location(name, file)
        assert module_spec is not None
        assert module_spec.loader is not None
        module = importlib.util.module_from_spec(module_spec)
        sys.modules[name] = module
        module_spec.loader.exec_module(module)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Node) and value.__module__ == name:
                found[value.spec.kind] = value.spec
    return found


class Uncompiled:
    """One node, kept between blocks."""

    def __init__(
        self,
        kind: str,
        *,
        params: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        files: Mapping[str, Sound] | None = None,
        rate: float = 48_000.0,
        width: int = 1,
        seeds: NDArray[np.uint32] | None = None,
        frame: int = 0,
    ) -> None:
        self.spec = spec = kinds()[kind]
        narrow = not any(s.dtype is float64 for s in spec.states.values())  # as the compiler decides
        self.rate, self.width, self.frame = (np.float32 if narrow else np.float64)(rate), width, frame
        self.values: dict[str, Any] = {name: d.default for name, d in spec.params.items()} | dict(params or {})
        self.settings: dict[str, Any] = {name: d.default for name, d in spec.settings.items()} | dict(settings or {})
        self.files: dict[str, Sound] = {name: np.zeros((0, 0), np.float32) for name in spec.sound_files} | dict(
            files or {}
        )
        seeds = np.arange(1, width + 1, dtype=np.uint32) * 2654435761 if seeds is None else seeds
        self.states: dict[str, NDArray[Any]] = {}
        for name, state in spec.states.items():
            shape = (width, state.length(rate)) if state.is_line else (width,)
            self.states[name] = np.full(shape, state.start, DTYPES[state.dtype.__name__])
            if state.dtype.__name__ == "uint32":
                self.states[name][...] = seeds.astype(np.uint32)[:width].reshape((width,) + (1,) * (len(shape) - 1))

    def channels(self, name: str) -> int:
        declared: int = self.spec.declarations[name].channels  # type: ignore[attr-defined]
        return declared or self.width

    def block(self, frames: int, inputs: Mapping[str, Sound], at: int) -> dict[str, Sound]:
        """The outs of the next block; `inputs` and arrays in params are read from frame `at` on."""
        ins = {}
        for name in {**self.spec.audio_ins, **self.spec.device_ins}:
            given = inputs.get(name, np.zeros((1, at + frames), np.float32))[:, at : at + frames]
            ins[name] = np.ascontiguousarray(np.broadcast_to(given, (self.channels(name), frames)), np.float32)
        outs = {
            name: np.full((self.channels(name), frames), np.nan, np.float32)
            for name in {**self.spec.audio_outs, **self.spec.device_outs, **self.spec.tapes}
        }
        ramps: dict[str, Sound] = {}
        helds: dict[str, Any] = {}
        for name, d in self.spec.params.items():
            value = self.values[name]
            if isinstance(d, Ramp):
                ramps[name] = np.asarray(
                    np.broadcast_to(value, at + frames)[at:] if np.ndim(value) == 0 else value[at : at + frames],
                    np.float32,
                )
            elif isinstance(d, Held):
                helds[name] = np.float32(value)
            elif isinstance(d, Choice):
                helds[name] = d.choices.index(value)
            elif isinstance(d, Switch):
                helds[name] = int(value)
        for name, setting in self.spec.settings.items():
            if isinstance(setting, SoundFile):
                helds[name] = self.files[name]
            elif setting.choices:
                helds[name] = setting.choices.index(self.settings[name])
            elif not isinstance(setting.default, str):
                helds[name] = self.settings[name]
        around = {"rate": self.rate, "engine_rate": self.rate, "block": frames, "frame": self.frame}
        with np.errstate(over="ignore"):  # uint32 wraps round, as it should
            if hasattr(self.spec.cls, "tick"):
                self._ticks({**around, **helds}, ramps, ins, outs, frames)
            else:
                for form in ("process", "receive", "send"):
                    if function := getattr(self.spec.cls, form, None):
                        call(function, {**around, **helds, **ramps, **ins, **outs, **self.states})
        self.frame += frames
        return outs

    def _ticks(
        self, around: dict[str, Any], ramps: dict[str, Any], ins: dict[str, Sound], outs: dict[str, Sound], frames: int
    ) -> None:
        cls: Any = self.spec.cls
        first = around["frame"]
        for i in range(frames):
            values = {**around, **{name: ramp[i] for name, ramp in ramps.items()}, "frame": first + i}
            if self.spec.coefficients:
                worked_out = call(cls.coefficients, values)
                values |= {name: np.float32(c) for name, c in zip(self.spec.coefficients, worked_out, strict=True)}
            for channel in range(self.width):
                values |= {name: sound[channel, i] for name, sound in ins.items()}
                values |= {name: state[channel] for name, state in self.states.items()}
                answer = call(cls.tick, values)
                for array, value in zip([*outs.values(), *self.states.values()], answer, strict=True):
                    if array.ndim == 2:
                        array[channel, i] = value
                    else:
                        array[channel] = value


@cache
def names_of(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def call(function: Any, values: Mapping[str, Any]) -> Any:
    return function(**{name: values[name] for name in names_of(function)})


def run(
    kind: str,
    frames: int,
    inputs: Mapping[str, Any] | None = None,
    *,
    blocks: Iterable[int] = (),
    width: int = 0,
    **given: Any,
) -> dict[str, Sound]:
    """What the node makes of `inputs` ([channels, frames], or [frames] for one channel), in blocks of these lengths.

    Blocks that do not add up to `frames` are followed by more, of 1024, the engine's longest, or what is left.
    """
    sounds = {name: np.atleast_2d(np.asarray(sound, np.float32)) for name, sound in (inputs or {}).items()}
    node = Uncompiled(kind, width=width or max([1, *(len(s) for s in sounds.values())]), **given)
    lengths = [*blocks]
    while sum(lengths) < frames:
        lengths.append(min(frames - sum(lengths), 1024))
    pieces, at = [], 0
    for length in lengths:
        pieces.append(node.block(length, sounds, at))
        at += length
    return {name: np.concatenate([piece[name] for piece in pieces], axis=1) for name in pieces[0]}

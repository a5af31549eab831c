"""One node by itself, offline: what tests and the trial of a foreign node run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.bind import Bound
from graphflow.audio.engine import MAX_BLOCK, Engine
from graphflow.audio.layout import ENGINE
from graphflow.core.declare import DeviceIn
from graphflow.core.node import Spec
from graphflow.core.plan import Plan, Step, Unit, Use
from graphflow.core.routing import out_channels


def run(
    spec: Spec,
    inputs: Mapping[str, NDArray[np.float32]] | None = None,
    params: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    rate: float = 48000.0,
    blocks: Sequence[int] = (128,),
    seed: int = 0,
    files: Mapping[str, NDArray[np.float32]] | None = None,
    foreign: bool = False,
    width: int = 0,
) -> tuple[dict[str, NDArray[np.float32]], int]:
    """Play a compiled node block after block; `blocks` are their lengths.

    `inputs` are [channels, frames] per audio (or device) in; `params` numbers, words, or [frames] for what a wire
    drives. Returns the outs, [channels, frames] each, and the fault (0: none, 1: raised, 2: not finite).
    """
    inputs, params = dict(inputs or {}), dict(params or {})
    wired = {n: np.asarray(v, np.float32)[None, :] for n, v in params.items() if isinstance(v, np.ndarray)}
    still = {n: v for n, v in {**params, **dict(settings or {})}.items() if n not in wired}
    declared = [d.channels for d in (spec.audio_ins or spec.audio_outs).values()]
    wide = max([1, width, *declared, *(inputs[n].shape[0] for n in spec.audio_ins if n in inputs)])
    engine = Engine(rate, seed=seed)
    instance = engine.make("solo", spec, still, files=files, foreign=foreign, channels=wide)
    channels, reads, fed = [1], [], {}
    for name, samples in {**inputs, **wired}.items():
        declaration = spec.declarations[name]
        need = declaration.channels if isinstance(declaration, DeviceIn) else samples.shape[0]
        if name in spec.audio_ins and not hasattr(spec.cls, "tick"):
            need = spec.audio_ins[name].channels or wide
        samples = np.broadcast_to(samples, (need, samples.shape[1]))
        channels.append(need)
        reads.append(Use(name, len(channels) - 1, need))
        fed[name] = samples
    for name, into in spec.audio_ins.items():
        if name not in fed and not hasattr(spec.cls, "tick"):
            channels.append(into.channels or wide)
            reads.append(Use(name, len(channels) - 1, channels[-1]))
    writes = []
    unit = Unit(instance.key, spec)
    for name, out in {**spec.audio_outs, **spec.device_outs, **spec.tapes}.items():
        channels.append(out_channels(unit, name, wide) if name in spec.audio_outs else out.channels)
        writes.append(Use(name, len(channels) - 1, channels[-1]))
    if spec.cls.breaks_loop:  # type: ignore[attr-defined]
        steps = [
            Step("receive", instance.key, (), tuple(writes), wide),
            Step("send", instance.key, tuple(reads), (), wide),
        ]
    else:
        steps = [Step("play", instance.key, tuple(reads), tuple(writes), wide)]
    bound = Bound(Plan(tuple(steps), tuple(channels)), {instance.key: instance}, {}, rate=rate, max_block=MAX_BLOCK)
    engine._words[ENGINE.PLAN] = bound.address
    parts: dict[str, list[NDArray[np.float32]]] = {use.port: [] for use in writes}
    at = 0
    for count in blocks:
        for use in reads:
            if use.port in fed:
                bound.view(use, count)[:] = fed[use.port][:, at : at + count]
        engine.run(count)
        for use in writes:
            parts[use.port].append(bound.view(use, count).copy())
        at += count
    return {name: np.concatenate(p, axis=1) for name, p in parts.items()}, int(instance.fault[0])

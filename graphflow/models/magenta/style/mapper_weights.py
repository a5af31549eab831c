"""Takes the mapper's weights out of mapper.tflite.

The file's names and order are known from two public readers of it, not from the file itself: outside the loop the
constants of a concatenation and two fully connected steps; inside its body one stack per weight, named for the
number of the argument that it was when the network was exported. Shapes are checked here, and the whole against
LiteRT when it is loaded (mapper.py), so that a file made otherwise is run by LiteRT and never misread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.tflite_file import CONCATENATION, FULLY_CONNECTED, WHILE, Graph, TfliteFile

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sizes:
    """The released mapper; tests make smaller ones."""

    layers: int = 8
    embedding: int = 768
    tokens: int = 12
    width: int = 256
    heads: int = 8
    head: int = 64
    hidden: int = 1024
    prefix: int = 128

    @property
    def condition(self) -> int:
        return 2 * self.prefix + self.embedding


@dataclass(frozen=True)
class Weights:
    """`ends` by name, and `layers` stacked [layers, ...] by name; see `shapes`."""

    ends: dict[str, F32]
    layers: dict[str, F32]


# stacked weight -> the argument that it was
ARGUMENTS = {
    "attention_shift_bias": 2, "attention_shift": 3, "attention_norm": 4, "qkv": 5, "sink_key": 6, "sink_value": 7,
    "attention_out": 8, "feed_shift_bias": 9, "feed_shift": 10, "up_bias": 11, "up": 12, "down_bias": 13, "down": 14,
    "feed_norm": 15,
}  # fmt: skip


def shapes(s: Sizes) -> dict[str, tuple[int, ...]]:
    """Of every stacked weight, as they lie in the file. The 2 of a shift is: scale, then shift."""
    return {
        "attention_shift_bias": (s.layers, 2, s.width),
        "attention_shift": (s.layers, s.condition, 2, s.width),
        "attention_norm": (s.layers, s.width),
        "qkv": (s.layers, s.width, 3, s.heads, s.head),
        "sink_key": (s.layers, 1, s.heads, s.head),
        "sink_value": (s.layers, 1, s.heads, s.head),
        "attention_out": (s.layers, s.width, s.heads, s.head),
        "feed_shift_bias": (s.layers, 2, s.width),
        "feed_shift": (s.layers, s.condition, 2, s.width),
        "up_bias": (s.layers, s.hidden),
        "up": (s.layers, s.width, s.hidden),
        "down_bias": (s.layers, s.width),
        "down": (s.layers, s.hidden, s.width),
        "feed_norm": (s.layers, s.width),
    }


def read_weights(path: Path, sizes: Sizes | None = None) -> Weights:
    """Every weight as float32. A file that does not look like the mapper raises UserError."""
    s = sizes or Sizes()
    file = TfliteFile(path)
    graph = file.graphs[0]
    linears: dict[tuple[int, ...], list[F32]] = {}
    prefixes: list[F32] = []
    bodies: list[Graph] = []
    for step in graph.steps:
        constants = [found for at in step.inputs if at >= 0 and (found := file.weight(graph, at)) is not None]
        if step.code == FULLY_CONNECTED and constants:
            linears[constants[0].shape] = constants
        elif step.code == WHILE and 0 <= step.graphs[1] < len(file.graphs):
            bodies.append(file.graphs[step.graphs[1]])
        elif step.code == CONCATENATION:
            prefixes += [c for c in constants if c.dtype == np.float32 and c.size == s.prefix]
    inside, outside = (s.tokens * s.width, s.embedding), (s.embedding, s.tokens * s.width)
    if len(bodies) != 1 or not prefixes or inside not in linears or outside not in linears:
        raise UserError(f"{path} is not built as the mapper is known to be (its ends or its loop differ)")
    ends: dict[str, F32] = {"prefix": prefixes[0].reshape(s.prefix)}
    for name, shape in (("in", inside), ("out", outside)):
        linear = linears[shape]
        if len(linear) != 2 or linear[1].shape != shape[:1]:
            raise UserError(f"{path} is not built as the mapper is known to be (its '{name}' layer has no bias)")
        ends[name], ends[f"{name}_bias"] = linear
    layers: dict[str, F32] = {}
    arguments = {number: name for name, number in ARGUMENTS.items()}
    wanted = shapes(s)
    for at, tensor in enumerate(bodies[0].tensors):
        match = re.match(r"jax2tf_arg_(\d+)/", tensor.name)
        weight = arguments.get(int(match[1])) if match else None
        value = file.weight(bodies[0], at) if weight else None
        if weight and value is not None and value.shape == wanted[weight] and value.dtype == np.float32:
            layers[weight] = value
    if lacking := sorted(wanted.keys() - layers.keys()):
        raise UserError(f"{path} is not built as the mapper is known to be (no {', '.join(lacking)})")
    return Weights({name: np.array(value) for name, value in ends.items()}, {k: np.array(v) for k, v in layers.items()})

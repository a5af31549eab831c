"""A mapper of small sizes as a .tflite file: a loop over stacked weights, as the released one is reported to be built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphflow.models.magenta.style.mapper_weights import ARGUMENTS, Sizes, shapes
from tests.models.magenta.style.tflite_build import TestFile, TestGraph

SMALL = Sizes(layers=3, embedding=24, tokens=4, width=16, heads=2, head=8, hidden=20, prefix=6)


def build_mapper(path: Path, s: Sizes = SMALL, *, seed: int = 0, sink_scaled: bool = False, rename: str = "") -> Path:
    """Random weights. `sink_scaled`: a different network under the same names; `rename`: a weight of another name."""
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    file = TestFile()
    main, check, body = file.graph(), file.graph(), file.graph()
    words, noise = main.input((1, s.embedding), name="words"), main.input((1, s.embedding), name="noise")
    prefix = main.weight(drawn(1, 1, s.prefix))
    context = main.step("CONCATENATION", prefix, prefix, main.reshape(words, 1, 1, s.embedding), axis=2)
    rows = s.tokens * s.width
    x = main.step("FULLY_CONNECTED", noise, main.weight(drawn(rows, s.embedding)), main.weight(drawn(rows)))
    x = main.reshape(x, s.tokens, s.width)
    count = main.weight([0], "int32")
    results = [main._tensor(f"result{i}", shape, kind, 0) for i, (shape, kind) in enumerate(_state(s))]
    main.steps("WHILE", (count, x, context), results, condSubgraphIndex=1, bodySubgraphIndex=2)
    end = main.step(
        "FULLY_CONNECTED",
        main.reshape(results[1], 1, rows),
        main.weight(drawn(s.embedding, rows)),
        main.weight(drawn(s.embedding)),
    )
    main.output(main.step("ADD", noise, main.step("SUB", end, noise)))
    at, _, _ = (check.input(shape, kind) for shape, kind in _state(s))
    check.output(check.step("LESS", at, check.weight([s.layers], "int32"), kind="bool", shape=(1,)))
    _layer(body, s, {name: drawn(*shape) for name, shape in shapes(s).items()}, sink_scaled, rename)
    return file.write(path)


def _state(s: Sizes) -> list[tuple[tuple[int, ...], str]]:
    return [((1,), "int32"), ((s.tokens, s.width), "float32"), ((1, 1, s.condition), "float32")]


def _layer(g: TestGraph, s: Sizes, stacks: dict[str, npt.NDArray[np.float32]], sink_scaled: bool, rename: str) -> None:
    at, x, context = (g.input(shape, kind) for shape, kind in _state(s))

    def weight(name: str, *shape: int) -> int:
        stored = g.weight(stacks[name], name=f"jax2tf_arg_{99 if name == rename else ARGUMENTS[name]}/part")
        return g.reshape(g.step("GATHER", stored, at, axis=0), *shape)

    def number(value: float) -> int:
        return g.weight(np.float32(value))

    def shifted(x: int, which: str) -> int:
        mean = g.step("MEAN", g.step("MUL", x, x), g.weight([1], "int32"), keepDims=True)
        x = g.step("MUL", x, g.step("RSQRT", g.step("ADD", mean, number(1e-6))))
        x = g.step("MUL", x, weight(f"{which}_norm", 1, s.width))
        flat = g.reshape(context, 1, s.condition)
        moved = g.step("BATCH_MATMUL", flat, weight(f"{which}_shift", s.condition, 2 * s.width))
        moved = g.reshape(g.step("ADD", moved, weight(f"{which}_shift_bias", 1, 2 * s.width)), 2, s.width)
        scale, shift = (g.step("GATHER", moved, g.weight([i], "int32"), axis=0) for i in (0, 1))
        return g.step("ADD", g.step("MUL", x, g.step("ADD", scale, number(1.0))), shift)

    def turned(x: int) -> int:  # [heads, tokens, head]
        half = s.head // 2
        angle = np.arange(s.tokens)[:, None] * 10000.0 ** (-np.arange(half) / half)
        cos, sin = g.weight(np.cos(angle)), g.weight(np.sin(angle))
        a, b = (g.step("GATHER", x, g.weight(np.arange(half) + i * half, "int32"), axis=2) for i in (0, 1))
        left = g.step("SUB", g.step("MUL", a, cos), g.step("MUL", b, sin))
        return g.step("CONCATENATION", left, g.step("ADD", g.step("MUL", b, cos), g.step("MUL", a, sin)), axis=2)

    def heads_first(x: int) -> int:
        return g.step("TRANSPOSE", x, g.weight([1, 0, 2], "int32"))

    h = shifted(x, "attention")
    triple = g.step("BATCH_MATMUL", h, weight("qkv", s.width, 3 * s.heads * s.head))
    triple = g.reshape(triple, s.tokens, 3, s.heads, s.head)
    parts = [
        g.reshape(g.step("GATHER", triple, g.weight([i], "int32"), axis=1), s.tokens, s.heads, s.head) for i in range(3)
    ]
    q, k, v = (heads_first(part) for part in parts)
    q, k = turned(q), turned(k)
    scaled = g.step("MUL", q, number(s.head**-0.5))
    sink_key = heads_first(weight("sink_key", 1, s.heads, s.head))
    sink = g.step("BATCH_MATMUL", scaled if sink_scaled else q, sink_key, adjY=True)
    score = g.step("CONCATENATION", sink, g.step("BATCH_MATMUL", scaled, k, adjY=True), axis=2)
    capped = g.step("MUL", g.step("TANH", g.step("MUL", score, number(1 / 30))), number(30))
    values = g.step("CONCATENATION", heads_first(weight("sink_value", 1, s.heads, s.head)), v, axis=1)
    heard = heads_first(g.step("BATCH_MATMUL", g.step("SOFTMAX", capped, beta=1.0), values))
    heard = g.reshape(heard, s.tokens, s.heads * s.head)
    x = g.step("ADD", x, g.step("BATCH_MATMUL", heard, weight("attention_out", s.width, s.heads * s.head), adjY=True))
    h = g.step("BATCH_MATMUL", shifted(x, "feed"), weight("up", s.width, s.hidden))
    h = g.step("GELU", g.step("ADD", h, weight("up_bias", 1, s.hidden)), approximate=True)
    h = g.step("BATCH_MATMUL", h, weight("down", s.hidden, s.width))
    x = g.step("ADD", x, g.step("ADD", h, weight("down_bias", 1, s.width)), shape=(s.tokens, s.width))
    g.output(g.step("ADD", at, g.weight([1], "int32"), kind="int32", shape=(1,)))
    g.output(x)
    g.output(context)

"""The sizes of a Magenta RealTime 2 model. Everything else reads them from here; no class is made for one size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from graphflow.core.errors import UserError

RATE = 48_000
CHUNK = 1920
"""Frames per chunk: 40 ms. One chunk is one step of the transformer and one frame of its codec."""
CODES = 1024
"""Entries of each codebook, in the codec and in the style quantizer."""
RESERVED = 6
"""Audio ids below the first code; id 0 starts a stream."""
SHIFT = 7
"""Conditioning ids are values + 7, so that -1 (masked) is an id too."""
STYLE_LEVELS = 12
STYLE_WIDTH = 768
PITCHES = 128
CONDITIONS = STYLE_LEVELS + PITCHES + 4
"""Numbers per chunk: 12 style codes, 128 pitches, drums, and the guidance for style, notes, drums."""


@dataclass(frozen=True)
class Stack:
    """A stack of transformer layers. `window`: how many older chunks one attends to (0: none of its business)."""

    layers: int
    dim: int
    heads: int
    head_dim: int
    ffn: int
    window: int = 0


@dataclass(frozen=True)
class CodecSizes:
    """`features` per codec frame, codebooks in all and used, and the channels of the widest picture of each half."""

    features: int
    quantizer_levels: int
    used_levels: int
    encoder_base_depth: int
    decoder_base_depth: int


@dataclass(frozen=True)
class Config:
    """All sizes of one model."""

    name: str
    conditioning: int
    temporal: Stack
    depth: Stack
    codec: CodecSizes

    @property
    def levels(self) -> int:
        """Codes per chunk."""
        return self.codec.used_levels

    @property
    def vocabulary(self) -> int:
        return RESERVED + CODES * self.levels

    def data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any], name: str = "", place: str = "") -> Config:
        """From plain data, as `data` gives it and as parity sets hold it, and where that lies. Raises UserError."""
        try:
            temporal = _whole(_part(data, "temporal"), "temporal")
            depth = _whole({**_part(data, "depth"), "window": 0}, "depth")
            codec = CodecSizes(**_whole(_part(data, "codec"), "codec"))
            if "window" not in temporal:
                raise KeyError("window")
            if codec.used_levels > codec.quantizer_levels:
                raise ValueError(f"{codec.used_levels} levels used of {codec.quantizer_levels}")
            conditioning = _whole({"conditioning": data["conditioning"]}, "model")["conditioning"]
            return cls(str(data.get("name") or name), conditioning, Stack(**temporal), Stack(**depth), codec)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{place or name or 'config'}: the model's sizes cannot be read ({error}); expected all of SMALL's"
            ) from error

    @classmethod
    def read(cls, path: Path) -> Config:
        """From a JSON file. Raises UserError."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, RecursionError, ValueError) as error:
            raise UserError(f"{path}: the model's sizes cannot be read ({error}); download the model again") from error
        return cls.of(data, path.name, str(path))

    def renamed(self, name: str) -> Config:
        return replace(self, name=name)

    def __str__(self) -> str:
        t, d, c = self.temporal, self.depth, self.codec
        return (
            f"{self.name}: temporal {t.layers} x {t.dim} ({t.heads} heads of {t.head_dim}, ffn {t.ffn}, "
            f"window {t.window}), depth {d.layers} x {d.dim} ({d.heads} heads of {d.head_dim}, ffn {d.ffn}), "
            f"conditioning {self.conditioning}, codec {c.features} features, {c.used_levels} of "
            f"{c.quantizer_levels} levels, base depths {c.encoder_base_depth} and {c.decoder_base_depth}"
        )


def _part(data: Any, part: str) -> Mapping[str, Any]:
    """Raises TypeError, KeyError."""
    if not isinstance(data, Mapping):
        raise TypeError(f"it is {data!r:.40}, no object")
    if not isinstance(data[part], Mapping):
        raise TypeError(f"{part} is {data[part]!r:.40}, no object")
    found: Mapping[str, Any] = data[part]
    return found


def _whole(sizes: Mapping[str, Any], part: str) -> dict[str, int]:
    """Sizes of one part as whole numbers, from 1 on but for a window. Raises TypeError or ValueError."""
    for key, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not float(value).is_integer():
            raise TypeError(f"{part} {key} is {value!r}, no whole number")
        if value < 1 and key != "window":
            raise ValueError(f"{part} {key} is {value}")
    return {key: int(value) for key, value in sizes.items()}


RELEASED_CODEC = CodecSizes(256, 64, 12, 32, 64)
SMALL = Config("mrt2-small", 256, Stack(12, 1024, 8, 128, 4096, 41), Stack(2, 768, 6, 128, 3072), RELEASED_CODEC)
BASE = Config("mrt2-base", 1024, Stack(20, 3072, 24, 128, 8192, 25), Stack(6, 1024, 8, 128, 4096), RELEASED_CODEC)
NAMED = {config.name: config for config in (SMALL, BASE)}

"""Blends the parts of a style into twelve codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.codebooks import LEVELS
from graphflow.models.magenta.style.ingredients import Ingredient, read_parts
from graphflow.models.magenta.style.quantizer import MASKED, Quantizer

F32 = npt.NDArray[np.float32]
NO_STYLE = (MASKED,) * LEVELS


class Encoder(Protocol):
    """What a blend needs of MusicCoCa."""

    def embed_text(self, text: str, *, mapped: bool = True) -> F32: ...
    def embed_file(self, name: str) -> F32: ...

    @property
    def quantizer(self) -> Quantizer: ...
    @property
    def encoded(self) -> int: ...


@dataclass(frozen=True)
class Blend:
    """Twelve style codes (-1: masked, the model is free), and what they were made of."""

    codes: tuple[int, ...] = NO_STYLE
    shares: tuple[tuple[str, float], ...] = ()  # part and share; shares sum to 1
    trouble: str = ""  # one line about parts that were left out; empty when all is well

    def __str__(self) -> str:
        made_of = " + ".join(f"{share:.3g} {name}" for name, share in self.shares)
        return f"{made_of or 'no style'}: {' '.join(map(str, self.codes))}"


def blend(
    parts: Sequence[Mapping[str, Any]],
    encoder: Encoder,
    *,
    levels: int = LEVELS,
    mapped: bool = True,
    hasty: bool = False,
) -> Blend | None:
    """The style of weighted parts (`graphflow.core.messages.Part.data`).

    Embeddings are averaged by weight and not brought to unit length again; then they are quantized. A single part of
    raw tokens passes as it is; beside others it is the place that its tokens name. Parts that fail are left out.

    levels: how many codes are given, from the first; the rest is masked.
    hasty: come back with None as soon as something had to be encoded, so that the caller may look for newer parts;
    what was encoded is remembered by the encoder.
    """
    ingredients, troubles = read_parts(parts)
    places: dict[int, F32] = {}
    usable: list[Ingredient] = []
    for ingredient in ingredients:
        before = encoder.encoded
        try:
            if not ingredient.codes:
                places[len(usable)] = _place(ingredient, encoder, mapped)
            usable.append(ingredient)
        except UserError as error:
            troubles.append(f"style: {error}")
        if hasty and encoder.encoded > before:
            return None
    heaviest = max((ingredient.weight for ingredient in usable), default=1.0)
    weights = np.array([ingredient.weight / heaviest for ingredient in usable])
    shares = weights / weights.sum() if usable else weights
    codes = NO_STYLE
    try:
        if len(usable) == 1 and usable[0].codes:
            codes = usable[0].codes
        elif usable:
            stack = [
                places[at] if at in places else encoder.quantizer.dequantize(i.codes) for at, i in enumerate(usable)
            ]
            mean = shares @ np.stack(stack).astype(np.float64)
            codes = tuple(int(code) for code in encoder.quantizer.quantize(mean.astype(np.float32)))
    except UserError as error:  # no quantizer, no codes
        troubles.append(f"style: {error}")
        usable = []
    more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return Blend(
        codes[:levels] + NO_STYLE[levels:],
        tuple((ingredient.name, float(share)) for ingredient, share in zip(usable, shares, strict=False)),
        f"{troubles[0]}{more}" if troubles else "",
    )


def _place(ingredient: Ingredient, encoder: Encoder, mapped: bool) -> F32:
    if ingredient.audio:
        return encoder.embed_file(ingredient.audio)
    words = [np.float32(share) * encoder.embed_text(text, mapped=mapped) for text, share in ingredient.texts]
    place: F32 = np.sum(words, axis=0, dtype=np.float32)
    return place

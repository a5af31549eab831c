"""What the music should be, as 144 numbers per chunk, turned into the vector that the transformer listens to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphflow.models.magenta.config import CODES, CONDITIONS, PITCHES, SHIFT, STYLE_LEVELS, STYLE_WIDTH
from graphflow.models.magenta.linear import LayerNorm, Linear, Table

PITCH_ROWS, DRUM_ROWS, GUIDANCE_ROWS = 11, 9, 47
"""Rows of the regular table that belong to one pitch, to the drums, to each of style's and notes' guidance."""
REGULAR_ROWS = 1536
FIRST_DRUM = PITCHES * PITCH_ROWS
FIRST_GUIDANCE = FIRST_DRUM + DRUM_ROWS
STYLE_ROWS = CODES + SHIFT


def row_offsets() -> Tensor:
    """Where each of the 144 numbers' rows begin, [144]: the style's in its table, the others in the regular one.

    The top guidance bins reach into the next one's rows (7 is added to them too, though only 6 ids are reserved):
    the model was trained that way.
    """
    style = torch.arange(STYLE_LEVELS) * STYLE_ROWS
    pitch = torch.arange(PITCHES) * PITCH_ROWS
    first = FIRST_GUIDANCE
    rest = torch.tensor([FIRST_DRUM, first, first + GUIDANCE_ROWS, first + 2 * GUIDANCE_ROWS])
    return torch.cat([style, pitch, rest])


class Conditioning(nn.Module):
    """The encoder. It has no transformer: two tables, one projection and a norm."""

    offsets: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.style = Table(STYLE_LEVELS * STYLE_ROWS, STYLE_WIDTH)
        self.style_projection = Linear(STYLE_WIDTH, width, bias=False)
        self.regular = Table(REGULAR_ROWS, width)
        self.norm = LayerNorm(width)
        self.register_buffer("offsets", row_offsets(), persistent=False)

    def forward(self, conditions: Tensor) -> Tensor:
        """Numbers [..., 144] (whole, -1 masked) to the source [..., width] in float32."""
        rows = conditions.long() + SHIFT + self.offsets
        style = self.style_projection(self.style(rows[..., :STYLE_LEVELS]).sum(-2))
        regular = self.regular(rows[..., STYLE_LEVELS:]).float().mean(-2)
        source: Tensor = self.norm((style.float() + regular) / 2.0)
        return source


def guidance_bin(value: float, step: float, top: int) -> int:
    """The bin of a guidance strength -1..7; half goes to the even one."""
    return min(max(round((min(max(value, -1.0), 7.0) + 1.0) / step), 0), top)


def masked() -> list[int]:
    """144 numbers that ask for nothing, with guidance 0."""
    return [-1] * (CONDITIONS - 3) + [guidance_bin(0.0, 0.2, 40)] * 2 + [guidance_bin(0.0, 1.0, 8)]

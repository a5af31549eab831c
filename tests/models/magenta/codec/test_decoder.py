"""The decoder's last steps, which golden sets check only to one step of 16 bits."""

from __future__ import annotations

import torch

from graphflow.models.magenta.codec.decoder import as_int16, played


def test_whole_numbers_are_rounded_as_the_official_package_does() -> None:
    """round(32767.5 y - 0.5), a half to the even one: full scale reaches both ends, silence stays 0."""
    sound = torch.tensor([-1.0, -0.5, 0.0, 1 / 32767.5, 0.25, 1.0])
    assert as_int16(sound).tolist() == [-32768, -16384, 0, 0, 8191, 32767]


def test_what_is_played_is_half_as_loud_and_within_full_scale() -> None:
    assert played(torch.tensor([-3.0, -2.0, -0.5, 0.0, 1.0, 2.5])).tolist() == [-1.0, -1.0, -0.25, 0.0, 0.5, 1.0]

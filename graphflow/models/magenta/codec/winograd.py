"""Fewer products for the decoder's convolutions, by multiplying polynomials at points.

Four rows in time and three taps are polynomials; their product's six coefficients are six products at six points
instead of twelve (Toom and Cook): the rows of a transposed convolution. Turned round it is a convolution of six rows
that gives four (Winograd's F(4, 3)). In frequency two bins are worked out at once in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0)
"""The sixth is infinity."""


def evaluate(count: int) -> F64:
    """[6, count]: a polynomial's values at the points from its coefficients."""
    values = np.vander(np.array(POINTS), count, increasing=True)
    infinity = np.zeros((1, count))
    infinity[0, -1] = 1.0
    return np.concatenate([values, infinity])


def single(matrix: npt.NDArray[Any]) -> F32:
    return np.ascontiguousarray(matrix, np.float32)


SPREAD_IN, SPREAD_OUT, TAPS = evaluate(4), np.linalg.inv(evaluate(6)), evaluate(3)
"""[6, 4], [6, 6], [6, 3]: rows and taps to their points, and the points of the product to six rows."""
SLIDE_IN, SLIDE_OUT = SPREAD_OUT.T, SPREAD_IN.T
"""[6, 6], [4, 6]: six rows as they meet taps at points, and from the products to four rows."""

SPREAD_BINS = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
SPREAD_BINS_IN = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 1.0]])
"""[3, 2], [3, 3]: the two taps of a phase, and the bins before, at and after; each bin is the sum of two products."""
SLIDE_BINS = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]])
SLIDE_BINS_IN = np.array([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, -1.0, 1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])
SLIDE_BINS_OUT = np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, -1.0, -1.0]])
"""[4, 3], [4, 4], [2, 4]: three taps, four bins, and two bins from the four products."""


def spread_taps(weight: Tensor, stride: int) -> F32:
    """A transposed convolution's weights [C, O, 3, 2 * stride] as [18, C, stride * O]: each of `stride` phases has two
    taps, a stride apart."""
    channels, out = weight.shape[:2]
    pairs = weight.permute(2, 3, 0, 1).reshape(3, 2, stride, channels, out).double().numpy()
    return single(np.einsum("jt,qk,tkpco->jqcpo", TAPS, SPREAD_BINS, pairs, optimize=True).reshape(18, channels, -1))


def slide_taps(weight: Tensor) -> F32:
    """A convolution's weights [O, C, 3, 3] as [24, C, O]."""
    taps = weight.permute(2, 3, 1, 0).double().numpy()
    return single(np.einsum("jt,qk,tkco->jqco", TAPS, SLIDE_BINS, taps, optimize=True).reshape(24, *taps.shape[2:]))

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


def square(matrix: npt.NDArray[Any]) -> F32:
    """Filled up with zeros to [6, 6]: the loops know one size."""
    return single(np.pad(matrix, [(0, 6 - n) for n in matrix.shape]))


def single(matrix: npt.NDArray[Any]) -> F32:
    return np.ascontiguousarray(matrix, np.float32)


SPREAD_IN, SPREAD_OUT = square(evaluate(4)), square(np.linalg.inv(evaluate(6)))
SLIDE_IN, SLIDE_OUT = single(SPREAD_OUT.T), single(SPREAD_IN.T)
TAPS = evaluate(3)

SPREAD_BINS = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
"""[3, 2]: two taps of a transposed convolution as they meet x[-1] - x[0], x[0], x[1] - x[0]."""
SLIDE_BINS = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]])
"""[4, 3]: three taps of a convolution as they meet x[-1] - x[1], x[0] + x[1], x[1] - x[0], x[0] - x[2]."""


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

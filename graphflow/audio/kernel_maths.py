"""The native versions of `graphflow.core.maths`: float32, without branches, so that loops become SIMD.

`sin` and `cos` reduce in the argument's own precision and answer in float32 (error below 2e-7); `tan` is a
rational approximation good up to 0.49 of the rate (relative error below 1e-6).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import float32, njit, types, uint32
from numba.extending import intrinsic

from graphflow.audio.native import INLINE
from graphflow.core import maths

F = np.float32
TAU, PI = F(math.tau), F(math.pi)


@intrinsic  # type: ignore[untyped-decorator]
def llvm_floor(typingctx: Any, x: Any) -> Any:
    """floor that stays a float; numba's own answers int64 for float32."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic("llvm.floor", [args[0].type]), args)

    return x(x), codegen


@intrinsic  # type: ignore[untyped-decorator]
def float_bits(typingctx: Any, x: Any) -> Any:
    """int32 as the float32 with the same bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@intrinsic  # type: ignore[untyped-decorator]
def like(typingctx: Any, x: Any, value: Any) -> Any:
    """`value` in the precision of `x`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return args[1] if x == types.float64 else builder.fptrunc(args[1], ir.FloatType())

    return x(x, types.float64), codegen


@njit(**INLINE)  # type: ignore[untyped-decorator]
def wrap(x: Any) -> Any:
    return x - llvm_floor(x)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def sin_cycles(cycles: Any) -> Any:
    """sin(2 pi x) for x in -0.5..0.5 by an odd polynomial, least squares on a quarter wave with 1 at its top exact."""
    x = float32(cycles)
    folded = F(0.5) - x if x > F(0.25) else (F(-0.5) - x if x < F(-0.25) else x)
    s = folded * folded
    p = F(-14.35741)
    p = p * s + F(42.004112)
    p = p * s + F(-76.70397)
    p = p * s + F(81.60522)
    p = p * s + F(-41.341705)
    return folded * TAU + folded * s * p


@njit(**INLINE)  # type: ignore[untyped-decorator]
def sin(x: Any) -> Any:
    cycles = x * like(x, 1.0 / math.tau)
    return sin_cycles(cycles - llvm_floor(cycles + like(x, 0.5)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def cos(x: Any) -> Any:
    cycles = x * like(x, 1.0 / math.tau) + like(x, 0.25)
    return sin_cycles(cycles - llvm_floor(cycles + like(x, 0.5)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def tan(x: Any) -> Any:
    # Pade 7/6 after folding around pi/2: tan(x) = 1 / tan(pi/2 - x) above pi/4
    y = float32(x)
    high = y > F(0.785398163)
    z = F(1.57079632679) - y if high else y
    s = z * z
    top = z * (F(135135.0) + s * (F(-17325.0) + s * (F(378.0) - s)))
    bottom = F(135135.0) + s * (F(-62370.0) + s * (F(3150.0) + s * F(-28.0)))
    return bottom / top if high else top / bottom


@njit(**INLINE)  # type: ignore[untyped-decorator]
def exp2(x: Any) -> Any:
    y = min(max(float32(x), F(-126.0)), F(127.0))
    whole = llvm_floor(y)
    f = y - whole
    p = F(0.00021877505)
    p = p * f + F(0.0012387821)
    p = p * f + F(0.0096845805)
    p = p * f + F(0.055480426)
    p = p * f + F(0.2402305)
    p = p * f + F(0.69314693)
    p = p * f + F(1.0)
    return p * float_bits(np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def exp(x: Any) -> Any:
    return exp2(float32(x) * F(1.4426950408889634))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def expm1(x: Any) -> Any:
    """exp(x) - 1, exact where x is small: what a slow curve's coefficient needs (Taylor to the 5th power)."""
    y = float32(x)
    near = y * (F(1.0) + y * (F(1 / 2) + y * (F(1 / 6) + y * (F(1 / 24) + y * F(1 / 120)))))
    return near if abs(y) < F(0.1) else exp(y) - F(1.0)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def db(level: Any) -> Any:
    return exp2(float32(level) * F(0.16609640474436813))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def log(x: Any) -> Any:
    return float32(math.log(float32(x)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def log2(x: Any) -> Any:
    return float32(math.log2(float32(x)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def sqrt(x: Any) -> Any:
    return float32(math.sqrt(float32(x)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def tanh(x: Any) -> Any:
    e = exp(F(-2.0) * min(max(float32(x), F(-9.0)), F(9.0)))
    return (F(1.0) - e) / (F(1.0) + e)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def floor(x: Any) -> Any:
    return llvm_floor(x)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def clamp(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def random_next(state: Any) -> Any:
    s = uint32(state)
    s = uint32(s ^ uint32(s << uint32(13)))
    s = uint32(s ^ uint32(s >> uint32(17)))
    return uint32(s ^ uint32(s << uint32(5)))


@njit(**INLINE)  # type: ignore[untyped-decorator]
def random_bipolar(state: Any) -> Any:
    return float32(uint32(state)) * F(2.0 / 4294967296.0) - F(1.0)


NATIVE: dict[str, Any] = {name: globals()[name] for name in maths.__all__}
"""The native twin of every name in `graphflow.core.maths`."""

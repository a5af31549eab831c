"""Products of small matrices in machine code, their weights laid out as they are read.

A library's product packs its weights anew in each call and is made for hundreds of rows; a chunk's pictures have ten to
two hundred. Here five or six rows at a time stay in registers while a panel of 16 columns passes once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from graphflow.models.magenta.compiled import compiled

F32 = npt.NDArray[np.float32]
PANEL = 16
_I16, _I32, _I64, _F32 = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
_ROW = ir.VectorType(_F32, PANEL)


def _tile(rows: int) -> Any:
    """Sums of `rows` rows and one panel."""

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(typing: Any, a: Any, first: Any, panel: Any, out: Any, column: Any) -> Any:
        """out[first:, column:] = a[first:] times the panel: a [M, K], panel [K, 16] float32 or int16, out [M, N]."""
        if any(array.layout != "C" for array in (a, panel, out)):
            return None
        weight, align = (_I16, 2) if str(panel.dtype) == "int16" else (_F32, 4)
        vector = ir.VectorType(weight, PANEL)

        def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
            a, panel, out = (context.make_array(signature.args[i])(context, b, value=values[i]) for i in (0, 2, 4 - 1))
            count, width = (cgutils.unpack_tuple(b, array.shape, 2)[1] for array in (a, out))
            fma = cgutils.get_or_insert_function(b.module, ir.FunctionType(_ROW, [_ROW] * 3), f"llvm.fma.v{PANEL}f32")
            none, spread = ir.Constant(_ROW, ir.Undefined), ir.Constant(ir.VectorType(_I32, PANEL), [_I32(0)] * PANEL)
            before, loop, after = b.block, b.append_basic_block("k"), b.append_basic_block("after")
            b.branch(loop)
            b.position_at_end(loop)
            k, sums = b.phi(_I64), [b.phi(_ROW) for _ in range(rows)]
            k.add_incoming(_I64(0), before)
            address = b.bitcast(b.gep(panel.data, [b.mul(k, _I64(PANEL))]), vector.as_pointer())
            weights = b.load(address, align=align)
            if weight is _I16:
                weights = b.sitofp(weights, _ROW)
            for r, total in enumerate(sums):
                at = b.add(b.mul(b.add(values[1], _I64(r)), count), k)
                factor = b.shuffle_vector(b.insert_element(none, b.load(b.gep(a.data, [at])), _I32(0)), none, spread)
                total.add_incoming(ir.Constant(_ROW, [ir.Constant(_F32, 0.0)] * PANEL), before)
                total.add_incoming(b.call(fma, [factor, weights, total]), loop)
            following = b.add(k, _I64(1))
            k.add_incoming(following, loop)
            b.cbranch(b.icmp_signed("<", following, count), loop, after)
            b.position_at_end(after)
            for r, total in enumerate(sums):
                at = b.add(b.mul(b.add(values[1], _I64(r)), width), values[4])
                b.store(total.incomings[1][0], b.bitcast(b.gep(out.data, [at]), _ROW.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.void(a, types.intp, panel, out, types.intp), build

    return tile


_six, _five, _one = _tile(6), _tile(5), _tile(1)


@compiled()
def multiply(a: F32, panels: npt.NDArray[Any], out: F32, first: int, last: int) -> None:
    """out [M, N] = a [M, K] times panels [N / 16, K, 16], as far as it is in panels `first` to `last`."""
    rows = a.shape[0]
    for n in range(first, last):
        panel = panels[n]
        if rows % 5 == 0 and rows < 30:
            for m in range(0, rows, 5):
                _five(a, m, panel, out, PANEL * n)
        elif rows < 6:
            for m in range(rows):
                _one(a, m, panel, out, PANEL * n)
        else:
            for m in range(0, rows, 6):  # the last six may overlap those before
                _six(a, min(m, rows - 6), panel, out, PANEL * n)


@compiled()
def multiply_each(a: F32, panels: npt.NDArray[Any], out: F32, first: int, last: int) -> None:
    """`multiply` for those from `first` to `last` of several: [J, M, K], [J, N / 16, K, 16], [J, M, N]."""
    for j in range(first, last):
        multiply(a[j], panels[j], out[j], 0, panels.shape[1])


def packed(weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Weights [..., K, N] as panels [..., N / 16, K, 16], filled up with zeros."""
    *first, height, width = weights.shape
    count = -(-width // PANEL)
    filled = np.zeros((*first, height, count * PANEL), weights.dtype)
    filled[..., :width] = weights
    return np.ascontiguousarray(np.moveaxis(filled.reshape(*first, height, count, PANEL), -2, -3))

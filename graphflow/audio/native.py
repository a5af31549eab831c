"""Machine-level words for compiled code: memory by address, calls by address, atomic words, flush-to-zero.

Everything here is inlined into kernels by numba; none of it can be called from Python.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

INLINE = {
    "nogil": True,
    "error_model": "numpy",
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}

KERNEL = types.int32(types.int64, types.int64, types.int64)
"""Every kernel: (context address, frames, absolute frame) -> 0, or 1 when it raised."""

X86 = platform.machine().lower() in ("x86_64", "amd64", "x86")


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typingctx: Any, address: Any) -> Any:
    """An address as a void pointer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def address_of(typingctx: Any, pointed: Any) -> Any:
    """A pointer as an address."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.int64(pointed), codegen


@intrinsic  # type: ignore[untyped-decorator]
def call_kernel(typingctx: Any, function: Any, context_address: Any, frames: Any, frame: Any) -> Any:
    """Call the kernel at an address: 2 ns, where numba's own function lists take 28."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        kernel = ir.FunctionType(ir.IntType(32), [word, word, word])
        return builder.call(builder.inttoptr(args[0], kernel.as_pointer()), args[1:])

    return types.int32(types.int64, types.int64, types.int64, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def call_clock(typingctx: Any, function: Any, which: Any, target: Any) -> Any:
    """Call the system's clock (POSIX clock_gettime) at an address; it writes two words to `target`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        clock = ir.FunctionType(ir.IntType(32), [ir.IntType(32), cgutils.voidptr_t])
        called = builder.inttoptr(args[0], clock.as_pointer())
        which_id = builder.trunc(args[1], ir.IntType(32))
        return builder.call(called, [which_id, builder.inttoptr(args[2], cgutils.voidptr_t)])

    return types.int32(types.int64, types.int64, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def load_acquire(typingctx: Any, address: Any) -> Any:
    """Read a word that another thread writes; what it wrote before is seen after."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(word, ordering="acquire", align=8)

    return types.int64(types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def store_release(typingctx: Any, address: Any, value: Any) -> Any:
    """Write a word that another thread reads; what was written before is seen with it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], word, ordering="release", align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def exchange(typingctx: Any, address: Any, value: Any) -> Any:
    """Swap a word for another in one step and return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("xchg", word, args[1], ordering="acq_rel")

    return types.int64(types.int64, types.int64), codegen


@intrinsic  # type: ignore[untyped-decorator]
def control_word(typingctx: Any) -> Any:
    """The processor's float mode (x86 MXCSR); 0 on other processors, where denormals are not flushed."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        mode = ir.IntType(32)
        if not X86:
            return ir.Constant(mode, 0)
        place = cgutils.alloca_once(builder, mode)
        read = builder.module.declare_intrinsic(
            "llvm.x86.sse.stmxcsr", (), ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        )
        builder.call(read, [builder.bitcast(place, cgutils.voidptr_t)])
        return builder.load(place)

    return types.int32(), codegen


@intrinsic  # type: ignore[untyped-decorator]
def set_control_word(typingctx: Any, value: Any) -> Any:
    """Set the processor's float mode (x86 MXCSR); bits 15 and 6 flush denormals to zero."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if X86:
            place = cgutils.alloca_once(builder, ir.IntType(32))
            builder.store(args[0], place)
            write = builder.module.declare_intrinsic(
                "llvm.x86.sse.ldmxcsr", (), ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
            )
            builder.call(write, [builder.bitcast(place, cgutils.voidptr_t)])
        return context.get_dummy_value()

    return types.void(types.int32), codegen


FLUSH = 0x8040
"""MXCSR bits: flush results to zero, read denormals as zero."""


@njit(**INLINE)  # type: ignore[untyped-decorator]
def words(address: int, count: int) -> Any:
    """int64 words at an address."""
    return carray(pointer(address), (count,), np.int64)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def doubles(address: int, count: int) -> Any:
    return carray(pointer(address), (count,), np.float64)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def floats(address: int, count: int) -> Any:
    return carray(pointer(address), (count,), np.float32)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def bits(address: int, count: int) -> Any:
    """float32 samples as their bit patterns."""
    return carray(pointer(address), (count,), np.int32)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def integers(address: int, count: int) -> Any:
    return carray(pointer(address), (count,), np.uint32)


@njit(**INLINE)  # type: ignore[untyped-decorator]
def planes(address: int, channels: int, frames: int) -> Any:
    """float32 [channels, frames], packed."""
    return carray(pointer(address), (channels, frames), np.float32)

"""Bits of 64-bit words, and spins ±1 packed into them: one instruction for 64 spins."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy import uint64

from isinglass.kernels.jit import jit


def _popcount(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def _leading_zeros(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _trailing_zeros(_context: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


trailing_zeros: Any = intrinsic(_trailing_zeros)
"""Number of zeros below the lowest set bit of a uint64, 64 for 0, as int64."""
leading_zeros: Any = intrinsic(_leading_zeros)
"""Number of zeros above the highest set bit of a uint64, 64 for 0, as int64."""
popcount: Any = intrinsic(_popcount)
"""Number of set bits of a uint64, as int64: one instruction, for which numba has no name."""


@jit
def pack(spins: np.ndarray, bits: np.ndarray) -> None:
    """Pack `spins`, int8 (N,) of ±1 or padded, into `bits`, uint64 (W,)."""
    for w in range(bits.size):
        word = uint64(0)
        for k in range(min(64, spins.size - 64 * w)):
            word |= uint64(spins[64 * w + k] > 0) << uint64(k)
        bits[w] = word


@jit
def unpack(bits: np.ndarray, n: int, spins: np.ndarray) -> None:
    """Write the n spins of `bits`, uint64 (W,), as ±1 into `spins`, int8 (>= n,); what lies beyond stays."""
    for i in range(n):
        spins[i] = 2 * np.int8((bits[i >> 6] >> uint64(i & 63)) & uint64(1)) - 1


@jit
def dot(a: np.ndarray, b: np.ndarray, n: int) -> int:
    """Σ a_i b_i of n spins packed in `a` and `b`, uint64 (W,)."""
    unequal = 0
    for w in range(a.size):
        unequal += popcount(a[w] ^ b[w])
    return n - 2 * unequal

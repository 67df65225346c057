"""Dipolar fields of spins on square films with free edges, by fast Fourier transforms padded to twice the edges.

B_i = D Σ_j [3 (S_j·r) r - S_j]/r³, r the unit vector and the distance of sites i and j of one plate, the film in the
plane z = 0 with unit spacing: r = (column, row, 0). Spins are (3, N), N = plates x rows x columns as in
`spin_dynamics`; plates know nothing of each other. The sum over a plate is a convolution, made circular without
wrapping round by zeros: exact but for rounding, O(N ln N) against O(N²) of `direct`.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit

LARGEST = 9.0336216831
"""The largest |B| over D that spins of a large film feel on average: all along z, Σ 1/r³ = 4 ζ(3/2) β(3/2)."""


def tensor(rows: int, columns: int) -> np.ndarray:
    """Transforms of xx, xy, yy and zz of the coupling of two sites, complex128 (4, 2 rows, columns + 1)."""
    y = np.fft.fftfreq(2 * rows, 1 / (2 * rows))[:, None]
    x = np.fft.fftfreq(2 * columns, 1 / (2 * columns))[None, :]
    square = x**2 + y**2
    square[0, 0] = np.inf  # no field of its own
    parts = np.array([3 * x * x / square - 1, 3 * x * y / square, 3 * y * y / square - 1, -np.ones_like(square)])
    parts *= square**-1.5
    parts[:, rows, :] = 0.0  # distances that no two sites have
    parts[:, :, columns] = 0.0
    return np.asarray(np.fft.rfft2(parts))


def field(
    s: np.ndarray, coupling: float, transformed: np.ndarray, shape: tuple[int, int, int], out: np.ndarray
) -> None:
    """The dipolar field of spins (3, N), in units in which D = `coupling`, into `out` (3, N); see `tensor`.

    Bits depend on the shape alone: plates of one call are transformed together.
    """
    plates, rows, columns = shape
    padded = (2 * rows, 2 * columns)
    x, y, z = np.fft.rfft2(s.reshape(3, plates, rows, columns), s=padded)
    xx, xy, yy, zz = transformed
    b = np.fft.irfft2(np.stack([xx * x + xy * y, xy * x + yy * y, zz * z]), s=padded)
    np.multiply(b[:, :, :rows, :columns], coupling, out=out.reshape(3, plates, rows, columns))


@jit
def direct(s: np.ndarray, coupling: float, shape: tuple[int, int, int], out: np.ndarray) -> None:
    """The same by the double sum over the sites of each plate: what `field` is tested against."""
    plates, rows, columns = shape
    size = rows * columns
    out[:] = 0.0
    for plate in range(plates):
        for i in range(size):
            for j in range(size):
                if i != j:
                    x, y = i % columns - j % columns, i // columns - j // columns
                    a, b = plate * size + i, plate * size + j
                    square = float(x * x + y * y)
                    near = coupling / (square * math.sqrt(square))
                    along = 3.0 * (s[0, b] * x + s[1, b] * y) / square
                    out[0, a] += near * (along * x - s[0, b])
                    out[1, a] += near * (along * y - s[1, b])
                    out[2, a] -= near * s[2, b]

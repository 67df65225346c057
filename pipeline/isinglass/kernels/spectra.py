"""Eigenvalues of dense symmetric matrices, in one fixed order of sums: LAPACK's bits depend on its threads."""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.statevector import dot


@jit
def eigenvalues(a: np.ndarray, out: np.ndarray) -> bool:
    """Eigenvalues of symmetric `a`, float64 (n, n), which is overwritten, into `out` (n,), unsorted; False: no end.

    Householder's tridiagonal form, then QL steps with implicit shifts (at most 60 a value).
    """
    n = out.size
    beta, v, w = np.zeros(n), np.empty(n), np.empty(n)
    for k in range(n - 1):  # reflect what is left of row k onto its first element
        out[k] = a[k, k]
        row = a[k, k + 1 :]
        length = math.sqrt(dot(row, row))
        if length == 0.0:
            continue
        beta[k] = -length if row[0] > 0 else length
        u = v[: row.size]
        u[:] = row
        u[0] -= beta[k]
        square = dot(u, u)
        rest, p = a[k + 1 :, k + 1 :], w[: row.size]
        for i in range(row.size):
            p[i] = 2.0 * dot(rest[i], u) / square
        half = dot(p, u) / square
        for i in range(row.size):
            p[i] -= half * u[i]
        for i in range(row.size):
            for j in range(row.size):
                rest[i, j] -= u[i] * p[j] + p[i] * u[j]
    out[n - 1] = a[n - 1, n - 1]
    return _tridiagonal(out, beta)


@jit
def _tridiagonal(d: np.ndarray, e: np.ndarray) -> bool:
    """Eigenvalues into the diagonal `d`; `e` (n,) holds the elements beside it, e[n-1] = 0."""
    for first in range(d.size):
        for attempt in range(61):
            m = first
            while m < d.size - 1 and abs(e[m]) > 2.0**-53 * (abs(d[m]) + abs(d[m + 1])):
                m += 1
            if m == first:
                break
            if attempt == 60:
                return False
            g = (d[first + 1] - d[first]) / (2.0 * e[first])
            r = math.hypot(g, 1.0)
            g = d[m] - d[first] + e[first] / (g + (r if g >= 0 else -r))
            s, c, p, whole = 1.0, 1.0, 0.0, True
            for i in range(m - 1, first - 1, -1):
                f, b = s * e[i], c * e[i]
                r = math.hypot(f, g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[m] = 0.0
                    whole = False
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
            if whole:
                d[first] -= p
                e[first], e[m] = g, 0.0
    return True

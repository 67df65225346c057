"""Spectra along an annealing path from whole matrices, the Landau-Zener formula, and one pattern as one large spin.

Bit i of a basis index is spin i, a set bit is s_i = -1. Energies and fields in J, times in ħ/J or sweeps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def spins(n: int) -> npt.NDArray[np.int64]:
    """s_i of every basis state, (2^n, n)."""
    return np.asarray(1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1))


def energies(patterns: npt.ArrayLike, cue: npt.ArrayLike, bias: float) -> FloatArray:
    """E = -½ Σ_{i≠j} J_ij s_i s_j - b Σ c_i s_i of all states, (2^N,), from Hebb couplings of patterns (P, N)."""
    xi, s = np.asarray(patterns, float), spins(np.shape(patterns)[1])
    couplings = xi.T @ xi / xi.shape[1]
    np.fill_diagonal(couplings, 0.0)
    return np.asarray(-0.5 * np.einsum("xi,ij,xj->x", s, couplings, s) - bias * s @ np.asarray(cue, float))


def hamiltonian(energy: npt.ArrayLike, field: float, weight: float = 1.0) -> FloatArray:
    """weight · E - field Σ X, (2^N, 2^N)."""
    e = np.asarray(energy, float)
    out, x = np.diag(weight * e), np.arange(e.size)
    for i in range(e.size.bit_length() - 1):
        out[x ^ (1 << i), x] -= field
    return np.asarray(out)


def generator(energy: npt.ArrayLike, temperature: float) -> FloatArray:
    """W of dp/dt = W p, heat bath of single spins: W_{yx} = 1/(1 + exp((E_y - E_x)/T)) for y one flip from x."""
    from scipy.special import expit

    e = np.asarray(energy, float)
    out, x = np.zeros((e.size, e.size)), np.arange(e.size)
    for i in range(e.size.bit_length() - 1):
        y = x ^ (1 << i)
        out[y, x] = expit((e[x] - e[y]) / temperature)
    out[x, x] = -out.sum(axis=0)
    return out


def gap(energy: npt.ArrayLike, progress: npt.ArrayLike, strength: float = 1.0) -> FloatArray:
    """Second lowest less lowest eigenvalue of u E - (1-u) Γ₀ Σ X at each u of `progress`; its shape. Up to N = 12."""
    u = np.asarray(progress, float)
    pairs = [
        np.linalg.eigvalsh(hamiltonian(energy, strength * (1 - v), v))[:2]
        if np.size(energy) <= 64
        else _lowest(np.asarray(energy, float), strength * (1 - v), v)
        for v in u.ravel()
    ]
    return np.asarray(np.diff(np.reshape(pairs, (*u.shape, 2)), axis=-1)[..., 0])


def _lowest(energy: FloatArray, field: float, weight: float) -> FloatArray:
    """The two lowest eigenvalues, without a matrix."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    n = energy.size.bit_length() - 1

    def product(v: FloatArray) -> FloatArray:
        cube = v.reshape((2,) * n)
        flipped = sum(np.flip(cube, axis) for axis in range(n))
        return np.asarray(weight * energy * v.ravel() - field * np.ravel(flipped))

    operator = LinearOperator((energy.size,) * 2, matvec=product, dtype=np.float64)
    start = np.random.default_rng(1).normal(size=energy.size)
    return np.sort(eigsh(operator, k=2, which="SA", v0=start, return_eigenvectors=False))


def relaxation_rate(energy: npt.ArrayLike, temperature: float) -> float:
    """The slowest rate at which heat bath approaches the Gibbs distribution: the generator's first eigenvalue not 0.

    W is symmetric between √Gibbs, so its eigenvalues are real and >= 0 after a change of sign.
    """
    e = np.asarray(energy, float)
    w = generator(e, temperature)
    root = np.exp(-(e[:, None] - e[None]) / (2 * temperature))  # √(p_x/p_y)
    return float(np.linalg.eigvalsh(-w / root)[1])


def landau_zener(gap: npt.ArrayLike, rate: npt.ArrayLike) -> FloatArray:
    """Probability exp(-πΔ²/(2ħv)) to stay in the diabatic state, smallest gap Δ, difference of energies vt; ħ = 1."""
    return np.asarray(np.exp(-np.pi * np.asarray(gap, float) ** 2 / (2 * np.asarray(rate, float))))


def collective(
    kind: str, n: int, bias: float, strength: float, duration: float, steps: int
) -> tuple[FloatArray, FloatArray]:
    """One stored pattern, shown whole (or bias 0): overlaps n, n-2, .. -n with it, and their probabilities at the end.

    All states of one overlap are alike: n + 1 states instead of 2^n. Matrix exponentials at the middles of `steps`.
    """
    from scipy.linalg import expm
    from scipy.special import expit

    m = n - 2.0 * np.arange(n + 1)
    energy = (n - m**2) / (2 * n) - bias * m
    down, up = (n + m) / 2, (n - m) / 2  # spins that may turn from m to m - 2, to m + 2
    count = np.array([float(np.prod((n - np.arange(k)) / (k - np.arange(k)))) for k in range(n + 1)]) / 2**n
    state, dt = (np.sqrt(count) if kind == "transverse" else count), duration / steps
    x = np.diag(np.sqrt(down[:-1] * up[1:]), 1)
    for k in range(steps):
        u = (k + 0.5) / steps
        if kind == "transverse":
            state = expm(-1j * dt * (u * np.diag(energy) - (1 - u) * strength * (x + x.T))) @ state
            continue
        step = np.diff(energy) * u / (1 - u) / strength
        w = np.diag(down[:-1] * expit(-step), -1) + np.diag(up[1:] * expit(step), 1)
        state = expm(dt * (w - np.diag(w.sum(axis=0)))) @ state
    return np.asarray(m), np.asarray(abs(state) ** 2 if kind == "transverse" else state)

"""Memory of a linear reservoir x(t+1) = W x(t) + w u(t), driven by independent inputs of variance 1.

x(t) = Σ_{k >= 1} b_k u(t - k) with b_k = W^{k-1} w, so ⟨x u(t-k)⟩ = b_k and the covariance C = Σ_k b_k b_kᵀ solves
C = W C Wᵀ + w wᵀ. The best linear readout of u(t - k) recalls it with r²_k = b_kᵀ C⁻¹ b_k. Summed over all delays that
is tr(C⁻¹ C) = N where w, Ww, W²w, ... span all of it (Jaeger's bound is then reached, whatever W is).

C is close to singular: for random normal W at ρ = 0.9 its condition number is some 10⁶, 10¹³, 10¹⁵ for N = 10, 20, 30,
and beyond that C⁻¹ is lost. But r²_k does not need C. Let z^k stand for the input k + 1 steps ago; readouts are then
the functions Σ_j c_j / (1 - a_j z) of the eigenvalues a_j of W, and r² is the squared length of the projection of
z^{k-1} on their span in the Hardy space H² of the disc. What is orthogonal to that span is B H², where
B = Π_j (z - a_j)/(1 - ā_j z) = Σ_n β_n z^n (Beurling), so that

    r²_k = 1 - Σ_{n < k} |β_n|²:

it depends on the eigenvalues alone, falls with k, and is computed by N stable all-pass filters. r²_1 = 1 - |det W|².
For ρ times a ring (eigenvalues ρ e^{2πij/N}) r²_k = (1 - ρ^{2N}) ρ^{2N ⌊(k-1)/N⌋}. The derivation is our own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def memory_curve(eigenvalues: npt.ArrayLike, delays: int) -> FloatArray:
    """r²_k for k = 1 ... `delays`, infinitely long data, no ridge; (delays,).

    `eigenvalues` (N,) of W, each with its conjugate, all |a| < 1. Every one must be excited by the input: else leave
    those out that are not, and of several eigenvectors with one eigenvalue all but one.
    """
    from scipy.signal import lfilter

    response = np.zeros(delays, complex)
    response[0] = 1
    for a in np.asarray(eigenvalues, complex):
        response = lfilter([-a, 1], [1, -np.conj(a)], response)
    return np.asarray(1 - np.cumsum(abs(response) ** 2))


def regularised_curve(matrix: npt.ArrayLike, weights: npt.ArrayLike, delays: int, ridge: float) -> FloatArray:
    """r²_k for k = 1 ... `delays` of readouts (C + λ)⁻¹ b_k, λ = `ridge`·tr(C)/N, infinitely long data; (delays,).

    `matrix` W (N, N) of spectral radius < 1, `weights` w (N,). For `ridge` >= 10⁻¹², say: rounding in C acts as a ridge
    of about 10⁻¹⁶ N, so that smaller ones, 0 among them, give r² that belong to no number in particular.
    """
    from scipy.linalg import cho_factor, cho_solve, solve_discrete_lyapunov

    w, b = np.asarray(matrix, float), np.asarray(weights, float)
    covariance = solve_discrete_lyapunov(w, np.outer(b, b))
    nodes = len(covariance)
    factor = cho_factor(covariance + ridge * np.trace(covariance) / nodes * np.eye(nodes))
    out = np.empty(delays)
    for k in range(delays):
        readout = cho_solve(factor, b)
        out[k] = (readout @ b) ** 2 / (readout @ covariance @ readout)
        b = w @ b
    return out


def finite_training(curve: npt.ArrayLike, nodes: int, training: int) -> FloatArray:
    """What is left of r² (any shape) on unseen data where N weights were trained on `training` steps, on average.

    The errors of the weights add the variance (1 - r²)N/(T - N - 1) to the readout's r², as for independent normal
    regressors: r⁴/(r² + (1 - r²)N/(T - N - 1)). Chance, 1/(testing - 1), not included.
    """
    r2 = np.asarray(curve, float)
    noise = (1 - r2) * nodes / (training - nodes - 1)
    return np.asarray(r2**2 / np.maximum(r2 + noise, 1e-300))

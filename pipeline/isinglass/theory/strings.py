"""Coin and shift exactly: dispersion, what is left of a mode, the shifts of networks that flip, and what they recall.

A mode of wave number k (radians per neuron) is a pair (R, L); one step is diag(e^{-ik}, e^{ik}) C, C = exp(ε [[-(1-χ),
1], [1-2χ, -(1-χ)]]) as scipy's matrix exponential gives it. Dispersion and boundaries: model card C2, derived there;
memory of an ensemble: derived here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def coin(mixing: float, antisymmetry: float) -> Floats:
    """The coin C (2, 2)."""
    from scipy.linalg import expm

    loss = 1 - antisymmetry
    return np.asarray(expm(mixing * np.array([[-loss, 1.0], [1 - 2 * antisymmetry, -loss]])))


def step(mixing: float, antisymmetry: float, k: npt.ArrayLike) -> npt.NDArray[np.complex128]:
    """One step of modes k (...): (..., 2, 2)."""
    k = np.asarray(k, float)
    shift = np.stack([np.exp(-1j * k), np.exp(1j * k)], axis=-1)
    return np.asarray(shift[..., :, None] * coin(mixing, antisymmetry))


def rates(mixing: float, antisymmetry: float, k: float) -> npt.NDArray[np.complex128]:
    """Both λ of a mode on the lattice, the slower first: logarithms of the eigenvalues of a step."""
    found = np.log(np.linalg.eigvals(step(mixing, antisymmetry, k)).astype(complex))
    return np.asarray(found[np.argsort(-found.real)])


def continuum_rates(mixing: float, antisymmetry: float, k: float) -> npt.NDArray[np.complex128]:
    """Both λ in the continuum, -a ± √(a² - b² - k²) with a = (1-χ)ε, b = χε; the slower first."""
    a, b = (1 - antisymmetry) * mixing, antisymmetry * mixing
    root = np.sqrt(complex(a * a - b * b - k * k))
    return np.array([-a + root, -a - root])


def raw_overlap(mixing: float, antisymmetry: float, k: float, steps: int) -> float:
    """⟨X(T), X(0)⟩/⟨X(0), X(0)⟩ of a standing start R = L in mode k, exactly."""
    power = np.linalg.matrix_power(step(mixing, antisymmetry, k), steps)
    return float(power.sum().real / 2)


def diffusive(mixing: npt.ArrayLike, k: float) -> Floats:
    """χ below which mode k does not oscillate, (1-χ)ε = √(χ²ε² + k²); NaN where it does for every χ >= 0."""
    with np.errstate(divide="ignore"):
        chi = (1 - (k / np.asarray(mixing, float)) ** 2) / 2
    return np.where(chi >= 0, chi, np.nan)


def lifetime(mixing: npt.ArrayLike, neurons: int) -> Floats:
    """χ above which the amplitude outlives a revolution, (1-χ)εN = 1; NaN where it does for every χ >= 0."""
    with np.errstate(divide="ignore"):
        chi = 1 - 1 / (np.asarray(mixing, float) * neurons)
    return np.where(chi >= 0, chi, np.nan)


def massive(mixing: npt.ArrayLike, k: float) -> Floats:
    """χ above which the mass outweighs the wave number, χε = k; NaN where it does for no χ <= 1."""
    with np.errstate(divide="ignore"):
        chi = k / np.asarray(mixing, float)
    return np.where(chi <= 1, chi, np.nan)


def shifts(flips: float, neurons: int, steps: int) -> Floats:
    """Probability (N,) that a network has carried its state by s mod N: persistent walkers on a ring, half each way.

    A walker turns with probability `flips`/N before each step.
    """
    p = flips / neurons
    k = 2 * np.pi / neurons * np.arange(neurons)
    shift = np.stack([np.exp(-1j * k), np.exp(1j * k)], axis=-1)
    power = np.linalg.matrix_power(shift[..., :, None] * np.array([[1 - p, p], [p, 1 - p]]), steps)
    return np.asarray(np.fft.ifft(power.sum(axis=(-2, -1)) / 2).real)


def bit_overlap(flips: npt.ArrayLike, neurons: int, networks: float, revolutions: float = 1.0) -> Floats:
    """Mean overlap of written and read bits where M networks carry N random bits, as signal in Gaussian noise.

    X = P_0 ξ + noise: Σ_{s≠0} P_s² of bits from elsewhere, Σ_s P_s(1 - P_s)/M of the finite ensemble. erf(P_0/√2σ).
    """
    from scipy.special import erf

    def one(rate: float) -> float:
        p = shifts(rate, neurons, round(revolutions * neurons))
        variance = (p[1:] ** 2).sum() + (p * (1 - p)).sum() / networks
        return float(erf(p[0] / np.sqrt(2 * variance))) if variance > 1e-30 else 1.0

    return np.asarray(np.vectorize(one, otypes=[float])(np.asarray(flips, float)))


def memory(flips: npt.ArrayLike, neurons: int, networks: float, revolutions: float = 1.0) -> Floats:
    """Memory of the same in bits per bit: 1 - H₂((1 - m)/2) of `bit_overlap`."""
    from isinglass.measures import binary_information

    return binary_information(bit_overlap(flips, neurons, networks, revolutions))


def half_flips(neurons: int, networks: float) -> float:
    """Flips of a network per revolution at which `memory` is 1/2."""
    from scipy.optimize import brentq

    return float(brentq(lambda flips: float(memory(flips, neurons, networks)) - 0.5, 1e-6, neurons / 4))

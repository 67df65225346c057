"""The transverse-field Ising ring H = -Σ Z_i Z_{i+1} - h Σ X_i by free fermions, and pure dephasing in closed form.

Momenta are k = (2n+1)π/N where Π X = +1 (even) and 2πn/N where it is -1 (odd); a pair (k, -k) has energy
ε_k = 2√(1 + h² - 2h cos k) (Pfeuty, Ann. Phys. 57 (1970) 79). Energies in units of J, times in ħ/J.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def _root(field: FloatArray, k: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(1 + field[..., None] ** 2 - 2 * field[..., None] * np.cos(k), 0.0)))


def _even(spins: int) -> FloatArray:
    return np.asarray((2 * np.arange(spins) + 1) * np.pi / spins)


def energies(spins: int, field: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Lowest energies of the even and of the odd sector, field >= 0; each of the shape of `field`."""
    h = np.asarray(field, float)
    odd = 2 * np.pi * np.arange(1, spins) / spins
    return np.asarray(-_root(h, _even(spins)).sum(axis=-1)), np.asarray(h - 1 - _root(h, odd).sum(axis=-1))


def gap(field: npt.ArrayLike, spins: int | None = None) -> FloatArray:
    """Lowest odd less lowest even energy; for N → ∞ (spins None) 2(h - 1), 0 below h = 1."""
    h = np.asarray(field, float)
    if spins is None:
        return np.asarray(np.maximum(2 * (h - 1), 0.0))
    even, odd = energies(spins, h)
    return np.asarray(odd - even)


def transverse_magnetisation(field: npt.ArrayLike, spins: int = 2**14) -> FloatArray:
    """⟨X_i⟩ of the even ground state, mean over k of (h - cos k)/√(1 + h² - 2h cos k)."""
    h, k = np.asarray(field, float), _even(spins)
    return np.asarray(((h[..., None] - np.cos(k)) / _root(h, k)).mean(axis=-1))


def magnetisation(field: npt.ArrayLike) -> FloatArray:
    """Spontaneous ⟨Z_i⟩ = (1 - h²)^{1/8} for N → ∞, 0 from h = 1 on (Pfeuty 1970)."""
    return np.asarray(np.maximum(1 - np.asarray(field, float) ** 2, 0.0) ** 0.125)


def polarised_quench(time: npt.ArrayLike, spins: int, field: float) -> FloatArray:
    """⟨X_i⟩(t) from |→⟩^N, all along x: mean over k of c² + (1 - c²) cos 2ε_k t, c = 2(h - cos k)/ε_k."""
    t, k = np.asarray(time, float), _even(spins)
    root = _root(np.asarray(field), k)
    c = (field - np.cos(k)) / root
    return np.asarray((c**2 + (1 - c**2) * np.cos(4 * root * t[..., None])).mean(axis=-1))


def product_l1(dose: npt.ArrayLike, spins: npt.ArrayLike) -> FloatArray:
    """Σ_{a≠b} |ρ_ab| of |→⟩^N after a dephasing dose γt: (1 + e^{-γt})^N - 1."""
    return np.asarray((1 + np.exp(-np.asarray(dose, float))) ** np.asarray(spins) - 1)


def dephased_entropy(dose: npt.ArrayLike, spins: npt.ArrayLike = 1) -> FloatArray:
    """Relative entropy of coherence per spin, bits, after a dose γt: of |→⟩^N at every N; with `spins`, of the cat.

    N spins that dephase as one keep one coherence e^{-Nγt} of two states: (1 - H₂((1 - e^{-Nγt})/2))/N.
    """
    n = np.asarray(spins)
    kept = np.exp(-np.asarray(dose, float) * n)
    up, down = (1 + kept) / 2, (1 - kept) / 2
    return np.asarray((1 + up * np.log2(up) + down * np.log2(np.where(down > 0, down, 1.0))) / n)


def half_dose(state: str, spins: npt.ArrayLike) -> FloatArray:
    """Dose γt at which half of the l1 coherence is left: product -ln(((2^N + 1)/2)^{1/N} - 1), cat ln 2/N."""
    n = np.asarray(spins, float)
    if state == "cat":
        return np.asarray(np.log(2) / n)
    return np.asarray(-np.log(((2**n + 1) / 2) ** (1 / n) - 1)) if state == "product" else np.full(n.shape, np.nan)


def cat_l1(dose: npt.ArrayLike, spins: npt.ArrayLike) -> FloatArray:
    """Σ_{a≠b} |ρ_ab| of (|↑..↑⟩ + |↓..↓⟩)/√2 after a dose γt: e^{-Nγt}."""
    return np.asarray(np.exp(-np.asarray(spins) * np.asarray(dose, float)))

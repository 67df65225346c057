"""Fields on a ring between Klein-Gordon and Dirac: spectra, light cones, what stays of a written message.

Two interpolations. (A) H = cosθ (½π² + ½φᵀSφ) + sinθ πᵀAφ, A antisymmetric, S = AᵀA: ω = E|cosθ ± sinθ|, E(k) that of
the Klein-Gordon field. (B) W = (cosθ σ_x + sinθ iσ_y)⊗D + mσ_z with φ̇ = Wβ, β̇ = -Wφ, the weights raw or as a gradient
sees them, symmetrised.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def energy(k: npt.ArrayLike, mass: float, wilson: float) -> Floats:
    """E(k) = √((m + r(1 - cos k))² + sin²k) of a field of mass m with Wilson's term r; k in rad per site."""
    k = np.asarray(k, float)
    return np.asarray(np.sqrt((mass + wilson * (1 - np.cos(k))) ** 2 + np.sin(k) ** 2))


def branches(angle: npt.ArrayLike) -> dict[str, Floats]:
    """ω/E of the two branches of (A), cosθ + sinθ and |cosθ - sinθ|."""
    angle = np.asarray(angle, float)
    return {
        r"$\cos\theta+\sin\theta$": abs(np.cos(angle) + np.sin(angle)),
        r"$|\cos\theta-\sin\theta|$": abs(np.cos(angle) - np.sin(angle)),
    }


def chirality(time: npt.ArrayLike, k: float, angle: float, mass: float, wilson: float) -> Floats:
    """2u·v/(u² + v²) of a wave that starts with u = v = cos kn, π = 0, in (A): zitterbewegung at 2E sinθ."""
    heavy, e = mass + wilson * (1 - np.cos(k)), energy(k, mass, wilson)
    return np.asarray((np.sin(k) ** 2 + heavy**2 * np.cos(2 * e * np.sin(angle) * np.asarray(time, float))) / e**2)


def residuals(angle: npt.ArrayLike) -> tuple[Floats, Floats]:
    """How far (A) is from the Klein-Gordon and from the Dirac equation, |sin2θ| and √(2(1 - sinθ)), at equipartition.

    Klein-Gordon: ‖φ̈ + Sφ‖/‖Sφ‖; Dirac: ‖φ̇ - Aφ‖/‖Aφ‖.
    """
    angle = np.asarray(angle, float)
    return abs(np.sin(2 * angle)), np.sqrt(2 * (1 - np.sin(angle)))


def overlap(
    time: npt.ArrayLike, angle: float, sites: int, mass: float, wilson: float, temperature: float = 0.0
) -> tuple[Floats, Floats]:
    """(A): a(t) and variance of φ_i(t) = a φ_i(0) + rest, for φ(0) of independent ±1 and momenta of variance T.

    A mode of a definite sign of A turns as e^{±iEt sinθ} (cos(Et cosθ) φ + sin(Et cosθ)/E π): a = ⟨cos cos⟩ over k.
    The variance of the rest is ⟨cos² + T sin²/E²⟩ - a².
    """
    e = energy(2 * np.pi * np.arange(sites) / sites, mass, wilson)
    phase = np.asarray(time, float)[..., None] * e
    slow = phase * np.cos(angle)
    own = (np.cos(phase * np.sin(angle)) * np.cos(slow)).mean(axis=-1)
    swing = np.asarray(time, float)[..., None] * np.cos(angle) * np.sinc(slow / np.pi)  # sin(Et cosθ)/E, also at E = 0
    return own, (np.cos(slow) ** 2 + temperature * swing**2).mean(axis=-1) - own**2


def read_memory(own: npt.ArrayLike, variance: npt.ArrayLike) -> Floats:
    """Bits of one written ±1 that the sign of φ_i = a φ_i(0) + Gaussian rest tells; 0 where a is not above 0."""
    from scipy.special import ndtr

    own, variance = np.asarray(own, float), np.asarray(variance, float)
    p = np.clip(ndtr(-np.maximum(own, 0.0) / np.sqrt(np.maximum(variance, 1e-300))), 1e-300, 0.5)
    return np.asarray(1 + p * np.log2(p) + (1 - p) * np.log2(1 - p))


def squared_frequency(
    k: npt.ArrayLike, angle: npt.ArrayLike, mass: npt.ArrayLike, weights: str = "raw", hopping: str = "odd"
) -> Floats:
    """ω² of (B), negative where a mode grows. `weights` raw or gradient; `hopping` odd (sin k) or even (1 - cos k).

    Odd, raw m² - cos2θ sin²k, gradient m² + sin²θ sin²k; even, raw m² + cos2θ (1 - cos k)², gradient with cos²θ.
    """
    k, angle, mass = np.asarray(k, float), np.asarray(angle, float), np.asarray(mass, float)
    if weights == "raw":
        factor = -np.cos(2 * angle) if hopping == "odd" else np.cos(2 * angle)
    else:
        factor = np.sin(angle) ** 2 if hopping == "odd" else np.cos(angle) ** 2
    step = np.sin(k) if hopping == "odd" else 1 - np.cos(k)
    return np.asarray(mass**2 + factor * step**2)


def signature_line(angle: npt.ArrayLike) -> Floats:
    """m/sin k at which growth ends in (B), raw and odd: √cos2θ; NaN beyond θ = π/4."""
    c = np.cos(2 * np.asarray(angle, float))
    return np.asarray(np.sqrt(np.where(c >= 0, c, np.nan)))


def noisy_weights(field: str, mass: float, sites: int, step: float, noise: float) -> Floats:
    """V, hops -2..2 of one type, that a regression finds in a long record of φ with errors of variance `noise`².

    φ(t+h) - 2φ(t) + φ(t-h) = -h² V φ by least squares; φ and β start as normal numbers of variance 1.
    In mode k the field has power P, from the leapfrog's own ω; input and target share the error of φ(t), so that the
    best V_k is (S P + 2σ²/h²)/(P + σ²), and five hops fit it with weights P + σ². `field`: dirac or klein_gordon.
    Derived here, for mass > 0 and many sites: in few, the power of single modes scatters, and the mean is larger.
    """
    k = 2 * np.pi * np.arange(sites) / sites
    squared = mass**2 + (np.sin(k) ** 2 if field == "dirac" else 2 - 2 * np.cos(k))
    cosine = 1 - step**2 * squared / 2
    start = step**2 * (squared if field == "dirac" else 1.0)
    power = 0.5 * (1 + (start + (1 - cosine) ** 2) / (1 - cosine**2))
    waves = np.exp(1j * np.outer(k, np.arange(-2, 3)))
    seen = power + noise**2
    left = (waves.conj().T * seen) @ waves
    right = waves.conj().T @ (squared * power + 2 * noise**2 / step**2)
    return np.asarray(np.linalg.solve(left, right).real)

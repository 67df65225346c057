"""Replica-symmetric theory of the Hopfield model near saturation: N → ∞ spins, αN random patterns, Hebb couplings.

H = -½ Σ_{i≠j} J_ij s_i s_j with J_ij = (1/N) Σ_μ ξ_i^μ ξ_j^μ. A state that overlaps with one pattern obeys

    m = ⟨tanh β(m + σz)⟩,  q = ⟨tanh² β(m + σz)⟩,  r = q/(1-C)²,  C = β(1-q),  σ = √(αr),  z ~ N(0, 1)

(D. J. Amit, H. Gutfreund, H. Sompolinsky, Ann. Phys. 173, 30 (1987)). In u = m/σ and τ = T/σ nothing is iterated: with
M = ⟨tanh((u+z)/τ)⟩, q = ⟨tanh²⟩, Ĉ = (1-q)/τ,

    σ = M/u,  α = (σ - Ĉ)²/q,  T = τσ,

so that every (u, τ) is one point of the phase diagram, folded along the line where the retrieval state disappears.

Load α = P/N and temperature T (k_B = 1; a single pattern melts at T = 1) are numbers or arrays and broadcast; results
have the broadcast shape (numpy scalars for numbers). NaN means: no such state, no such temperature. States at α < 1e-12
are those at 1e-12. Averages are accurate to about 1e-15, lines to 1e-9 or better for α ≥ 1e-6.

Replica symmetry gives noses: retrieval exists, and is the global minimum, up to slightly larger loads at small T > 0
than at T = 0; there a line has an upper and a lower temperature. It is an artefact: symmetry is broken at low T.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError, known

FloatArray = npt.NDArray[np.float64]
Curve = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
End = Literal["upper", "lower"]
Branch = Literal["retrieval", "spin_glass"]

_TINY = 1e-60  # stands for τ = 0: the averages then are their limits (erf, and so on) to rounding
_CHUNK = 512  # points at a time: bounds the memory of the quadrature, and fits the processor's cache


class OrderParameters(NamedTuple):
    """Overlap m with the pattern, Edwards-Anderson parameter q (the coherence), noise r of the other patterns."""

    m: FloatArray
    q: FloatArray
    r: FloatArray


# ---- Gaussian averages


@lru_cache(maxsize=1)
def _rule() -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(16)
    return x, w / np.sqrt(2 * np.pi)


def _nodes(u: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """z, x = (u + z)/τ and the weights of dz exp(-z²/2)/√(2π), with the nodes as last axis.

    Panels of 16 Gauss-Legendre points, cut finely around the kink x = 0 (tanh has poles at ±iπ/2; beyond |x| = 20 it is
    ±1). The nodes are laid out in w = u + z, so that x keeps its digits however small τ is.
    """
    u, tau = u[..., None], np.maximum(tau, _TINY)[..., None]
    kink = np.array([-20.0, -8, -3, 0, 3, 8, 20]) * tau
    kink = np.clip(kink, np.minimum(u - 8.5, kink[..., :1]), u + 8.5)
    edges = np.sort(np.concatenate([u + np.array([-8.5, -5, -2.5, 0, 2.5, 5, 8.5]), kink], axis=-1), axis=-1)
    half = np.diff(edges)[..., None] / 2
    node, weight = _rule()
    w = ((edges[..., 1:] + edges[..., :-1])[..., None] / 2 + half * node).reshape(*u.shape[:-1], -1)
    z = w - u
    return z, w / tau, (half * weight).reshape(w.shape) * np.exp(-z * z / 2)


def _averages(u: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """M, q, Ĉ."""
    _, x, weight = _nodes(u, tau)
    t = np.tanh(x)
    c = (weight * (1 - t * t)).sum(-1) / np.maximum(tau, _TINY)
    return (weight * t).sum(-1), (weight * t * t).sum(-1), c


def _point(u: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The load and the temperature at (u, τ)."""
    m, q, c = _averages(u, tau)
    return (m / u - c) ** 2 / q, tau * m / u


def _fold(u: FloatArray, tau: FloatArray) -> FloatArray:
    """∂(ln α, T)/∂(u, τ): negative in the retrieval state, zero where it disappears, positive in the unstable state.

    Derivatives by parts, ∂_u⟨g⟩ = ⟨z g⟩ and ∂_τ⟨g(x)/τ⟩ = -⟨x z g⟩/τ, which cancel nothing as τ → 0.
    """
    z, x, weight = _nodes(u, tau)
    t = np.tanh(x)
    s = weight * (1 - t * t) / np.maximum(tau, _TINY)[..., None]
    q, c, zs, xs, xzs = (weight * t * t).sum(-1), s.sum(-1), (z * s).sum(-1), (x * s).sum(-1), (x * z * s).sum(-1)
    sigma = (weight * t).sum(-1) / u
    gap = sigma - c
    sigma_u, sigma_tau = -gap / u, -xs / u
    load_u = 2 * (sigma_u - zs) / gap + tau * zs / q
    load_tau = 2 * (sigma_tau + xzs) / gap - (tau * xzs - c) / q
    return np.asarray(load_u * (sigma + tau * sigma_tau) - load_tau * tau * sigma_u)


def _free_energy(u: FloatArray, tau: FloatArray, sigma: FloatArray, load: FloatArray) -> FloatArray:
    _, x, weight = _nodes(u, tau)
    t, size = np.tanh(x), np.abs(x)
    q = (weight * t * t).sum(-1)
    c = (weight * (1 - t * t)).sum(-1) / np.maximum(tau, _TINY) / sigma  # C
    log_cosh = (weight * (size + np.log1p(np.exp(-2 * size)))).sum(-1) * np.maximum(tau, _TINY)  # τ⟨ln 2cosh x⟩
    noise = 1 + tau * sigma * np.log(1 - c) - q / (1 - c) + q * c / (1 - c) ** 2
    return np.asarray((u * sigma) ** 2 / 2 + load * noise / 2 - sigma * log_cosh)


# ---- solving


def _arrays(**named: npt.ArrayLike) -> list[FloatArray]:
    """The arguments as float arrays of one shape; refuses what is negative or not finite."""
    arrays = []
    for name, values in named.items():
        try:
            array = np.asarray(values, float)
        except (TypeError, ValueError):
            raise InputError(f"{name} is {values!r}: give a number or an array of numbers") from None
        if not np.all(np.isfinite(array) & (array >= 0)):
            raise InputError(f"{name} is negative or not finite somewhere: give {name} >= 0")
        arrays.append(array)
    return [np.array(a) for a in np.broadcast_arrays(*arrays)]


def _check(what: str, word: str, options: tuple[str, ...]) -> None:
    if word not in options:
        raise InputError(f"unknown {what} {word!r}: {known(str(word), options)}")


def _root(f: Callable[..., FloatArray], low: Any, high: Any, *args: Any) -> FloatArray:
    """Elementwise root in a bracket (Chandrupatla); NaN where f has one sign at both ends."""
    from scipy.optimize import elementwise

    with np.errstate(all="ignore"):
        return np.asarray(elementwise.find_root(f, (low, high), args=args).x, float)


@lru_cache(maxsize=3)
def _nose(curve: Curve, low: float, high: float) -> tuple[float, float, float]:
    """Where a curve has its largest load: the parameter (between low and high), the load, the temperature."""
    from scipy.optimize import minimize_scalar

    def loss(p: float) -> float:
        return -float(curve(np.array([p]))[0][0])

    p = float(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-9}).x)
    return p, -loss(p), float(curve(np.array([p]))[1][0])


def _crossing(curve: Curve, load: FloatArray, nose: float, far: FloatArray) -> FloatArray:
    """The temperature where a curve has the given loads, between its nose and another value of its parameter."""
    p = _root(lambda p, a: curve(p)[0] - a, np.full_like(load, nose), far, load)
    edge = load >= curve(np.array([nose]))[0] * (1 - 1e-12)  # no sign changes within rounding of the nose
    return curve(np.where(np.isnan(p) & edge, nose, p))[1]


def _retrieval_end(tau: FloatArray) -> FloatArray:
    """u where the retrieval state disappears, one for each τ: 2.137 at τ = 0, 2.09 for τ → ∞."""
    return _root(_fold, np.full_like(tau, 1.5), np.full_like(tau, 3.0), tau)


def _disappearance(tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The line T_M."""
    return _point(_retrieval_end(tau), tau)


def _coexistence(tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The line T_c, where retrieval and spin glass have one free energy; u is 4.3 to 4.6."""

    def difference(u: FloatArray, tau: FloatArray) -> FloatArray:
        load, temperature = _point(u, tau)
        glass = _free_energy(np.zeros_like(u), *_spin_glass(load, temperature), load)
        return _free_energy(u, tau, _averages(u, tau)[0] / u, load) - glass

    return _point(_root(difference, np.full_like(tau, 3.5), np.full_like(tau, 5.5), tau), tau)


def _marginality(u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The line T_AT for u > 2, where τ ≈ (4/3) φ(u), φ the normal density."""

    def stability(tau: FloatArray, u: FloatArray) -> FloatArray:
        _, x, weight = _nodes(u, tau)
        t2 = np.tanh(x) ** 2
        return np.asarray((weight * (1 - t2) ** 2).sum(-1) / (tau**2 * (weight * t2).sum(-1)) - 1)

    first = 4 / 3 * np.exp(-u * u / 2) / np.sqrt(2 * np.pi)
    return _point(u, _root(stability, first / 2, first * 2, u))


def _given_temperature(u: FloatArray, temperature: FloatArray) -> FloatArray:
    """τ where τ⟨tanh((u+z)/τ)⟩ = T u, for T < 1; the left side is concave and increasing in τ: Newton from the left."""
    tau = temperature * u
    for _ in range(100):
        _, x, weight = _nodes(u, tau)
        t = np.tanh(x)
        m = (weight * t).sum(-1)
        step = (temperature * u - tau * m) / (m - (weight * x * (1 - t * t)).sum(-1))
        tau = tau + step
        if not np.any(np.abs(step) > 1e-14 * tau):
            break
    return tau


def _end_at(temperature: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(u, τ) where the retrieval state disappears at given temperatures below 1; there τ > 2T and (1-T)τ² < 2.46."""
    high = 0.1 + np.sqrt(2.6 / (1 - temperature))
    tau = _root(lambda t, T: _disappearance(t)[1] - T, temperature, high, temperature)
    return _retrieval_end(tau), tau


def _retrieval(load: FloatArray, temperature: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(u, τ, σ) of the retrieval state, NaN where there is none."""
    u, tau = np.full(load.shape, np.nan), np.full(load.shape, np.nan)
    cold = temperature < 1
    if cold.any():
        distinct, which = np.unique(temperature[cold], return_inverse=True)
        ends = _end_at(distinct)
        a, T, low, largest = load[cold], temperature[cold], ends[0][which], _point(*ends)[0][which]
        # α ≤ 1/u², since σ - Ĉ < σ and q ≥ M²: a bracket. Above the capacity or within rounding of it no sign changes.
        found = _root(lambda u, a, T: _point(u, _given_temperature(u, T))[0] - a, low, 1.001 / np.sqrt(a), a, T)
        u[cold] = np.where(np.abs(a / largest - 1) < 1e-12, low, found)
        tau[cold] = _given_temperature(u[cold], T)
    return u, tau, _averages(u, tau)[0] / u


def _spin_glass(load: FloatArray, temperature: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(τ, σ) of the state with m = 0 below T_g = 1 + √α, where 1 - q + τ√(αq) = T; NaN above."""

    def noise(tau: FloatArray, load: FloatArray) -> FloatArray:
        _, q, c = _averages(np.zeros_like(tau), tau)
        return c + np.sqrt(load * q)

    melting = 1 + np.sqrt(load)
    high = 2 + 2 / np.sqrt(np.maximum(1 - temperature / melting, 1e-14))
    tau = _root(lambda t, a, T: t * noise(t, a) - T, temperature / melting, high, load, temperature)
    return tau, noise(tau, load)


def _state(load: npt.ArrayLike, temperature: npt.ArrayLike, branch: str) -> FloatArray:
    """m, q, r, f along the first axis."""
    _check("branch", branch, ("retrieval", "spin_glass"))
    loads, temperatures = _arrays(load=load, temperature=temperature)
    answer = np.full((4, loads.size), np.nan)
    for start in range(0, loads.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        a, T = np.maximum(loads.ravel()[part], 1e-12), temperatures.ravel()[part]
        u, tau, sigma = _retrieval(a, T) if branch == "retrieval" else (np.zeros_like(a), *_spin_glass(a, T))
        m, q, c = _averages(u, tau)
        state = np.array([m, q, q / (1 - c / sigma) ** 2, _free_energy(u, tau, sigma, a)])
        state[:2] = np.minimum(state[:2], 1)  # rounding
        if branch == "spin_glass":
            state[0] = 0
            hot = np.flatnonzero(np.isnan(tau))  # paramagnet
            a, T = a[hot], T[hot]
            state[1:3, hot] = 0
            state[3, hot] = a / 2 * (1 + T * np.log(1 - 1 / T)) - T * np.log(2)
        answer[:, part] = state
    return answer.reshape(4, *loads.shape)


# ---- lines of the phase diagram


def _temperature(load: npt.ArrayLike, curve: Curve, end: str) -> FloatArray:
    """The temperature of T_M or T_c. On a line τ falls from ∞ (as α^-¼) at α = 0 to the nose, and to 0 at T = 0."""
    _check("end", end, ("upper", "lower"))
    (loads,) = _arrays(load=load)
    tau, largest, _ = _nose(curve, 0.0, 1.0)
    if end == "upper":
        answer = np.where(loads == 0, 1.0, np.nan)
        where = (loads > 0) & (loads <= largest)
        far = (10 / loads[where]) ** 0.25
    else:
        at_zero = curve(np.zeros(1))[0][0]
        answer = np.where(loads <= at_zero, 0.0, np.nan)
        where = (loads > at_zero) & (loads <= largest)
        far = np.zeros(loads[where].shape)
    if where.any():
        answer[where] = _crossing(curve, loads[where], tau, far)
    return answer[()]


def retrieval_temperature(load: npt.ArrayLike, end: End = "upper") -> FloatArray:
    """T_M(α), above which the retrieval state is no longer metastable; 1 at α = 0, T_M ≈ 1 - 1.954√α for α → 0.

    The line has a nose: for α between .1379056 (T = 0) and .1381885 (T = .02287) the retrieval state exists between two
    temperatures: `end="upper"` gives the higher, `end="lower"` the lower (0 for smaller loads). NaN beyond the nose.
    Source: Amit, Gutfreund, Sompolinsky 1987. Error below 1e-10, but the square root of rounding at the nose itself.
    """
    return _temperature(load, _disappearance, end)


def thermodynamic_temperature(load: npt.ArrayLike, end: End = "upper") -> FloatArray:
    """T_c(α), below which the retrieval state is the global minimum of the free energy; 1 at α = 0.

    The line meets T = 0 at α_1 = .0518543, but it too has a nose, at α = .0531321, T = .0851 (the symmetric spin glass
    has a more negative entropy at T = 0 than the retrieval state): between these loads retrieval is the global minimum
    between two temperatures, `end="upper"` and `end="lower"` (0 for smaller loads). NaN beyond the nose.
    Source: Amit, Gutfreund, Sompolinsky 1987. Error below 1e-9 for α ≥ 1e-6.
    """
    return _temperature(load, _coexistence, end)


def spin_glass_temperature(load: npt.ArrayLike) -> FloatArray:
    """T_g(α) = 1 + √α, where the spin glass melts into the paramagnet; exact."""
    return (1 + np.sqrt(_arrays(load=load)[0]))[()]


def almeida_thouless_temperature(load: npt.ArrayLike) -> FloatArray:
    """T_AT(α), below which replica symmetry is broken in the retrieval state; NaN beyond the line's end.

    The symmetric state is stable where T²(1-C)² > α⟨sech⁴ β(m+σz)⟩, that is τ²q > ⟨sech⁴((u+z)/τ)⟩.
    T_AT ≈ (4/3)√(α/2π) exp(-1/2α) for α → 0; 0 is returned below α = .005, where it is under 1e-44. The line ends near
    the nose of T_M, at α = .1381860, T = .0250. Source: Amit, Gutfreund, Sompolinsky 1987. Relative error below 1e-9.
    """
    (loads,) = _arrays(load=load)
    u, largest, _ = _nose(_marginality, 2.1, 2.2)
    answer = np.where(loads < 0.005, 0.0, np.nan)
    where = (loads >= 0.005) & (loads <= largest)
    if where.any():
        answer[where] = _crossing(_marginality, loads[where], u, 1.001 / np.sqrt(loads[where]))
    return answer[()]


def noses() -> dict[str, tuple[float, float]]:
    """(load, temperature) of the largest load of the lines T_M, T_c and T_AT: to 1e-12 and about 1e-7."""
    return {
        "T_M": _nose(_disappearance, 0.0, 1.0)[1:],
        "T_c": _nose(_coexistence, 0.0, 1.0)[1:],
        "T_AT": _nose(_marginality, 2.1, 2.2)[1:],
    }


def lines(load: npt.ArrayLike) -> dict[str, FloatArray]:
    """All lines at given loads, for overlays: T_M, T_c, T_g, T_AT (upper ends; NaN where a line is absent)."""
    return {
        "T_M": retrieval_temperature(load),
        "T_c": thermodynamic_temperature(load),
        "T_g": spin_glass_temperature(load),
        "T_AT": almeida_thouless_temperature(load),
    }


def capacity(temperature: npt.ArrayLike = 0.0) -> FloatArray:
    """α_c(T), the largest load with a retrieval state: .1379055665 at T = 0; 0 for T ≥ 1. Error below 1e-13.

    At T = 0 it is the maximum over y of √(2α) = erf(y)/y - (2/√π) exp(-y²). Source: Amit, Gutfreund, Sompolinsky 1987.
    """
    (temperatures,) = _arrays(temperature=temperature)
    answer = np.zeros(temperatures.shape)
    cold = temperatures < 1
    if cold.any():
        answer[cold] = _point(*_end_at(temperatures[cold]))[0]
    return answer[()]


# ---- states


def order_parameters(load: npt.ArrayLike, temperature: npt.ArrayLike, branch: Branch = "retrieval") -> OrderParameters:
    """m, q, r of the retrieval state (NaN where there is none), or of the state with m = 0 (`branch="spin_glass"`).

    The latter is the spin glass below T_g and the paramagnet, m = q = r = 0, above. Error about 1e-12, but the
    square root of rounding next to T_M, where the retrieval state ends like √(T_M - T).
    """
    return OrderParameters(*_state(load, temperature, branch)[:3])


def overlap(load: npt.ArrayLike, temperature: npt.ArrayLike) -> FloatArray:
    """m of the retrieval state; NaN where there is none: T above T_M, or below the lower end of its nose."""
    return order_parameters(load, temperature).m


def free_energy(load: npt.ArrayLike, temperature: npt.ArrayLike, branch: Branch = "retrieval") -> FloatArray:
    """Free energy per spin of a branch (as in `order_parameters`), for couplings without diagonal (J_ii = 0).

    f = α/2 + m²/2 + (α/2β)[ln(1-C) - βq/(1-C)] + αβr(1-q)/2 - T⟨ln 2cosh β(m+σz)⟩. Error about 1e-14.
    """
    f: FloatArray = _state(load, temperature, branch)[3]
    return f


def information(load: npt.ArrayLike, temperature: npt.ArrayLike) -> FloatArray:
    """Bits recalled in the retrieval state per ordered pair of spins (N²): α[1 - H₂((1-m)/2)]; NaN where there is none.

    Per adjustable coupling, of which there are N(N-1)/2, it is twice that.
    """
    wrong = (1 - overlap(load, temperature)) / 2
    entropy = -wrong * np.log2(np.maximum(wrong, _TINY)) - (1 - wrong) * np.log2(1 - wrong)
    bits: FloatArray = np.asarray(load, float) * (1 - entropy)
    return bits

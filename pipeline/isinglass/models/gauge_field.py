"""Local U(1) in a network: phases in its weights and biases, what compensates them, and links that learn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import gauge
from isinglass.kernels.streams import normal, uniform
from isinglass.models.base import Model, Observable, check_memory, parameter

DIVERGED = 1e6
DRIFT, GAUSS = 0.05, 0.1
"""Errors of energy and of Gauss's law up to which a run counts as converged."""
FIT = 16
"""Steps from which the propagator of a wave is fitted."""
SHAPES, LONGEST = 3, 4
"""Modes of a smooth α; modes ±q up to this one in the initial field."""


@dataclass(frozen=True)
class GaugeField(Model):
    """A complex field on a ring of N neurons with phases α_n(t) put into what moves it.

    Dirac u̇ = -Q†v, v̇ = Qu, or Klein-Gordon φ̈ = -Q†Qφ, with Q[U] x_n = (m+1) x_n - U_n x_{n-1}; after each step all is
    multiplied by weights w_n. A local change of phase ψ → e^{iα}ψ is compensated by w_n = e^{i(α_n(t+h) - α_n(t))} (the
    temporal component of a gauge field, in the weights) and U_n = e^{i(α_n - α_{n-1})} (the spatial one, in the update
    that stands for the biases) *together*. Here w has the share λ_w of it and U the share λ_b; α(0) = 0.

    Exact: density and current are those of the network without α where λ_w = λ_b, for any α, and depend on λ_b - λ_w
    alone (field strength (λ_b - λ_w) ∂_t∂_xα): identities. With flux Φ through the ring
    ω² = m² + 4(1+m) sin²((2πq - Φ)/2N) (`theory.gauge`). Covariance and background are put in; nothing is learned,
    unless `link_coupling` g > 0: then links learn, Ȧ = E, Ė = -g²∂⟨H⟩/∂A, with Gauss's law E_{n+1} - E_n = -g²(ρ_n - ρ̄)
    (beyond the source).

    Not to be confused with a gauge field that learning finds: its dynamics must be introduced; nor a global phase (α
    the same everywhere) with a local one: that needs no links. Nor `frame_overlap` with memory.

    The disorder draws the initial field, noise draws α: `drive` smooth, three modes of sin; white, anew at each site
    and step. Violations are Σ|ρ - ρ'|/Σ|ρ| against the run without α (same g, same flux), mean over the records;
    `motion` is how far ρ moves without α. `frequency` is of wave q = `wave` alone at the given flux, from the
    propagator, from two complex initial states, all that a wave has. `diverged`: a value went beyond 10⁶ (observables
    NaN); `converged`: not diverged, energy kept within 0.05 without α, and Gauss's law within 0.1 where links learn.
    h (m + 2) >= 2 is refused: the fastest wave would grow.
    """

    field: str = parameter("dirac", units="1", choices=("dirac", "klein_gordon"), quenched=True, doc="which equation")
    sites: int = parameter(64, units="1", minimum=4, maximum=2**16, quenched=True, doc="neurons N of the ring")
    mass: float = parameter(0.3, units="1", minimum=0, maximum=100, doc="m, in hops in unit time")
    weight_share: float = parameter(0.0, units="1", minimum=-10, maximum=10, doc="λ_w: share of α put into weights")
    bias_share: float = parameter(0.0, units="1", minimum=-10, maximum=10, doc="λ_b: share of α put into links")
    drive: str = parameter("smooth", units="1", choices=("smooth", "white"), doc="what α is in space and time")
    amplitude: float = parameter(1.0, units="rad", minimum=0, maximum=100, doc="amplitude of α")
    rate: float = parameter(0.5, units="1", minimum=0, maximum=1e3, doc="fastest angular frequency of a smooth α")
    flux: float = parameter(0.0, units="rad", minimum=-1e3, maximum=1e3, doc="flux Φ through the ring")
    wave: int = parameter(0, units="1", minimum=-(2**15), maximum=2**15, doc="q of the wave whose frequency is fitted")
    link_coupling: float = parameter(0.0, units="1", minimum=0, maximum=1e3, doc="g: how fast links learn; 0 never")
    time_step: float = parameter(0.1, units="1", minimum=1e-9, maximum=1e3, doc="time step h")
    steps: int = parameter(400, units="step", minimum=1, maximum=10**8, doc="steps")
    records: int = parameter(20, units="1", minimum=1, maximum=4096, doc="times at which runs are compared")

    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("density_violation", "1", may_be_nan=True, long_name="Σ|ρ - ρ'|/Σ|ρ|, mean over the run"),
        Observable("current_violation", "1", may_be_nan=True, long_name="Σ|J - J'|/Σ|J|, mean over the run"),
        Observable("motion", "1", may_be_nan=True, long_name="Σ|ρ - ρ(0)|/Σ|ρ(0)| without α, mean over the run"),
        Observable("frame_overlap", "1", may_be_nan=True, long_name="|⟨ψ without α, e^{-iλ_w α} ψ⟩|/norms at the end"),
        Observable("raw_overlap", "1", may_be_nan=True, long_name="|⟨ψ(0), e^{-iλ_w α} ψ(T)⟩|/⟨ψ(0), ψ(0)⟩"),
        Observable("link_coherence", "1", may_be_nan=True, long_name="|Σ ψ*_n U_n ψ_{n-1}|/Σ|ψ|² at the end"),
        Observable("charge_drift", "1", may_be_nan=True, long_name="largest change of Σρ over Σ|ρ(0)|"),
        Observable("energy_drift", "1", may_be_nan=True, long_name="largest change of H over its scale, without α"),
        Observable(
            "gauss_violation", "1", may_be_nan=True, long_name="largest |ΔE + g²(ρ - ρ̄)|/g²ρ̄, with α; links learn"
        ),
        Observable("frequency", "1", long_name="ω of wave q"),
        Observable("diverged", "1", dtype="int8", long_name="1: a value went beyond 10⁶"),
        Observable("converged", "1", dtype="int8", long_name="1: not diverged, energy kept without α"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_step * (self.mass + 2) >= 2:
            raise InputError(
                f"time_step = {self.time_step:g} times E_max = mass + 2 = {self.mass + 2:g} is 2 or more: the fastest "
                "wave would grow without bound; lower time_step"
            )
        if self.drive == "smooth" and self.rate * self.time_step > 0.5:
            raise InputError(f"rate = {self.rate:g} turns α by more than 0.5 rad a step: lower rate or time_step")
        if self.link_coupling and self.field != "dirac":
            raise InputError(
                f"link_coupling = {self.link_coupling:g} with field = {self.field}: only links of dirac learn; set 0"
            )
        if 0 < self.link_coupling < 1e-6:
            raise InputError(f"link_coupling = {self.link_coupling:g} is lost in rounding: set 0, or at least 1e-6")
        if self.link_coupling * self.time_step > 0.1:
            raise InputError(
                f"link_coupling = {self.link_coupling:g} times time_step is more than 0.1: lower one of them"
            )
        if float(self.sites) * self.steps > 1e11:
            raise InputError(f"steps = {self.steps} times sites is more than 1e11: lower one of them")
        needed = 8.0 * self.sites * (4 * self.times.size + 40)
        check_memory(needed, f"{self.times.size} records of {self.sites} sites", "lower records or sites")

    @property
    def times(self) -> np.ndarray:
        """The steps after which runs are compared, int64, rising; the last is the end."""
        return np.unique(np.round(np.linspace(0, self.steps, self.records + 1)[1:])).astype(np.int64)

    def cost(self) -> float:
        """Nanoseconds, roughly: the run without α, and that with it."""
        links = 150 if self.link_coupling else 0
        return self.sites * self.steps * (100.0 + 2 * links) + 3000 * self.times.size + 100_000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        start = self._initial(np.array(disorder, np.uint64))
        plain = self._run(start, 0.0, 0.0, np.array(disorder, np.uint64))
        frequency = self._frequency()
        rows = []
        for stream in noise:
            run = self._run(start, self.weight_share, self.bias_share, np.array(stream, np.uint64))
            rows.append(self._compare(start, plain, run) | {"frequency": frequency})
        return {o.name: np.array([row[o.name] for row in rows], o.dtype) for o in self.observables}

    def _initial(self, stream: np.ndarray) -> np.ndarray:
        """(u, v) or (φ, p), complex (2, N): random waves up to q = ±LONGEST; p = iEφ wave by wave; mean |ψ|² = 1."""
        out = np.zeros((2, self.sites), np.complex128)
        angle = 2 * np.pi / self.sites * np.arange(self.sites)
        longest = min(LONGEST, (self.sites - 1) // 2)  # in small rings longer ones are the same waves again
        for wave in range(-longest, longest + 1):
            for k in range(2 if self.field == "dirac" else 1):
                out[k] += complex(normal(stream), normal(stream)) * np.exp(1j * wave * angle)
                if self.field != "dirac":
                    e = math.sqrt(self.mass**2 + 4 * (1 + self.mass) * math.sin(math.pi * wave / self.sites) ** 2)
                    out[1] += 1j * e * (out[0] * np.exp(-1j * wave * angle)).mean() * np.exp(1j * wave * angle)
        size = (abs(out[0]) ** 2).mean() + ((abs(out[1]) ** 2).mean() if self.field == "dirac" else 0.0)
        return np.asarray(out / math.sqrt(size))

    def _shapes(self, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Smooth α: shapes (J, N) in space, rates (J, 2) of ω and phase in time."""
        waves, rates = np.empty((SHAPES, self.sites)), np.empty((SHAPES, 2))
        angle = 2 * np.pi / self.sites * np.arange(self.sites)
        for j in range(SHAPES):
            waves[j] = self.amplitude * np.sin((j + 1) * angle + 2 * np.pi * uniform(stream))
            rates[j] = self.rate * (0.5 + 0.5 * uniform(stream)), 2 * np.pi * uniform(stream)
        return waves, rates

    def _run(self, start: np.ndarray, weights: float, biases: float, stream: np.ndarray) -> dict[str, Any]:
        """Density and current (times, N), conserved quantities (times + 1,), and the state at the end."""
        n, dirac, times = self.sites, self.field == "dirac", self.times
        (x, y), phase = (part.copy() for part in start), np.zeros(n)
        waves, rates = self._shapes(stream)
        white = self.amplitude if self.drive == "white" else 0.0
        potential, electric = np.full(n, self.flux / n), np.zeros(n)
        rho, flow, scratch, links = np.empty(n), np.empty(n), np.empty((2, n), np.complex128), np.empty(n, complex)
        gauge.density(dirac, x, y, rho)
        if self.link_coupling:
            electric = np.cumsum(-(self.link_coupling**2) * np.roll(rho - rho.mean(), 1))
            electric -= electric.mean()
        out: dict[str, Any] = {"rho": [], "flow": [], "charge": [rho.sum()], "energy": [], "gauss": []}
        past, small = 0, True
        for at in (0, *times.tolist()):
            gauge.evolve(
                dirac, x, y, potential, electric, phase, waves, rates, white, weights, biases, self.link_coupling,
                self.mass, self.time_step, past, at, stream, scratch,
            )  # fmt: skip
            past = at
            small = small and bool(max(abs(x).max(), abs(y).max()) <= DIVERGED)  # not of NaN
            if not small:
                break
            gauge.connect(potential, phase, biases, links)
            gauge.density(dirac, x, y, rho)
            gauge.current(dirac, x, y, links, self.mass, flow)
            energy, scale = gauge.energy(dirac, x, y, links, self.mass, scratch[0])
            if self.link_coupling:
                field = (electric**2).sum() / (2 * self.link_coupling**2)
                law = np.roll(electric, -1) - electric + self.link_coupling**2 * (rho - rho.mean())
                out["gauss"].append(abs(law).max() / (self.link_coupling**2 * rho.mean()))
                energy, scale = energy + field, scale + field
            out["energy"].append((energy, scale))
            out["charge"].append(rho.sum())
            out["rho"].append(rho.copy())
            out["flow"].append(flow.copy())
        return out | {"x": x, "y": y, "phase": phase, "links": links, "small": small}

    def _compare(self, start: np.ndarray, plain: dict[str, Any], run: dict[str, Any]) -> dict[str, float]:
        """The observables, but for the frequency."""
        out = {o.name: math.nan for o in self.observables}
        out["diverged"] = float(not (plain["small"] and run["small"]))
        out["converged"] = 0.0
        if out["diverged"]:
            return out
        for name, key in (("density_violation", "rho"), ("current_violation", "flow")):
            a, b = np.array(plain[key][1:]), np.array(run[key][1:])
            out[name] = float((abs(a - b).sum(axis=1) / abs(a).sum(axis=1)).mean())
        rho = np.array(plain["rho"])
        out["motion"] = float((abs(rho[1:] - rho[0]).sum(axis=1) / abs(rho[0]).sum()).mean())
        turned = np.exp(-1j * self.weight_share * run["phase"])
        then, now = np.array([plain["x"], plain["y"]]), np.array([run["x"], run["y"]]) * turned
        size = math.sqrt((abs(now) ** 2).sum())
        out["frame_overlap"] = abs((then.conj() * now).sum()) / (size * math.sqrt((abs(then) ** 2).sum()))
        out["raw_overlap"] = abs((start.conj() * now).sum()) / (abs(start) ** 2).sum()
        fields = [run["x"], run["y"]] if self.field == "dirac" else [run["x"]]
        hops = sum((f.conj() * run["links"] * np.roll(f, 1)).sum() for f in fields)
        out["link_coherence"] = abs(hops) / sum((abs(f) ** 2).sum() for f in fields)
        charge, energy = np.array(run["charge"]), np.array(plain["energy"])
        out["charge_drift"] = abs(charge - charge[0]).max() / abs(run["rho"][0]).sum()
        out["energy_drift"] = abs(energy[:, 0] - energy[0, 0]).max() / energy[0, 1]
        if self.link_coupling:
            out["gauss_violation"] = max(run["gauss"])
        out["converged"] = float(out["energy_drift"] < DRIFT and not out["gauss_violation"] > GAUSS)
        return out

    def _frequency(self) -> float:
        """ω of wave q at this flux, links at rest: angle of the propagator's eigenvalue, by least squares."""
        n, none = self.sites, np.zeros((0, 2))
        shape = np.exp(2j * np.pi * self.wave / n * np.arange(n))
        potential, scratch = np.full(n, self.flux / n), np.empty((2, n), np.complex128)
        states = np.empty((FIT + 1, 2, 2), np.complex128)  # step, component, initial condition
        for k in range(2):
            fields = np.zeros((2, n), np.complex128)
            fields[k] = shape
            for step in range(FIT + 1):
                states[step, :, k] = (fields * shape.conj()).mean(axis=1)
                gauge.evolve(
                    self.field == "dirac", fields[0], fields[1], potential, np.zeros(n), np.zeros(n),
                    np.zeros((0, n)), none, 0.0, 0.0, 0.0, 0.0, self.mass, self.time_step, 0, 1,
                    np.zeros(4, np.uint64), scratch,
                )  # fmt: skip
        a, b = states[:-1], states[1:]
        gram, turn = np.einsum("tik,tjk->ij", a, a.conj()), np.einsum("tik,tjk->ij", b, a.conj())
        inverse = np.array([[gram[1, 1], -gram[0, 1]], [-gram[1, 0], gram[0, 0]]])
        step_matrix = np.einsum("ij,jk->ik", turn, inverse) / (gram[0, 0] * gram[1, 1] - gram[0, 1] * gram[1, 0])
        return abs(math.acos(min(max((step_matrix[0, 0] + step_matrix[1, 1]).real / 2, -1.0), 1.0))) / self.time_step

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(sites=8, steps=10, records=3, weight_share=0.5, link_coupling=0.1)

"""The square Ising ferromagnet: the exactly solved magnet, 64 replicas at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from isinglass.exceptions import InputError
from isinglass.kernels import ising
from isinglass.kernels.bernoulli import BANK, open_bank
from isinglass.kernels.streams import random_signs
from isinglass.models.base import Model, Observable, check_memory, parameter

RULES = {"heat_bath": ising.HEAT_BATH, "metropolis": ising.METROPOLIS}
BLOCKS = 16
"""Blocks of a window, for the autocorrelation time; at most half as many as steps."""
STRIPED = 0.2
"""Stripe order from which a state counts as striped."""


@dataclass(frozen=True)
class Ising(Model):
    """L x L spins s_i = ±1 on a square lattice with periodic boundaries: E = -Σ_<ij> s_i s_j, J = 1.

    One step updates every spin once: colour by colour of a checkerboard, each spin by heat bath,
    P(s_i = ±1) = 1/(1 + exp(∓2h_i/T)), or by Metropolis, which flips with probability min(1, exp(-ΔE/T)); both have
    exp(-E/T) as stationary distribution. With `wolff` a step is as many cluster flips as turn N = L² spins on average
    (a fixed number after the equilibration).

    Exact for N → ∞ (`theory.ising`; Onsager, Phys. Rev. 65 (1944) 117; Yang, Phys. Rev. 85 (1952) 808):
    T_c = 2/ln(1 + √2) = 2.269185, spontaneous magnetisation m = (1 - sinh⁻⁴(2/T))^(1/8) below, energy at T_c -√2. For
    L = 4 all 2^16 states are summed.

    Not to be confused with coherence or memory: a clean magnet carries no message, |m| is the order of one copy and
    keeps its own name. Nor ⟨|m|⟩ with the spontaneous magnetisation: above T_c it is not 0 but of order 1/L. Nor a
    quench with equilibrium: from a hot start below T_c about a third of the runs end in two stripes
    (`stripe_order`), where halves of a window agree and nothing looks wrong; equilibrium is measured from cold starts.

    The disorder draws nothing: samples and replicas are equally independent, and errors come from samples. 64 replicas
    share a word, driven by the stream of the first, each with its own random bits (`kernels.bernoulli`); Wolff
    clusters are not packed, each replica has its own stream. `converged`: |m| and the energy are the same in the two
    halves of the window, as means over the 64 replicas of a word within 5 of their standard errors (false alarm 1e-5:
    replicas are independent, however long the autocorrelation).
    """

    length: int = parameter(64, units="1", minimum=4, maximum=2048, quenched=True, doc="sites L along an edge; even")
    temperature: float = parameter(2.0, units="1", minimum=0, doc="k_B T in units of the coupling J")
    dynamics: str = parameter(
        "heat_bath", units="1", choices=("heat_bath", "metropolis", "wolff"), doc="how spins are updated"
    )
    start: str = parameter("cold", units="1", choices=("cold", "hot"), doc="all spins up, or each at random")
    equilibration: int = parameter(500, units="step", minimum=0, doc="steps before measuring; one step = N updates")
    interval: int = parameter(1, units="step", minimum=1, doc="steps from one measurement to the next")
    steps: int = parameter(1000, units="1", minimum=4, doc="measurements, the window")

    lanes: ClassVar[int] = 64
    observables: ClassVar[tuple[Observable, ...]] = (
        Observable("magnetisation", "1", long_name="|m| = |Σ s_i|/N, window mean"),
        Observable("magnetisation_2", "1", long_name="m², window mean"),
        Observable("magnetisation_4", "1", long_name="m⁴, window mean"),
        Observable("energy", "1", long_name="energy per spin E/N in units of J, window mean"),
        Observable("energy_2", "1", long_name="(E/N)², window mean"),
        Observable("final_magnetisation", "1", long_name="|m| after the last step"),
        Observable("stripe_order", "1", long_name="largest mean square of m of rows or of columns, less m², last step"),
        Observable("striped", "1", dtype="int8", long_name="1: stripe order above 0.2; meant for T well below T_c"),
        Observable("autocorrelation_time", "step", long_name="integrated autocorrelation time of |m|, from 16 blocks"),
        Observable("converged", "1", dtype="int8", long_name="1: the halves of the window agree in |m| and energy"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length % 2:
            raise InputError(f"length = {self.length} is odd, and the checkerboard needs an even one: add 1")
        if self.dynamics == "wolff" and not self.equilibration:
            raise InputError("dynamics = 'wolff' counts the clusters of a step while equilibrating: set equilibration")
        series = 2 * self.lanes * 3 * 8 * self.steps  # |m| and energy: as integers, as numbers, and the square of one
        what = f"steps = {self.steps} measurements of 64 replicas, length = {self.length},"
        check_memory(series + 84 * self.length**2, what, "raise interval instead of steps")

    def cost(self) -> float:
        """Nanoseconds, roughly."""
        sites, sweeps = self.length**2, self.equilibration + self.interval * self.steps
        if self.dynamics == "wolff":
            return sites * (12.0 * sweeps + self.steps)
        return sites * (0.1 * sweeps + 0.1 * self.steps) + 4000

    def simulate(self, disorder: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
        """See `Model.simulate`."""
        groups = [self._group(noise[first : first + self.lanes]) for first in range(0, len(noise), self.lanes)]
        return {o.name: np.concatenate([group[o.name] for group in groups]) for o in self.observables}

    def _group(self, noise: np.ndarray) -> dict[str, np.ndarray]:
        """The observables of the replicas of one word."""
        length, sites = self.length, self.length**2
        magnetisation, energy = (np.empty((self.steps, self.lanes), np.int64) for _ in range(2))
        spins = np.ones((self.lanes, length, length), np.int8)
        if self.dynamics == "wolff":
            series = np.empty((2, self.steps), np.int64)
            for r, row in enumerate(noise):
                stream = np.array(row, np.uint64)
                if self.start == "hot":
                    random_signs(stream, spins[r].reshape(-1))
                ising.run_wolff(spins[r], self.temperature, stream, self.equilibration, self.interval, *series)
                magnetisation[:, r], energy[:, r] = series
        else:
            bank, dither = np.empty((4, BANK), np.uint64), np.empty(4, np.uint64)
            open_bank(np.array(noise[0], np.uint64), 0, bank, dither)
            lattice = np.empty((2, length, length // 2 + 2), np.uint64)
            ising.begin(lattice, self.start == "hot", bank)
            ising.run(
                lattice, RULES[self.dynamics], self.temperature, bank, dither, self.equilibration, self.interval,
                magnetisation, energy,
            )  # fmt: skip
            ising.unpack(lattice, spins)
        m, e = np.ascontiguousarray(magnetisation.T) / sites, np.ascontiguousarray(energy.T) / sites
        stripes = _stripe_order(spins)
        size = abs(m)
        return {
            "magnetisation": size.mean(axis=1),
            "magnetisation_2": (m**2).mean(axis=1),
            "magnetisation_4": (m**4).mean(axis=1),
            "energy": e.mean(axis=1),
            "energy_2": (e**2).mean(axis=1),
            "final_magnetisation": size[:, -1],
            "stripe_order": stripes,
            "striped": stripes > STRIPED,
            "autocorrelation_time": self.interval * _autocorrelation(size),
            "converged": _halves_agree(size) & _halves_agree(e),
        }

    @classmethod
    def tiny(cls) -> Self:
        """See `Model.tiny`."""
        return cls(length=8, temperature=2.3, equilibration=5, steps=8)


def _stripe_order(spins: np.ndarray) -> np.ndarray:
    """max(⟨m_row²⟩, ⟨m_column²⟩) - m² of states int8 (R, L, L): 0 where uniform, 1 of two equal frozen stripes."""
    rows, columns = spins.mean(axis=2), spins.mean(axis=1)
    return np.asarray(np.maximum((rows**2).mean(axis=1), (columns**2).mean(axis=1)) - rows.mean(axis=1) ** 2)


def _autocorrelation(series: np.ndarray) -> np.ndarray:
    """½ + Σ_t ρ(t) in measurements, from the variance of block means; too small where blocks are not much longer."""
    blocks = min(BLOCKS, series.shape[1] // 2)
    block = series.shape[1] // blocks
    means = series[:, -blocks * block :].reshape(len(series), blocks, block).mean(axis=2)
    variance = series.var(axis=1)
    ratio = means.var(axis=1, ddof=1) / np.maximum(variance, 1e-30)
    return np.where(variance > 0, 0.5 * block * ratio, 0.5)


def _halves_agree(series: np.ndarray) -> np.ndarray:
    """Whether the mean of (R, steps) over replicas is the same in both halves, within 5 standard errors; (R,)."""
    half = series.shape[1] // 2
    drift = series[:, :half].mean(axis=1) - series[:, -half:].mean(axis=1)
    return np.full(len(drift), abs(drift.mean()) <= 5 * drift.std(ddof=1) / np.sqrt(len(drift)))

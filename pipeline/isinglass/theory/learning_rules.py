"""One parallel step at T = 0 from a stored pattern, by learning rule, with noisy and with cut couplings.

P = αN random patterns of N signs; J_ii = 0; each coupling J_ij + Δ J_rms g_ij with g_ij = g_ji standard normal, then
kept with probability k = 1 - dilution. In the direction of the pattern the field has a mean, the signal, and a variance
over neurons and samples, the noise. To leading order in 1/N

    Hebb            signal k        noise k α (1 + Δ²)
    pseudo-inverse  signal k(1-α)   noise k α(1-α) (1 - k + Δ²)

since J_rms² is α/N for Hebb couplings and α(1-α)/N for the projector without its diagonal: there is no crosstalk, and
all noise is the faults'. A fault so acts as static noise on the fields (Sompolinsky, Phys. Rev. A 34 (1986) 2571, for
Hebb couplings; the pseudo-inverse is derived here). The ratio of signal² to noise of the pseudo-inverse to that of Hebb
is (1-α)(1 + Δ²)/(1 - k + Δ²): at equal load the projector errs less until 1 - α wins, beyond Δ² = (1-α)/α for k = 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isinglass.exceptions import InputError, known

FloatArray = npt.NDArray[np.float64]
RULES = ("hebb", "pseudo_inverse")


def one_step_error(
    load: npt.ArrayLike, rule: str = "hebb", weight_noise: npt.ArrayLike = 0.0, dilution: npt.ArrayLike = 0.0
) -> FloatArray:
    """Share of a stored pattern's neurons that one parallel step turns, N → ∞; arguments broadcast."""
    from scipy.special import erfc

    load, kept = np.asarray(load, float), 1 - np.asarray(dilution, float)
    noise = np.asarray(weight_noise, float) ** 2
    if rule == "hebb":
        ratio = kept / (load * (1 + noise))
    elif rule == "pseudo_inverse":
        with np.errstate(divide="ignore"):
            ratio = kept * (1 - load) / (load * (1 - kept + noise))
    else:
        raise InputError(f"no closed form for the rule {rule!r}; {known(rule, RULES)}")
    return np.asarray(0.5 * erfc(np.sqrt(ratio / 2)))


def exact_hebb_error(neurons: int, patterns: int, weight_noise: float = 0.0, dilution: float = 0.0) -> float:
    """The same for Hebb couplings and whole N and P, from the distribution of the kept couplings and of the crosstalk.

    The one approximation is J_rms at its mean √P/N, where the model takes each sample's; without noise it is exact. A
    field of zero turns nothing.
    """
    from scipy.special import ndtr
    from scipy.stats import binom

    out = 0.0
    for kept in range(neurons):
        share = binom.pmf(kept, neurons - 1, 1 - dilution)
        if share < 1e-16:
            continue
        signs = kept * (patterns - 1)  # the crosstalk is a sum of so many
        plus = np.arange(signs + 1)
        weight, field = binom.pmf(plus, signs, 0.5), kept + 2.0 * plus - signs
        width = weight_noise * np.sqrt(patterns * kept)
        turned = ndtr(-field / width) if width else field < 0
        out += float(share * (weight * turned).sum())
    return out


def static_noise_capacity(
    rule: str, weight_noise: npt.ArrayLike = 0.0, dilution: npt.ArrayLike = 0.0, overlap: float = 0.9
) -> FloatArray:
    """The load at which m = erf(m √(ratio/2)) has the root m = `overlap`, ratio as in `one_step_error`; broadcasts.

    An estimate, not a theory: the noise is taken to be that at the pattern itself and not to react to the state. Faults
    alone are so; crosstalk is not, and a state off its pattern feels crosstalk from the pseudo-inverse as well.
    """
    from scipy.special import erfinv

    inverse = overlap**2 / (2 * float(erfinv(overlap)) ** 2)  # noise over signal² that the root allows
    kept, noise = 1 - np.asarray(dilution, float), np.asarray(weight_noise, float) ** 2
    if rule == "hebb":
        return np.asarray(inverse * kept / (1 + noise))
    if rule == "pseudo_inverse":
        return np.asarray(inverse * kept / (1 - kept + noise + inverse * kept))
    raise InputError(f"no closed form for the rule {rule!r}; {known(rule, RULES)}")

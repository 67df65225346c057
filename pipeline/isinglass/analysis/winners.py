"""Which of several observables is least at each point: which theory a simulation follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass.analysis import errors

if TYPE_CHECKING:
    import xarray as xr


def winner(name: str, of: tuple[str, ...], even: float) -> errors.Stage:
    """The stage for the first of the observables `of` whose mean over samples is least, or as good as that.

    As good: above the least by at most `even`, or by two standard errors of the difference, over samples that have
    both. So list first what should be preferred, such as the simpler theory. An observable that is NaN in all samples
    is out of the contest.

    Returns, dims (axes...): `<name>`, int8, the position in `of` (-1: all are NaN; `flag_meanings` has the names);
    `<name>_value`, the least mean; `<name>_even`, int8, how many others are as good as the least. Raises InputError for
    an unknown observable.
    """
    title = f"winner({name}, {', '.join(of)})"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        samples = xr.concat([errors.sample_means(errors.observable(ds, o), ds["status"]) for o in of], dim="_of")
        means = samples.mean("sample", skipna=True).fillna(np.inf)
        best = means.argmin("_of")
        above, error, _ = errors.mean_and_error(samples - samples.isel(_of=best))
        good = (means < np.inf) & ((above <= even) | (above <= 2 * error))
        there = good.any("_of")
        units = ds[of[0]].attrs.get("units", "1")
        flags = {"flag_values": list(range(len(of))), "flag_meanings": " ".join(of)}
        text = f"first of {', '.join(of)} that is least or as good"
        chosen = good.argmax("_of").where(there, -1).astype(np.int8)
        others = (good.sum("_of") - 1).where(there, 0).astype(np.int8)
        least = means.min("_of").where(there)
        return xr.Dataset(
            {
                name: chosen.assign_attrs(units="1", long_name=text, **flags),
                f"{name}_value": least.assign_attrs(units=units, long_name=f"least mean of {', '.join(of)}"),
                f"{name}_even": others.assign_attrs(units="1", long_name=f"others as good as the least, of {name}"),
            }
        )

    return errors.titled(stage, title)

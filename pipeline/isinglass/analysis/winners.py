"""Which of several observables is least at each point: which theory a simulation follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isinglass.analysis import errors

if TYPE_CHECKING:
    import xarray as xr


def winner(name: str, of: tuple[str, ...], even: float) -> errors.Stage:
    """The stage for which of the observables `of` has the least mean over samples; samples in which one is NaN do not
    enter that one's mean, and one that is NaN everywhere is out of the contest.

    Returns, dims (axes...): `<name>`, int8, the position in `of` (-1: all are NaN; `flag_meanings` has the names);
    `<name>_value`, the least mean; `<name>_margin`, the runner-up's mean less it, from the samples that have both, with
    `<name>_margin_error` (NaN below two samples; 0 in value where there is no other); `<name>_even`, int8, 1 where the
    margin is at most `even` or two of its standard errors. Raises InputError for an unknown observable.
    """
    title = f"winner({name}, {', '.join(of)})"

    def stage(ds: xr.Dataset) -> xr.Dataset:
        import xarray as xr

        samples = xr.concat([errors.sample_means(errors.observable(ds, o), ds["status"]) for o in of], dim="_of")
        means = samples.mean("sample", skipna=True).fillna(np.inf)
        order = means.argsort(means.get_axis_num("_of"))
        first, second = (order.isel(_of=min(k, len(of) - 1)) for k in (0, 1))
        there = np.isfinite(means.isel(_of=first))
        alone = ~np.isfinite(means.isel(_of=second)) | (first == second)
        margin, error, _ = errors.mean_and_error(samples.isel(_of=second) - samples.isel(_of=first))
        margin, error = margin.where(~alone, np.inf).where(there), error.where(~alone)
        level = (margin <= even) | (margin <= 2 * error)
        units = ds[of[0]].attrs.get("units", "1")
        text = f"least of {', '.join(of)}"
        flags = {"flag_values": list(range(len(of))), "flag_meanings": " ".join(of)}
        return xr.Dataset(
            {
                name: first.where(there, -1).astype(np.int8).assign_attrs(units="1", long_name=text, **flags),
                f"{name}_value": means.min("_of").where(there).assign_attrs(units=units, long_name=f"mean of the {text}"),
                f"{name}_margin": margin.assign_attrs(units=units, long_name=f"runner-up less the {text}"),
                f"{name}_margin_error": error.assign_attrs(units=units, long_name=f"standard error of {name}_margin"),
                f"{name}_even": level.astype(np.int8).assign_attrs(units="1", long_name=f"1: {name} is not decided"),
            }
        ).drop_vars("_of", errors="ignore")

    return errors.titled(stage, title)

"""A cheap model and its workflow as text, for tests of commands and of bad input."""

MODEL = '''"""A toy."""
from dataclasses import dataclass
import numpy as np
from isinglass import Model, Observable, Workflow, parameter

@dataclass(frozen=True)
class Toy(Model):
    """A number that grows with the slope."""
    slope: float = parameter(1.0, units="m", minimum=0, maximum=10, doc="slope of the number")
    size: int = parameter(4, units="1", minimum=1, quenched=True, doc="size")
    rule: str = parameter("hebb", units="1", choices=("hebb", "storkey"), doc="rule")
    closed: bool = parameter(False, units="1", doc="whether the ends are joined")
    observables = (Observable("value", units="m", long_name="a number"),)
    def __post_init__(self):
        super().__post_init__()
        if self.slope == 7:
            raise ValueError("a slope of 7 is unlucky")
    def simulate(self, disorder, noise):
        if self.slope == 9:
            raise RuntimeError("boom")
        return {"value": self.slope + noise[:, 0] / 2.0**64}
'''

WORKFLOW = (
    MODEL
    + '''
def doubled(ds):
    """A stage."""
    import xarray as xr
    return xr.Dataset({"doubled": (2 * ds["value"]).assign_attrs(units="m")})

workflow = Workflow(
    title="A toy", model=Toy, axes={"slope": [0.0, 1.0, 2.0]}, fixed={"size": 3}, samples=2, replicas=2,
    stages=[doubled], presets={"paper": {"samples": 3}},
)
'''
)

FIRST = MODEL.count("\n") + 1
"""The line of a file `MODEL + declaration` on which the declaration starts."""

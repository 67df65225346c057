"""The table of contents: every shipped model, by the name that the command line knows it by.

Values are `module:Class`, so that listing models imports none of them.
"""

MODELS = {
    "echo-state": "isinglass.models.echo_state:EchoState",
    "gaussian-boltzmann": "isinglass.models.gaussian_boltzmann:GaussianBoltzmannMachine",
    "hopfield": "isinglass.models.hopfield:Hopfield",
    "phase-memory": "isinglass.models.phase_memory:PhaseMemory",
    "restricted-boltzmann": "isinglass.models.restricted_boltzmann:RestrictedBoltzmannMachine",
}

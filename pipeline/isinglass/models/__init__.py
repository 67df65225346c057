"""The table of contents: every shipped model, by the name that the command line knows it by.

Values are `module:Class`, so that listing models imports none of them.
"""

MODELS = {
    "echo-state": "isinglass.models.echo_state:EchoState",
    "hopfield": "isinglass.models.hopfield:Hopfield",
    "kuramoto": "isinglass.models.kuramoto:Kuramoto",
    "oscillator-memory": "isinglass.models.oscillator_memory:OscillatorMemory",
    "phase-memory": "isinglass.models.phase_memory:PhaseMemory",
}

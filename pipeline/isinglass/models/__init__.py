"""The table of contents: every shipped model, by the name that the command line knows it by.

Values are `module:Class`, so that listing models imports none of them.
"""

MODELS = {
    "attractor-network": "isinglass.models.learning_rules:AttractorNetwork",
    "echo-state": "isinglass.models.echo_state:EchoState",
    "hopfield": "isinglass.models.hopfield:Hopfield",
    "ising": "isinglass.models.ising:Ising",
    "ising-storage": "isinglass.models.ising_storage:IsingStorage",
    "kuramoto": "isinglass.models.kuramoto:Kuramoto",
    "multilayer-perceptron": "isinglass.models.multilayer_perceptron:MultilayerPerceptron",
    "oscillator-memory": "isinglass.models.oscillator_memory:OscillatorMemory",
    "perceptron": "isinglass.models.perceptron:Perceptron",
    "phase-memory": "isinglass.models.phase_memory:PhaseMemory",
}

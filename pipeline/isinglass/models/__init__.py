"""The table of contents: every shipped model, by the name that the command line knows it by.

Values are `module:Class`, so that listing models imports none of them.
"""

MODELS = {
    "continual-learning": "isinglass.models.continual_learning:ContinualLearning",
    "echo-state": "isinglass.models.echo_state:EchoState",
    "hopfield": "isinglass.models.hopfield:Hopfield",
    "multilayer-perceptron": "isinglass.models.multilayer_perceptron:MultilayerPerceptron",
    "perceptron": "isinglass.models.perceptron:Perceptron",
    "phase-memory": "isinglass.models.phase_memory:PhaseMemory",
}

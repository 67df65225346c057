"""The table of contents: every shipped model, by the name that the command line knows it by.

Values are `module:Class`, so that listing models imports none of them.
"""

MODELS = {
    "attractor-network": "isinglass.models.learning_rules:AttractorNetwork",
    "continual-learning": "isinglass.models.continual_learning:ContinualLearning",
    "dense-memory": "isinglass.models.dense_memory:DenseAssociativeMemory",
    "dephasing": "isinglass.models.dephasing:Dephasing",
    "dicke": "isinglass.models.dicke:Dicke",
    "dicke-hopfield": "isinglass.models.dicke_hopfield:DickeHopfield",
    "dicke-master": "isinglass.models.dicke_master:DickeMaster",
    "dipolar-magnet": "isinglass.models.dipolar_magnet:DipolarMagnet",
    "echo-state": "isinglass.models.echo_state:EchoState",
    "fast-neurons": "isinglass.models.fast_neurons:FastNeurons",
    "gaussian-boltzmann": "isinglass.models.gaussian_boltzmann:GaussianBoltzmannMachine",
    "hopfield": "isinglass.models.hopfield:Hopfield",
    "ising": "isinglass.models.ising:Ising",
    "ising-storage": "isinglass.models.ising_storage:IsingStorage",
    "kuramoto": "isinglass.models.kuramoto:Kuramoto",
    "learners": "isinglass.models.learners:Learners",
    "macrospin": "isinglass.models.macrospin:Macrospin",
    "memory-annealing": "isinglass.models.memory_annealing:MemoryAnnealing",
    "multilayer-perceptron": "isinglass.models.multilayer_perceptron:MultilayerPerceptron",
    "open-dicke": "isinglass.models.open_dicke:OpenDicke",
    "oscillator-memory": "isinglass.models.oscillator_memory:OscillatorMemory",
    "perceptron": "isinglass.models.perceptron:Perceptron",
    "phase-memory": "isinglass.models.phase_memory:PhaseMemory",
    "random-field-ising": "isinglass.models.random_field:RandomFieldIsing",
    "restricted-boltzmann": "isinglass.models.restricted_boltzmann:RestrictedBoltzmannMachine",
    "spin-glass": "isinglass.models.spin_glass:SpinGlass",
    "spin-glass-memory": "isinglass.models.spin_glass:SpinGlassMemory",
    "spin-wave-chain": "isinglass.models.spin_wave_chain:SpinWaveChain",
    "transverse-hopfield": "isinglass.models.transverse_hopfield:TransverseHopfield",
    "transverse-hopfield-quench": "isinglass.models.transverse_hopfield_quench:TransverseHopfieldQuench",
    "transverse-ising": "isinglass.models.transverse_ising:TransverseIsing",
    "transverse-quench": "isinglass.models.transverse_quench:TransverseQuench",
}

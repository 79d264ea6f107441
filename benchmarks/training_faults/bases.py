"""The healthy programs that faults are planted into; the parts share neither data set with architecture nor seeds."""

from .program import Program

BASES: dict[str, tuple[Program, ...]] = {
    "dev": (
        Program("moons-tanh", "dev", "mlp", "moons", layers=(8,), activation="tanh", learning_rate=1.0, steps=600),
        Program("blobs-relu", "dev", "mlp", "blobs", layers=(16,), activation="relu", optimizer="adam",
                learning_rate=0.02, classes=3, noise=0.35, batch_size=50),
        Program("moons-relu-deep", "dev", "mlp", "moons", layers=(12, 12), activation="relu", optimizer="momentum",
                learning_rate=0.1, batch_size=50, noise=0.15),
        Program("digits-sigmoid", "dev", "mlp", "digits", layers=(32,), activation="sigmoid", optimizer="adam",
                learning_rate=0.01, samples=1800, batch_size=50, classes=10, steps=300, record_every=15),
        Program("cnn-relu", "dev", "cnn", "digits", width=6, activation="relu", optimizer="adam", learning_rate=0.003,
                samples=800, batch_size=40, classes=10, steps=80, record_every=4),
        Program("gru-relu", "dev", "recurrent", "digits", width=40, activation="relu", optimizer="adam",
                learning_rate=0.008, samples=1800, batch_size=40, classes=10, steps=140, record_every=7),
        Program("attention-relu", "dev", "attention", "digits", width=32, activation="relu", optimizer="adam",
                learning_rate=0.01, samples=1800, batch_size=40, classes=10, steps=240, record_every=12),
    ),
    "test": (
        Program("circles-tanh", "test", "mlp", "circles", layers=(10,), activation="tanh", optimizer="adam",
                learning_rate=0.03, noise=0.1, batch_size=40),
        Program("spirals-tanh", "test", "mlp", "spirals", layers=(24, 24), activation="tanh", optimizer="momentum",
                learning_rate=0.1, noise=0.2, samples=300, classes=2, steps=800, record_every=40),
        Program("xor-relu", "test", "mlp", "xor", layers=(20,), activation="relu", learning_rate=0.5, noise=0.05,
                steps=600),
        Program("blobs-leaky", "test", "mlp", "blobs", layers=(12, 8), activation="leaky_relu", optimizer="adam",
                learning_rate=0.01, classes=4, noise=0.3, batch_size=25),
        Program("digits-relu", "test", "mlp", "digits", layers=(48, 24), activation="relu", optimizer="momentum",
                learning_rate=0.02, samples=1800, batch_size=25, classes=10, steps=240, record_every=12),
        Program("cnn-tanh", "test", "cnn", "digits", width=8, activation="tanh", optimizer="momentum",
                learning_rate=0.03, samples=800, batch_size=32, classes=10, steps=90, record_every=5),
        Program("gru-tanh", "test", "recurrent", "digits", width=56, activation="tanh", optimizer="adam",
                learning_rate=0.01, samples=1800, batch_size=50, classes=10, steps=120, record_every=6),
        Program("attention-leaky", "test", "attention", "digits", width=24, activation="leaky_relu", optimizer="adam",
                learning_rate=0.01, samples=1800, batch_size=50, classes=10, steps=240, record_every=12),
    ),
}  # fmt: skip


def layer_names(program: Program) -> tuple[str, ...]:
    """From the input to the logits, as the record names them."""
    if program.model == "mlp":
        return tuple(str(number) for number in range(1, len(program.layers) + 2))
    from .torch_models import LAYERS

    return LAYERS[program.model]

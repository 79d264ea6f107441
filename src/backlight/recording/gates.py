"""Where activation functions pass a gradient: between which values of what they give.

ReLU and its relatives are taken to fire above 0. tanh and sigmoid are taken for saturated where the derivative has
fallen below 4 % of its greatest value, which is beyond ±2.3 and ±4.6: σ(4.6) = 0.99, tanh(2.3) = 0.98.
"""

INFINITY = float("inf")
FIRES = (0.0, INFINITY)
GATES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(
        (
            "relu",
            "leaky_relu",
            "prelu",
            "rrelu",
            "elu",
            "celu",
            "selu",
            "gelu",
            "silu",
            "mish",
            "softplus",
            "hardswish",
        ),
        FIRES,
    ),
    "relu6": (0.0, 6.0),
    "tanh": (-0.98, 0.98),
    "hardtanh": (-1.0, 1.0),
    "sigmoid": (0.01, 0.99),
    "hardsigmoid": (0.0, 1.0),
}
_WITHOUT_UNDERSCORES = {name.replace("_", ""): name for name in GATES}


def gate_name(name: str) -> str | None:
    """The name in GATES of an activation function or module (`leaky_relu_`, `LeakyReLU`), None if it is none.

    >>> gate_name("LeakyReLU"), gate_name("relu_"), gate_name("Linear")
    ('leaky_relu', 'relu', None)
    """
    return _WITHOUT_UNDERSCORES.get(name.replace("_", "").lower())

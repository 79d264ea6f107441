"""Pieces that several styles share: definitions of activations, softmax, orders of returned values, endings."""

from collections.abc import Sequence

from ..options import Chooser, activation, derivative

KINDS = ("tanh", "sigmoid", "relu")


def dispatch(
    choose: Chooser, act: str, dact: str, kind: str, method: bool, of: str = "z"
) -> tuple[str, dict[str, str]]:
    """Definitions of f and f′ that are told the activation by a string; the derivatives' expressions are slots."""
    self = "self, " if method else ""
    form = choose.any((0, 1, 2)) if choose.part == "test" else 0
    slots = {f"df.{name}": derivative(of, name, of, form) for name in KINDS}
    lines = [f"def {act}({self}z, {kind}):"]
    for name in KINDS:
        lines += [f"    if {kind} == '{name}':", f"        return {activation('z', name)}"]
    lines += [f"    raise ValueError({kind})", "", f"def {dact}({self}{of}, {kind}):"]
    for name in KINDS:
        lines += [f"    if {kind} == '{name}':", f"        return «df.{name}»"]
    return "\n".join([*lines, f"    raise ValueError({kind})"]), slots


def single(choose: Chooser, f: str, df: str, kind: str, of: str = "z") -> tuple[str, dict[str, str]]:
    """Definitions of one activation and its derivative as functions."""
    form = choose.any((0, 1, 2)) if choose.part == "test" else 0
    lines = [
        f"def {f}(z):",
        f"    return {activation('z', kind)}",
        "",
        "",
        f"def {df}({of}):",
        f"    return «df.{kind}»",
    ]
    return "\n".join(lines), {f"df.{kind}": derivative(of, kind, of, form)}


def softmax(choose: Chooser, target: str, z: str, axis: int) -> str:
    """p = softmax(z) in one of the ways of writing it; without the shift it is as right, if not as safe."""
    shift = f"{z} - np.max({z}, axis={axis}, keepdims=True)"
    ways = [
        f"exp_scores = np.exp({shift})\n{target} = exp_scores / np.sum(exp_scores, axis={axis}, keepdims=True)",
        f"exp_scores = np.exp({z})\n{target} = exp_scores / np.sum(exp_scores, axis={axis}, keepdims=True)",
        f"shifted = {shift}\n{target} = np.exp(shifted) / np.exp(shifted).sum(axis={axis}, keepdims=True)",
        f"shifted = {shift}\nlog_p = shifted - np.log(np.exp(shifted).sum(axis={axis}, keepdims=True))\n"
        f"{target} = np.exp(log_p)",
    ]
    return choose.by_part(ways[:2], ways)


def ordered(choose: Chooser, weights: Sequence[str], biases: Sequence[str]) -> list[str]:
    """An order in which gradients are returned."""
    pairs = [name for both in zip(weights, biases, strict=True) for name in both]
    orders = [[*weights, *biases], pairs, [*reversed(weights), *reversed(biases)], [*biases, *weights]]
    return choose.by_part(orders[:2], orders)


def tail(choose: Chooser, training: str) -> str:
    """How the file ends: nothing, a guard, or training as soon as it is loaded."""
    guarded = "\n\nif __name__ == '__main__':\n" + "\n".join("    " + line for line in training.split("\n"))
    bare = "\n\n" + training
    return choose.by_part(
        ("", guarded), ("", guarded, bare, "\n\ndef main():\n" + guarded.split("\n", 3)[3] + "\n\n\nmain()")
    )


DATA = {
    "rows index": "np.random.seed(3)\nX = np.random.randn(40, 3)\ny = np.random.randint(0, 4, 40)",
    "rows one-hot": "np.random.seed(3)\nX = np.random.randn(40, 3)\ny = np.eye(4)[np.random.randint(0, 4, 40)]",
    "rows binary": "np.random.seed(3)\nX = np.random.randn(40, 3)\ny = (X[:, :1] > 0).astype(float)",
    "columns one-hot": "np.random.seed(3)\nX = np.random.randn(3, 40)\nY = np.eye(4)[:, np.random.randint(0, 4, 40)]",
    "columns binary": "np.random.seed(3)\nX = np.random.randn(3, 40)\nY = (X[:1] > 0).astype(float)",
}


def imports(choose: Chooser) -> str:
    """Modules that are not used, as people leave them."""
    return choose.by_part(("",), ("", "import random\n", "from math import sqrt\n"))


def docstring(choose: Chooser, text: str) -> str:
    return choose.any((f'"""{text}"""', "", f"# {text}"))

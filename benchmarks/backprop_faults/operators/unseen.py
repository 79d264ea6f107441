"""Mistakes that no list has: what a checker says of them should be that it does not know them, and where they are.

Format strings: {d} δ, {p} outputs, {y} labels, {n} samples, {s} the axis of samples, {u} that of units; `first` and
`backwards` are one sample and the units in the opposite order in the program's layout.
"""

from collections.abc import Iterator

from ..blueprint import Blueprint, Edit
from ..forms import Place, wrapped

ON_DELTA = {
    "absolute value": "{d} = np.abs({d})",
    "squared": "{d} = {d} ** 2",
    "cubed": "{d} = {d} ** 3",
    "square root": "{d} = np.sign({d}) * np.sqrt(np.abs({d}))",
    "squashed": "{d} = np.tanh(3 * {d})",
    "clipped": "{d} = np.clip({d}, -0.05, 0.05)",
    "half precision": "{d} = {d}.astype(np.float16).astype(float)",
    "units reversed": "{d} = {backwards}",
    "next sample": "{d} = np.roll({d}, 1, axis={s})",
    "running sum": "{d} = np.cumsum({d}, axis={s})",
    "sign of a sample": "{first} *= -1",
    "normalised": "{d} = {d} / np.linalg.norm({d})",
    "scaled by the largest": "{d} = {d} / np.max(np.abs({d}))",
    "centred over samples": "{d} = {d} - np.mean({d}, axis={s}, keepdims=True)",
    "positive part": "{d} = np.maximum({d}, 0)",
    "softened": "{d} = {d} / (1 + np.abs({d}))",
    "sorted": "{d} = np.sort({d}, axis={s})",
}
ON_OUTPUT = {
    "labels smoothed": "{p} - 0.9 * {y}",
    "outputs squared": "{p} ** 2 - {y}",
    "weighted by doubt": "({p} - {y}) * (2 - {p})",
    "logarithm": "np.log({p}) - {y}",
}
ON_SLOPE = {
    "root of the slope": "np.sqrt({right})",
    "slope plus one": "(1 + {right})",
    "slope times z": "{right} * {z}",
}
ON_PROP = {"sign of the weights": "np.sign({W})", "absolute weights": "np.abs({W})", "squared weights": "({W} ** 2)",
           "normed weights": "({W} / np.linalg.norm({W}))"}  # fmt: skip
ON_WEIGHTS = {
    "clipped weight gradient": "{dW} = np.clip({dW}, -0.02, 0.02)",
    "weight gradient over the width": "{dW} = {dW} / {W}.shape[1] ** 2",
    "times the weights": "{dW} = {dW} * np.abs({W})",
    "normed weight gradient": "{dW} = {dW} / np.linalg.norm({dW})",
    "centred weight gradient": "{dW} = {dW} - np.mean({dW})",
    "sign of the weight gradient": "{dW} = np.sign({dW})",
}
ON_INPUTS = {"inputs squared": "{a} ** 2", "absolute inputs": "np.abs({a})", "inputs plus one": "({a} + 1)"}
ON_BIASES = {
    "absolute bias gradient": "{db} = np.abs({db})",
    "bias gradient over the norm": "{db} = {db} / np.linalg.norm({db})",
}
ROUGH = ("half precision",)  # its Jacobian is that of the rounding
KNOWN_IN_DEV = ("absolute value", "clipped weight gradient", "root of the slope")


def unseen(b: Blueprint, part: str) -> Iterator[Edit]:
    for edit in (*at_output(b), *in_hidden(b), *in_gradients(b)):
        if (edit.note in KNOWN_IN_DEV) == (part == "dev"):
            yield edit


def made(note: str, slots: dict[str, str], other: str = "") -> Edit:
    """`other` is a name of the list that is as true."""
    return Edit(("unknown", other) if other else ("unknown",), "gradient", slots, note=note)


def at_output(b: Blueprint) -> Iterator[Edit]:
    o = b.output
    for note, text in ON_DELTA.items():
        yield made(note, {"out": o.statement(after=changed(b, text, o.delta))})
    if o.kind == "one-hot":
        for note, text in ON_OUTPUT.items():
            yield made(note, {"out": o.statement(core=wrapped(text.format(p=o.p, y=o.y)))})


def changed(b: Blueprint, text: str, d: str) -> str:
    rows = b.dialect.rows
    backwards = f"{d}[:, ::-1]" if rows else f"{d}[::-1]"
    return text.format(d=d, s=b.dialect.samples_axis, first=b.dialect.sample(d, "0"), backwards=backwards)


def in_hidden(b: Blueprint) -> Iterator[Edit]:
    for p in b.sloped:
        right = b.slope.of(p.z, p.a)
        for note, text in ON_SLOPE.items():
            if b.slope.kind == "relu" and note == "slope times z":
                continue  # which is the activation as slope
            other = "relu-slope" if b.slope.kind == "relu" else ""
            yield made(note, b.with_slope(p, text.format(right=right, z=p.z)), other)
        if not b.separate:
            for note, text in ON_DELTA.items():
                statement = next(iter(b.hidden(p).values())) + "\n" + changed(b, text, p.delta)
                yield made(note, {f"D.{p.tag}": statement})
    for p in b.below:
        for note, text in ON_PROP.items():
            yield made(note, b.with_prop(p, b.prop(p, W=text.format(W=p.W_above))))


def in_gradients(b: Blueprint) -> Iterator[Edit]:
    for p in b.weighted:
        yield from in_weights(b, p)
        for note, text in ON_BIASES.items():
            yield made(note, {f"db.{p.tag}": b.gradients.bias(p) + "\n" + text.format(db=p.db)})


def in_weights(b: Blueprint, p: Place) -> Iterator[Edit]:
    slot = f"dW.{p.tag}"
    for note, text in ON_WEIGHTS.items():
        # a tensor divided by a number is a constant factor too
        other = "constant-factor" if note == "weight gradient over the width" else ""
        yield made(note, {slot: b.gradients.weight(p) + "\n" + text.format(dW=p.dW, W=p.W)}, other)
    for note, text in ON_INPUTS.items():
        yield made(note, {slot: b.gradients.weight(p, a_prev=text.format(a=p.a_prev))})

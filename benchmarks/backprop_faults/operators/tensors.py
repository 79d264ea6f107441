"""Mistakes in dW and db, in the samples they are summed over, and between calls."""

from collections.abc import Iterator

from ..blueprint import Blueprint, Edit


def weights(b: Blueprint, part: str) -> Iterator[Edit]:
    g = b.gradients
    for p in b.weighted:
        slot, also = f"dW.{p.tag}", ()
        if p.z_prev and p.tag in ("2", "L"):
            yield Edit(("preactivation-in-weights",), "gradient", {slot: g.weight(p, a_prev=p.z_prev)}, also)
        if p.a:
            yield Edit(("own-activation-in-weights",), "gradient", {slot: g.weight(p, a_prev=p.a)}, also)
        if p.x and p.x != p.a_prev:
            yield Edit(("input-in-weights",), "gradient", {slot: g.weight(p, a_prev=p.x)}, also)
        flipped = b.dialect.t(b.dialect.weights(p.a_prev, p.delta))
        yield Edit(("weights-transposed",), "gradient", {slot: g.weight(p, raw=flipped)}, also)


def biases(b: Blueprint, part: str) -> Iterator[Edit]:
    g = b.gradients
    for p in b.weighted:
        slot = f"db.{p.tag}"
        made_before = b.variant == "lists" or b.style in ("one sample", "layer objects")
        zero = "" if part == "test" and made_before else f"{p.db} = np.zeros_like({p.b})"
        yield Edit(("bias-missing",), "gradient", {slot: zero}, (slot,))
        yield Edit(("bias-scalar",), "gradient", {slot: g.bias(p, raw=f"np.sum({p.delta})")}, ())
        if g.single:
            continue
        first = b.dialect.bias_of_sample(p.delta, "0")
        yield Edit(("bias-first-row",), "gradient", {slot: g.bias(p, raw=first)}, ())
        across = b.dialect.total(p.delta, axis=1 - b.dialect.samples_axis)
        yield Edit(("bias-axis",), "gradient", {slot: g.bias(p, raw=across)}, ())


def samples(b: Blueprint, part: str) -> Iterator[Edit]:
    if b.gradients.single:
        return
    which = "-1" if part == "dev" else "0"
    slots, d = {}, b.dialect
    for p in b.weighted:
        outer = d.outer(d.sample(p.a_prev, which), d.sample(p.delta, which))
        slots[f"dW.{p.tag}"] = b.gradients.weight(p, raw=outer)
        slots[f"db.{p.tag}"] = b.gradients.bias(p, raw=d.bias_of_sample(p.delta, which))
    yield Edit(("one-sample",), "gradient", slots, ("out",))
    others = ":-1" if part == "dev" else "1:"
    after = f"{d.sample(b.output.delta, others)} = 0"
    yield Edit(("one-sample",), "gradient", {"out": b.output.statement(after=after)}, ("out",))


def program(b: Blueprint, part: str) -> Iterator[Edit]:
    """Gradients that are kept are added to what they were, and nobody sets them to 0."""
    if not all(p.dW.startswith("self.") for p in b.weighted):
        return
    slots = {}
    for p in b.weighted:
        plus = " += " if part == "dev" else None
        for slot, target in ((f"dW.{p.tag}", p.dW), (f"db.{p.tag}", p.db)):
            right = b.slots[slot].split(" = ", 1)[1]
            slots[slot] = f"{target} += {right}" if plus else f"{target} = {target} + {right}"
    yield Edit(("accumulated",), "program", slots, ())

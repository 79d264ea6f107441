"""Mistakes in δ of the output layer."""

from collections.abc import Iterator

from ..blueprint import Blueprint, Edit
from ..forms import Output


def output(b: Blueprint, part: str) -> Iterator[Edit]:
    for names, text in (*softmax_slopes(b.output, part), *labels(b.output, part), *squared(b.output)):
        yield Edit(names, "gradient", {"out": text}, ("delta",) if "delta" in b.slots else ())


Found = Iterator[tuple[tuple[str, ...], str]]


def softmax_slopes(o: Output, part: str) -> Found:
    if o.kind == "squared":
        return
    d, p, y = o.delta, o.p, o.y
    if o.hidden_slope:
        after = f"{d} *= {o.hidden_slope}" if part == "dev" else f"{d} = {d} * {o.hidden_slope}"
        # with a sigmoid at the output its own slope is p (1 − p)
        names = ("output-slope", "output-squared-error-slope") if o.binary else ("output-slope",)
        yield names, o.statement(after=after)
    if part == "dev" or o.kind == "index":
        after = f"{d} *= {p} * (1 - {p})" if part == "dev" else f"{d} = np.multiply({d}, {p} - {p} ** 2)"
        if not (o.kind == "index" and o.form == "alias"):
            yield (
                ("output-squared-error-slope", "output-slope") if o.binary else ("output-squared-error-slope",),
                o.statement(after=after),
            )
    else:
        yield (
            ("output-squared-error-slope", "output-slope") if o.binary else ("output-squared-error-slope",),
            o.statement(core=f"({p} - {y}) * {p} * (1 - {p})"),
        )
    if o.kind == "one-hot" and not o.binary:
        yield ("softmax-diagonal",), o.statement(core=f"-{y} * (1 - {p})" if part == "dev" else f"{y} * ({p} - 1)")
    elif o.kind == "index":
        rows = f"range({o.n})"
        over = f"\n{d} /= {o.n}" if o.mean else ""
        yield ("softmax-diagonal",), f"{d} = np.zeros_like({p})\n{d}[{rows}, {y}] = {p}[{rows}, {y}] - 1{over}"


def labels(o: Output, part: str) -> Found:
    d, p, y = o.delta, o.p, o.y
    if o.kind == "index":
        over = f"\n{d} /= {o.n}" if o.mean else ""
        copied = f"{d} = {p}.copy()"
        yield ("labels-not-subtracted",), copied + over
        yield ("one-from-all",), f"{copied}\n{d} -= 1{over}" if part == "dev" else f"{d} = {p} - 1{over}"
        yield ("labels-index-rows",), f"{copied}\n{d}[{y}] -= 1{over}"
        sign = f"{d} = -{p}\n{d}[range({o.n}), {y}] += 1{over}"
        yield ("output-sign",), sign if part == "dev" else o.indexed() + over + f"\n{d} = -{d}"
        yield ("labels-shifted",), o.indexed(labels=f"{y} - 1" if part == "dev" else f"({y} + 1) % {p}.shape[1]") + over
        return
    own = "" if o.kind == "squared" else o.kind
    yield ("labels-not-subtracted",), o.statement(core=p)
    yield ("output-sign",), o.statement(core=f"{y} - {p}" if part == "dev" else f"-({p} - {y})")
    if own and not o.binary:
        yield ("one-from-all",), o.statement(core=f"{p} - 1")
    if not o.binary and own:
        axis = 1 - o.dialect.samples_axis
        yield ("labels-shifted",), o.statement(core=f"{p} - np.roll({y}, {1 if part == 'dev' else -1}, axis={axis})")


def squared(o: Output) -> Found:
    if o.kind == "squared" and o.slope:
        yield ("output-slope-missing",), o.statement(factor="none")

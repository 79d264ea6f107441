"""Mistakes in how gradients are averaged, and in λ's part of them."""

from collections.abc import Iterator

from ..blueprint import Blueprint, Edit

Slots = dict[str, str]


def all_slots(b: Blueprint, *kinds: str) -> tuple[str, ...]:
    return tuple(f"{kind}.{place.tag}" for place in b.weighted for kind in kinds)


def each(b: Blueprint, weight: bool | None = None, bias: bool | None = None) -> Slots:
    """All gradients with or without their 1/N; None leaves a kind as it is."""
    slots: Slots = {}
    for place in b.weighted:
        if weight is not None:
            slots[f"dW.{place.tag}"] = b.gradients.weight(place, mean=weight)
        if bias is not None:
            slots[f"db.{place.tag}"] = b.gradients.bias(place, mean=bias)
    return slots


def averaging(b: Blueprint, part: str) -> Iterator[Edit]:
    in_delta, in_gradients = b.output.mean, b.gradients.mean
    if not in_delta and not in_gradients:
        return
    everywhere = ("out", *all_slots(b, "dW", "db"), "loss")
    penalised = b.penalty.kind != "none"
    # λ's part is left as it was: then more is wrong than the step size
    summed = {"out": b.output.statement(mean=False)} if in_delta else each(b, False, False)
    yield Edit(("summed-gradients",), "gradient", summed, everywhere, penalised)
    apart = {"out": b.output.statement(mean=False)} if in_delta else {}
    # a function that is handed δ alone does not know N
    if in_gradients or not b.separate:
        only_weights = apart | (each(b, weight=True) if in_delta else each(b, bias=False))
        only_biases = apart | (each(b, bias=True) if in_delta else each(b, weight=False))
        yield Edit(("mean-only-in-weights",), "gradient", only_weights, everywhere)
        yield Edit(("mean-only-in-biases",), "gradient", only_biases, everywhere)
    if in_delta:
        again = (
            f"{b.output.delta} /= {b.output.n}"
            if part == "dev"
            else f"{b.output.delta} = {b.output.delta} / {b.output.n}"
        )
        yield Edit(("averaged-twice",), "gradient", {"out": b.output.statement(after=again)}, everywhere, penalised)
    else:
        yield Edit(("averaged-twice",), "gradient", {"out": b.output.statement(mean=True)}, everywhere, penalised)


def factors(b: Blueprint, part: str) -> Iterator[Edit]:
    factor = "2" if part == "dev" else "0.5"
    changed = {"out": b.output.statement(factor=factor)}
    yield Edit(("constant-factor",), "gradient", changed, ("out", "loss"), b.penalty.kind != "none")
    for place in b.weighted:
        weight = {f"dW.{place.tag}": b.gradients.weight(place, times="0.5" if part == "dev" else "2")}
        yield Edit(("constant-factor",), "gradient", weight, ())


def penalised(b: Blueprint, part: str) -> Iterator[Edit]:
    if b.penalty.kind == "none":
        return
    lam = b.penalty.lam
    wrong_scale = {"half": f"2 * {lam} * {{}}", "full": f"{lam} * {{}}", "mean": f"{lam} * {{}}"}[b.penalty.kind]
    forms = (f"{lam} * np.sign({{}})",) if part == "dev" else (f"{lam} * {{}} ** 2", f"{lam} * np.abs({{}})")
    if part == "test" and b.penalty.kind == "half":
        wrong_scale = f"0.5 * {lam} * {{}}"
    for name, text, sign in (
        ("penalty-missing", "", "+"),
        ("penalty-scale", wrong_scale, "+"),
        ("penalty-sign", None, "-"),
        *(("penalty-form", form, "+") for form in forms),
    ):
        slots: Slots = {}
        for place in b.weighted:
            W = b.gradients.penalised(place)[0]
            slots |= b.gradients.penalty_slots(place, None if text is None else text.format(W), sign)
        yield Edit((name,), "gradient", slots, all_slots(b, "dW", "pen"))
    yield from of_gradient_and_biases(b, part)
    if len(b.weighted) > 1:
        for place in b.weighted:
            one = b.gradients.penalty_slots(place, "")
            yield Edit(("penalty-missing",), "gradient", one, (f"dW.{place.tag}",))


def of_gradient_and_biases(b: Blueprint, part: str) -> Iterator[Edit]:
    lam = b.penalty.lam
    gradient: Slots = {}
    biases: Slots = {}
    for place in b.weighted:
        _, bias, dW, db = b.gradients.penalised(place)
        gradient |= b.gradients.penalty_slots(place, "")
        gradient[f"pen.{place.tag}"] = f"{dW} += {lam} * {dW}" if part == "dev" else f"{dW} = {dW} + {lam} * {dW}"
        added = f"{db} += {b.penalty.of(bias)}"
        if b.penalty.at in ("apart", "fit"):
            biases[f"pen.{place.tag}"] = next(iter(b.gradients.penalty_slots(place).values())) + f"\n{added}"
        else:
            biases[f"db.{place.tag}"] = f"{b.gradients.bias(place)}\n{added}"
    yield Edit(("penalty-of-gradient",), "gradient", gradient, all_slots(b, "dW", "pen"))
    yield Edit(("penalty-on-biases",), "gradient", biases, all_slots(b, "db", "pen"))

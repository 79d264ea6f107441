"""Mistakes in the loss and in the first weights."""

from collections.abc import Iterator

from ..blueprint import Blueprint, Edit
from ..forms import Init, Loss


def losses(b: Blueprint, part: str) -> Iterator[Edit]:
    if b.loss is None:
        return
    for names, text in (*logarithms(b.loss, part), *picked(b.loss, part, b)):
        yield Edit(names, "loss", {"loss": text}, ("loss",))
    if b.penalty.kind != "none":
        for name, text in penalties(b.loss, part, b):
            yield Edit((name,), "loss", {"loss.pen": text}, ("loss", "loss.pen"))


Found = Iterator[tuple[tuple[str, ...], str]]


def logarithms(loss: Loss, part: str) -> Found:
    dev = part == "dev"
    yield ("loss-sign",), loss.statement(sign="+")
    if loss.mean:
        twice = f" / {loss.n} ** 2" if dev else f" / {loss.n} / {loss.n}"
        yield ("loss-averaged-twice",), loss.statement(divisor=twice)
    if loss.kind == "squared":
        return
    yield ("loss-log-base",), loss.statement(log="np.log10" if dev else "np.log2")
    yield ("loss-epsilon",), loss.statement(eps=" + 1e-2" if dev else " + 0.001")


def picked(loss: Loss, part: str, b: Blueprint) -> Found:
    p, y, n = loss.p, loss.y, loss.n
    if loss.kind == "binary":
        yield ("loss-half",), loss.statement(inner=f"{y} * np.log({p})")
        yield (
            ("loss-wrong-class", "loss-unknown"),
            loss.statement(inner=f"(1 - {y}) * np.log({p}) + {y} * np.log(1 - {p})"),
        )
    elif loss.kind == "index":
        yield ("loss-integer-labels",), loss.statement(inner=f"{y} * np.log({p}[range({n}), {y}])")
        shifted = f"{p}[range({n}), {y} - 1]" if part == "dev" else f"{p}[range({n}), -{y}]"
        yield ("loss-wrong-class",), loss.statement(pick=shifted)
    elif loss.kind == "one-hot":
        axis = 1 - b.dialect.samples_axis
        yield ("loss-wrong-class",), loss.statement(pick=f"np.roll({y}, {1 if part == 'dev' else -1}, axis={axis})")


def penalties(loss: Loss, part: str, b: Blueprint) -> Iterator[tuple[str, str]]:
    penalty, dev = b.penalty, part == "dev"
    yield "loss-penalty-sign", loss.penalty_statement(sign="-")
    scale = {
        "half": penalty.lam,
        "full": f"0.5 * {penalty.lam}",
        "mean": f"{penalty.lam} / {penalty.n}" if dev else penalty.lam,
    }
    yield "loss-penalty-scale", loss.penalty_statement(f"{scale[penalty.kind]} * ({penalty.squares})")
    if len(b.weights) > 1:
        sums = " + ".join(f"np.sum({W})" for W in b.weights)
        yield (
            "loss-penalty-form",
            loss.penalty_statement(
                f"{penalty.factor} * ({sums}) ** 2"
                if dev
                else f"{penalty.factor} * ({sums.replace('np.sum(', 'np.sum(np.abs(').replace(')', '))')})"
            ),
        )
        kept = b.weights[0 if dev else -1]
        yield "loss-penalty-layers", loss.penalty_statement(f"{penalty.factor} * np.sum({kept} ** 2)")
    elif penalty.squares.startswith("sum(np.sum("):
        loop = penalty.squares.split(" for ", 1)[1]  # with the bracket that closes the outer sum
        yield (
            "loss-penalty-form",
            loss.penalty_statement(f"{penalty.factor} * sum(np.sum({b.weights[0]}) for {loop} ** 2"),
        )


def starts(b: Blueprint, part: str) -> Iterator[Edit]:
    rows = (
        ("init-constant", "np.ones(({}))" if part == "dev" else "np.full(({}), 0.5)", None),
        ("init-constant", "np.zeros(({}))", ""),
        ("init-scale", "np.random.randn({})", " * 10" if part == "dev" else " * 25.0"),
        ("init-positive", "np.random.rand({})", None),
    )
    every = tuple(f"init.{init.tag}" for init in b.inits)
    for name, source, factor in rows:
        slots = {f"init.{init.tag}": init.statement(source, factor) for init in b.inits}
        yield Edit((name,), "initialisation", slots, every)
    yield Edit(("init-shared-seed",), "initialisation", shared_seed(b.inits, part), every)


def shared_seed(inits: tuple[Init, ...], part: str) -> dict[str, str]:
    slots = {}
    for init in inits:
        if init.before or part == "test":
            slots[f"init.{init.tag}"] = init.statement("np.random.RandomState(0).randn({})")
        else:
            slots[f"init.{init.tag}"] = f"np.random.seed(0)\n{init.statement()}"
    return slots

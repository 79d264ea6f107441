"""The statements of a network, built from names: the right one by default, a mistaken one when asked."""

from dataclasses import dataclass

from .dialect import Dialect, atom


@dataclass(frozen=True)
class Place:
    """A layer, or a loop over layers, of a backward pass, by the names that the program has for things.

    Attributes:
        tag: ends the names of its slots: `D.` (δ), `dW.`, `db.`, `pen.`.
        W, b, z, a, a_prev, z_prev, delta: of the layer; z and a may be "" where the program does not keep them.
        dW, db: where its gradients are put.
        above, W_above: δ and weights of the layer above; "" for the output, whose δ is in slot `out`.
        x: the network's input.
        z_other: z of a neighbouring layer.
        gate: what f′ is multiplied to, where that is done in a function of its own.
        form: the way of writing δ.

    A loop may have one place for δ and one for the gradients; dW, or `above`, is "" then.
    """

    tag: str
    W: str
    b: str
    delta: str
    dW: str
    db: str
    a_prev: str
    z: str = ""
    a: str = ""
    z_prev: str = ""
    above: str = ""
    W_above: str = ""
    x: str = ""
    z_other: str = ""
    gate: str = "grad"
    form: str = "product"

    def delta_statement(self, prop: str, slope: str | None) -> str:
        """δ = (what comes from above) · f′, in one of the ways of writing it."""
        d = self.delta
        if slope is None:
            return f"{d} = {prop}"
        match self.form:
            case "two":
                return f"{d} = {prop}\n{d} = {d} * {slope}"
            case "in place":
                return f"{d} = {prop}\n{d} *= {slope}"
            case "multiply":
                return f"{d} = np.multiply({prop}, {slope})"
            case "slope first":
                return f"{d} = {slope} * {wrapped(prop)}"
            case _:
                return f"{d} = {wrapped(prop)} * {slope}"


def wrapped(text: str) -> str:
    return atom(text) if " " in text else text


@dataclass(frozen=True)
class Penalty:
    """λ's part of loss and gradients.

    Attributes:
        kind: "none", "half" (λ/2 ΣW²), "mean" (λ/2N ΣW²) or "full" (λ ΣW²).
        lam, n: λ and N, as written.
        squares: ΣW² over all layers, for the loss.
        at: where the gradient's part stands: "inline" with dW, in a "statement" after it, in the "fit" function, or
            "apart", in a loop over layer objects.
    """

    kind: str
    lam: str
    n: str
    squares: str
    at: str = "inline"
    form: str = "plain"

    def of(self, W: str) -> str:
        match self.kind:
            case "mean":
                return f"{self.lam} / {self.n} * {W}" if self.form == "plain" else f"({self.lam} * {W}) / {self.n}"
            case "full":
                return f"2 * {self.lam} * {W}"
        return f"{self.lam} * {W}"

    @property
    def loss(self) -> str:
        return f"{self.factor} * ({self.squares})"

    @property
    def factor(self) -> str:
        return {"mean": f"{self.lam} / (2 * {self.n})", "full": self.lam}.get(self.kind, f"0.5 * {self.lam}")


@dataclass(frozen=True)
class Gradients:
    """dW and db. mean: 1/N is here, not in δ. single: one sample, so that δ itself is the bias's gradient."""

    dialect: Dialect
    n: str
    mean: bool
    penalty: Penalty
    spelling: str = "suffix"
    single: bool = False

    def averaged(self, expression: str, mean: bool | None) -> str:
        if not (self.mean if mean is None else mean):
            return expression
        if self.spelling == "prefix":
            return f"1 / {self.n} * {wrapped(expression)}"
        return f"{wrapped(expression)} / {self.n}"

    def weight(
        self, p: Place, a_prev: str = "", delta: str = "", mean: bool | None = None, times: str = "", raw: str = ""
    ) -> str:
        expression = raw or self.dialect.weights(a_prev or p.a_prev, delta or p.delta)
        expression = self.averaged(expression, mean)
        if times:
            expression = f"{times} * {wrapped(expression)}"
        return f"{p.dW} = {expression}{self.inline(p)}"

    def inline(self, p: Place) -> str:
        return f"«pin.{p.tag}»" if self.penalty.kind != "none" and self.penalty.at == "inline" else ""

    def bias(self, p: Place, delta: str = "", mean: bool | None = None, times: str = "", raw: str = "") -> str:
        delta = delta or p.delta
        expression = raw or (delta if self.single else self.dialect.total(delta))
        expression = self.averaged(expression, mean)
        return f"{p.db} = {f'{times} * ' if times else ''}{wrapped(expression) if times else expression}"

    def penalty_slots(self, p: Place, part: str | None = None, sign: str = "+") -> dict[str, str]:
        """The slot where λ's part stands; `part` replaces it, and "" takes it out."""
        penalty = self.penalty
        if penalty.kind == "none":
            return {f"pen.{p.tag}": ""}
        W, _, dW, _ = self.penalised(p)
        part = penalty.of(W) if part is None else part
        if penalty.at == "inline":
            return {f"pin.{p.tag}": f" {sign} {part}" if part else "", f"pen.{p.tag}": ""}
        return {f"pen.{p.tag}": f"{dW} {sign}= {part}" if part else ""}

    def penalised(self, p: Place) -> tuple[str, str, str, str]:
        """W, b, dW and db by the names that they have where λ's part is added."""
        if self.penalty.at == "apart":
            return "layer.W", "layer.b", "layer.dW", "layer.db"
        return p.W, p.b, p.dW, p.db


@dataclass(frozen=True)
class Slope:
    """f and f′. form: "call" (of z), "call a" (of a), "inline" (of a) or "inline z"; kind: one activation or "any"."""

    kind: str
    form: str
    f: str  # format strings with {}
    df: str

    def of(self, z: str, a: str) -> str:
        match self.form:
            case "call":
                return self.df.format(z)
            case "call a":
                return self.df.format(a)
            case "inline":
                return self.inline(a)
        return {
            "tanh": f"(1 - np.tanh({z}) ** 2)",
            "relu": f"({z} > 0)",
            "sigmoid": f"{self.f.format(z)} * (1 - {self.f.format(z)})",
        }[self.kind]

    def inline(self, a: str) -> str:
        return {"tanh": f"(1 - {a} ** 2)", "sigmoid": f"{a} * (1 - {a})", "relu": f"({a} > 0)"}[self.kind]


@dataclass(frozen=True)
class Output:
    """δ of the output. kind: "index" (softmax, class numbers), "one-hot" (softmax or sigmoid), "squared", "value".

    The mean stands here where it does not stand in the gradients. `slope` is f′ at the output for the squared error;
    `hidden_slope` is the hidden layers' f′ at z_L, which does not belong here.
    """

    kind: str
    dialect: Dialect
    delta: str
    p: str
    y: str
    n: str
    mean: bool
    z: str = ""
    slope: str = ""
    hidden_slope: str = ""
    form: str = ""
    binary: bool = False
    error: str = ""  # how p − y is written, if otherwise

    def statement(self, core: str = "", after: str = "", mean: bool | None = None, factor: str = "") -> str:
        """`core` replaces p − y, `factor` is multiplied to it, `after` are statements that follow."""
        mean = self.mean if mean is None else mean
        if self.kind == "index" and not core:
            lines = self.indexed()
            if factor:
                lines += f"\n{self.delta} = {self.delta} * {factor}"
            if mean:
                lines += (
                    f"\n{self.delta} /= {self.n}" if self.form != "new" else f"\n{self.delta} = {self.delta} / {self.n}"
                )
        else:
            expression = core or self.error or f"{self.p} - {self.y}"
            own = self.slope if self.kind == "squared" and factor != "none" else ""
            factors = [f for f in (own, "" if factor == "none" else factor) if f]
            if factors or mean:
                expression = " * ".join([wrapped(expression), *factors])
            lines = f"{self.delta} = {expression}" + (f" / {self.n}" if mean else "")
        return lines + (f"\n{after}" if after else "")

    def indexed(self, rows: str = "", labels: str = "", sign: str = "-") -> str:
        copy = {"new": f"np.array({self.p})", "alias": self.p, "times": f"{self.p} * 1.0"}.get(
            self.form, f"{self.p}.copy()"
        )
        rows = rows or (f"np.arange({self.n})" if self.form in ("new", "times") else f"range({self.n})")
        return f"{self.delta} = {copy}\n{self.delta}[{rows}, {labels or self.y}] {sign}= 1"


@dataclass(frozen=True)
class Loss:
    """The loss, into the variable `name`; kind as in `Output`, or "binary"."""

    kind: str
    name: str
    p: str
    y: str
    n: str
    mean: bool
    penalty: Penalty
    form: str = ""

    def statement(
        self, log: str = "np.log", sign: str = "-", pick: str = "", inner: str = "", divisor: str = "", eps: str = ""
    ) -> str:
        p = f"{self.p}{eps}"
        if inner:
            pass
        elif self.kind == "index":
            picked = pick or f"{self.p}[range({self.n}), {self.y}]"
            if self.form == "two":
                return self.in_two(f"{sign.replace('+', '')}{log}({picked}{eps})", divisor)
            inner = f"{log}({picked}{eps})"
        elif self.kind == "one-hot":
            inner = f"{pick or self.y} * {log}({p})"
        elif self.kind == "binary":
            inner = (
                f"{self.y} * {log}({p}) + (1 - {self.y}) * {log}(1 - {p})"
                if not eps
                else (f"{self.y} * {log}({p}) + (1 - {self.y}) * {log}(1 - {self.p}{eps})")
            )
        else:
            inner, sign = f"({self.p} - {self.y}) ** 2", "0.5 * " if sign == "-" else "-0.5 * "
        over = divisor or (f" / {self.n}" if self.mean else "")
        return f"{self.name} = {sign.replace('+', '')}np.sum({inner}){over}"

    def in_two(self, logs: str, divisor: str) -> str:
        over = divisor or (f" / {self.n}" if self.mean else "")
        return f"logs = {logs}\n{self.name} = np.sum(logs){over}"

    def penalty_statement(self, part: str | None = None, sign: str = "+") -> str:
        if self.penalty.kind == "none" or part == "":
            return ""
        return f"{self.name} {sign}= {part or self.penalty.loss}"


@dataclass(frozen=True)
class Init:
    """First weights.

    Attributes:
        tag, target: its slot `init.` and what it is assigned to.
        size, fan: the two lengths and d_in, as written.
        scale: "fan" (1/√d_in), "he" (√(2/d_in)), "small" (0.01) or "plain" (1).
        layer: a number that differs from layer to layer, in loops.
        before, after: what stands around it, in comprehensions.
    """

    tag: str
    target: str
    size: str
    fan: str
    scale: str
    layer: str = ""
    before: str = ""
    after: str = ""

    def statement(self, source: str = "np.random.randn({})", factor: str | None = None) -> str:
        usual = {"fan": f" / np.sqrt({self.fan})", "small": " * 0.01", "he": f" * np.sqrt(2 / {self.fan})", "plain": ""}
        factor = usual[self.scale] if factor is None else factor
        return f"{self.target} = {self.before}{source.format(self.size)}{factor}{self.after}"

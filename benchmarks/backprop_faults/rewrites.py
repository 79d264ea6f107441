"""Other ways of writing a correct statement: odd, and right."""

from collections.abc import Iterator

from .blueprint import Blueprint, Edit
from .forms import Place, wrapped


def rewrites(b: Blueprint, part: str) -> list[Edit]:
    """Texts for slots that leave every number as it is, round-off aside; a few are the same in both parts."""
    found = [*gradients(b, part), *outputs(b, part), *hidden(b, part), *losses(b, part)]
    return [Edit(("right",), "rewrite", slots, note=note) for note, slots in found]


Found = Iterator[tuple[str, dict[str, str]]]


def gradients(b: Blueprint, part: str) -> Found:
    for p in b.weighted:
        if not b.gradients.single:
            yield from sums(b, p, part)
        if part == "dev":
            yield "transposed twice", {f"dW.{p.tag}": b.gradients.weight(p, raw=turned(b, p))}
        else:
            yield "einsum", {f"dW.{p.tag}": b.gradients.weight(p, raw=einsum(b, p))}


def turned(b: Blueprint, p: Place) -> str:
    """(δᵀ a)ᵀ for aᵀ δ."""
    d = b.dialect
    first, second = (p.delta, p.a_prev) if d.in_out else (p.a_prev, p.delta)
    return d.t(d.dot(d.t(first), second) if d.rows else d.dot(first, d.t(second)))


def einsum(b: Blueprint, p: Place) -> str:
    a, delta = ("ni", "nj") if b.dialect.rows else ("in", "jn")
    return f"np.einsum('{a},{delta}->{'ij' if b.dialect.in_out else 'ji'}', {p.a_prev}, {p.delta})"


def sums(b: Blueprint, p: Place, part: str) -> Found:
    d = b.dialect
    a, delta = d.sample(p.a_prev, "k"), d.sample(p.delta, "k")
    count = f"{p.delta}.shape[{d.samples_axis}]"
    if part == "dev":
        yield (
            "loop over samples",
            {f"dW.{p.tag}": b.gradients.weight(p, raw=f"sum({d.outer(a, delta)} for k in range({count}))")},
        )
        ones = d.dot(f"np.ones((1, {count}))", p.delta) if d.rows else d.dot(p.delta, f"np.ones(({count}, 1))")
        flat = f"({ones}).reshape(-1)" if d.flat else ones
        yield "product with ones", {f"db.{p.tag}": b.gradients.bias(p, raw=flat)}
        return
    looped = "\n".join(
        (f"{p.dW} = np.zeros_like({p.W})", f"for k in range({count}):", f"    {p.dW} += {d.outer(a, delta)}")
    )
    over = f"\n{p.dW} /= {b.gradients.n}" if b.gradients.mean else ""
    inline = b.gradients.inline(p)
    yield "statements over samples", {f"dW.{p.tag}": looped + over + (f"\n{p.dW} = {p.dW}{inline}" if inline else "")}
    keep = "" if d.flat else ", keepdims=True"
    mean = f"{count} * np.mean({p.delta}, axis={d.samples_axis}{keep})"
    yield "mean times the number", {f"db.{p.tag}": b.gradients.bias(p, raw=mean)}
    shape = "-1" if d.flat else "1, -1" if d.rows else "-1, 1"
    yield "reshaped", {f"db.{p.tag}": b.gradients.bias(p, raw=f"{p.delta}.sum({d.samples_axis}).reshape({shape})")}


def outputs(b: Blueprint, part: str) -> Found:
    o = b.output
    if o.kind == "index":
        over = f" / {o.n}" if o.mean else ""
        yield "identity rows", {"out": f"{o.delta} = ({o.p} - np.eye({o.p}.shape[1])[{o.y}]){over}"}
        if part == "test":
            loop = f"for k in range({o.n}):\n    {o.delta}[k, {o.y}[k]] -= 1"
            yield (
                "loop over labels",
                {"out": f"{o.delta} = {o.p}.copy()\n{loop}" + (f"\n{o.delta} /= {o.n}" if o.mean else "")},
            )
        return
    yield "minus of the difference", {"out": o.statement(core=f"-({o.y} - {o.p})")}
    if o.binary and o.kind == "one-hot" and part == "test":
        slopes = f"({o.p} - {o.y}) / ({o.p} * (1 - {o.p})) * ({o.p} * (1 - {o.p}))"
        yield "by way of the output", {"out": o.statement(core=slopes)}
    if o.mean:
        yield "divided afterwards", {"out": o.statement(mean=False, after=f"{o.delta} /= {o.n}")}


def hidden(b: Blueprint, part: str) -> Found:
    for p in b.sloped:
        right = b.slope.of(p.z, p.a)
        if b.slope.kind == "relu" and part == "dev":
            yield "where", b.with_slope(p, f"np.where({p.z} > 0, 1.0, 0.0)")
        elif b.slope.kind == "tanh":
            yield (
                "other formula",
                b.with_slope(p, f"(1 - {p.a} * {p.a})" if part == "dev" else f"(1 + {p.a}) * (1 - {p.a})"),
            )
        elif b.slope.kind == "sigmoid":
            yield (
                "other formula",
                b.with_slope(p, f"({p.a} - {p.a} ** 2)" if part == "dev" else f"{p.a} * (1.0 - {p.a})"),
            )
        if part == "test":
            yield "times one", b.with_slope(p, f"1.0 * {wrapped(right)}")


def losses(b: Blueprint, part: str) -> Found:
    loss = b.loss
    if loss is None:
        return
    if loss.mean and part == "dev":
        yield (
            "mean at the front",
            {
                "loss": loss.statement(divisor="").replace(f" / {loss.n}", "")
                + f"\n{loss.name} = 1.0 / {loss.n} * {loss.name}"
            },
        )
    if loss.kind == "index":
        text = f"-np.mean(np.log({loss.p}[np.arange({loss.n}), {loss.y}]))"
        yield "mean of picked", {"loss": f"{loss.name} = {text}"}
    elif loss.kind == "one-hot" and part == "test":
        yield (
            "summed by class",
            {"loss": f"{loss.name} = np.sum(np.sum(-{loss.y} * np.log({loss.p}), axis=0)) / {loss.n}"},
        )
    elif loss.kind == "binary" and part == "test" and loss.mean:
        text = f"-(np.dot({loss.y}, np.log({loss.p}).T) + np.dot(1 - {loss.y}, np.log(1 - {loss.p}).T)) / {loss.n}"
        yield "dot of rows", {"loss": f"{loss.name} = np.squeeze({text})"}
    if loss.kind in ("index", "one-hot"):
        yield "tiny epsilon", {"loss": loss.statement(eps=" + 1e-12")}

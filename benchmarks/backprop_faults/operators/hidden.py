"""Mistakes in f′ and in what comes down from the layer above."""

from collections.abc import Iterator

from ..blueprint import MISSING, Blueprint, Edit
from ..forms import Place

Row = tuple[tuple[str, ...], str]


def slopes(b: Blueprint, part: str) -> Iterator[Edit]:
    for p in b.sloped:
        slope, also = b.slope, ("D." + p.tag, "slope")
        right = slope.of(p.z, p.a)
        yield Edit(("slope-missing",), "gradient", b.with_slope(p, MISSING), also)
        if slope.form in ("call", "inline z"):
            yield Edit(("slope-at-activation",), "gradient", b.with_slope(p, slope.of(p.a, p.a)), also)
        else:
            yield Edit(("activation-formula-at-z",), "gradient", b.with_slope(p, slope.of(p.z, p.z)), also)
        as_slope = p.a if part == "dev" else slope.f.format(p.z)
        yield Edit(
            ("activation-as-slope",),
            "gradient",
            b.with_slope(p, f"({as_slope})" if " " in as_slope else as_slope),
            also,
        )
        twice = f"{right} * {right}" if part == "dev" else f"{right} ** 2"
        yield Edit(("slope-twice",), "gradient", b.with_slope(p, twice), also)
        if p.z_other and slope.form in ("call", "inline z"):
            yield Edit(("slope-of-neighbour",), "gradient", b.with_slope(p, slope.of(p.z_other, p.z_other)), also)
        if "inline" in slope.form:
            for names, text in written(slope.kind, p, part):
                yield Edit(names, "gradient", b.with_slope(p, text), also)
        if slope.kind != "relu":
            # a slope below 1 becomes 0
            cut = f"{right}.astype(int)" if right.endswith(")") and "*" not in right else f"({right}).astype(int)"
            yield Edit(("gradient-cut",), "gradient", b.with_slope(p, cut), also)


def written(kind: str, p: Place, part: str) -> Iterator[Row]:
    """Slips of the pen in a slope that stands in the backward pass itself."""
    a, z, dev = p.a, p.z, part == "dev"
    if kind == "tanh":
        yield ("slope-formula",), f"(1 + {a} ** 2)" if dev else f"(1 - {a})"
        yield ("slope-of-other-function", "slope-formula"), f"{a} * (1 - {a})"
    elif kind == "sigmoid":
        yield ("slope-formula",), f"{a} * (1 + {a})" if dev else f"(1 - {a})"
        yield ("slope-of-other-function", "slope-formula"), f"(1 - {a} ** 2)"
    else:
        yield ("relu-slope",), f"np.clip({a}, 0, 1)" if dev else f"np.where({z} > 0, 1, 0.01)"
        yield ("relu-slope",), f"({z} < 0)" if dev else f"(1 - ({z} > 0))"


def definitions(b: Blueprint, part: str) -> Iterator[Edit]:
    for kind, slot in b.definitions.items():
        for names, text in defined(kind, b.argument, part):
            yield Edit(names, "gradient", {slot: text}, ())


def defined(kind: str, v: str, part: str) -> Iterator[Row]:
    """Slips in a function that should be a derivative; v is its argument, z or a."""
    dev = part == "dev"
    if kind == "relu":
        yield ("relu-slope",), f"np.clip({v}, 0, 1)" if dev else f"np.where({v} > 0, 1.0, 0.1)"
        yield ("relu-slope",), f"({v} < 0).astype(float)" if dev else f"np.where({v} > 0, 0.0, 1.0)"
        yield ("activation-as-slope", "relu-slope"), f"np.maximum(0, {v})"
        return
    f = f"np.tanh({v})" if kind == "tanh" else f"(1 / (1 + np.exp(-{v})))"
    a = f if v == "z" else v
    if v == "z":
        yield ("activation-formula-at-z",), "1 - z ** 2" if kind == "tanh" else "z * (1 - z)"
        yield ("activation-as-slope",), f
    if kind == "tanh":
        yield ("slope-formula",), f"1 - {a}" if dev else f"1 + {a} ** 2"
        yield ("slope-of-other-function", "slope-formula"), f"{a} * (1 - {a})"
    else:
        yield ("slope-formula",), f"{a} * (1 + {a})" if dev else f"1 - {a}"
        yield ("slope-of-other-function", "slope-formula"), f"1 - {a} ** 2"


def chain(b: Blueprint, part: str) -> Iterator[Edit]:
    for p in b.below:
        also = ("D." + p.tag, "prop")
        yield Edit(("weights-not-transposed",), "gradient", b.with_prop(p, b.prop(p, transposed=False)), also)
        if p.W not in ("", p.W_above):
            yield Edit(("wrong-weights",), "gradient", b.with_prop(p, b.prop(p, W=p.W)), also)
    if "if i > 0:" in b.slots.get("backward", ""):
        # δ goes past the first layer but one as if that were not there, which only equal widths allow
        skipped = b.slots["backward"].replace("if i > 0:", "if i > 1:" if part == "dev" else "if i not in (0, 1):")
        yield Edit(("layer-skipped",), "gradient", {"backward": skipped}, ())
    if "range" in b.slots:
        last = "range(len(self.«W») - 1, 0, -1)" if "all" in [p.tag for p in b.places] else "range(last - 1, 0, -1)"
        yield Edit(("gradient-cut",), "gradient", {"range": last}, ())
    if "loop" in b.slots:
        positive = "num_layers - 3" in b.slots["loop"] or "reversed" in b.slots["loop"]
        loop = "for l in range(self.num_layers - 3, 0, -1):" if positive else "for l in range(2, self.num_layers - 1):"
        yield Edit(("gradient-cut",), "gradient", {"loop": loop}, ())
    yield from updated_first(b, part)


def updated_first(b: Blueprint, part: str) -> Iterator[Edit]:
    """The step is taken in the backward pass, before the layer below has used the weights."""
    rate = "0.1" if part == "dev" else "0.05"
    slots = {}
    for p in b.weighted:
        update = f"{p.W} -= {rate} * {p.dW}" if part == "dev" else f"{p.W} += -{rate} * {p.dW}"
        slots[f"db.{p.tag}"] = f"{b.gradients.bias(p)}\n{update}"
    yield Edit(("weights-updated-first",), "gradient", slots, (*(f"D.{p.tag}" for p in b.below), "prop"))

"""Edits of slopes: a factor f′ put in, a formula for f′ in another's place, a square or a factor that is missing."""

import ast
import itertools
import re
from collections.abc import Iterator, Sequence

from backlight.checking.edits import Edit, Site, attainable, file_names, is_named, is_read, parsed

DERIVATIVE = ("deriv", "prime", "diff", "grad", "backward", "d_")


def with_slope(site: Site) -> Iterator[Edit]:
    """A factor f′ put to the right-hand side."""
    if site.value is not None:
        names = [name for name in attainable(site) if name.count("[") < 2]
        for slope in slopes_of(names, derivative_calls(site)):
            yield site.replace(site.value, f"{site.bracketed(site.value)} * {slope}")


def slopes_of(names: Sequence[str], calls: Sequence[str]) -> list[str]:
    """What f′ may be written as here: calls of derivative functions, and formulas in a and z."""
    found = list(calls)
    for name in names:
        last = name.split(".")[-1].lower()
        if (
            "[" in name
            or name in ("self.z", "self.a", "zs", "activations")
            or last[:1] in "azhlo"
            or "out" in last
            or "in" in last
            or "hat" in last
            or last in ("x", "s")
        ):
            found += [f"(1 - {name}**2)", f"{name} * (1 - {name})", f"({name} > 0)", f"(1 - np.tanh({name})**2)"]
    return found


def derivative_calls(site: Site) -> list[str]:
    """Calls in the program that look like a derivative, with every argument that stands in this function."""
    found: dict[str, None] = {}
    for node in ast.walk(parsed(site.source)):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and any(word in name.lower() for word in DERIVATIVE):
            function = ast.get_source_segment(site.source, node.func) or name
            rest = [ast.get_source_segment(site.source, a) or "" for a in node.args[1:]]
            for argument in attainable(site)[:40]:
                found[f"{function}({', '.join([argument, *rest])})"] = None
    return list(found)[:120]


FORMULAS = (
    "1 - np.tanh({0})**2",
    "1 - {0}**2",
    "{0} * (1 - {0})",
    "({0} > 0).astype(float)",
    "1 / (1 + np.exp(-{0})) * (1 - 1 / (1 + np.exp(-{0})))",
    "1 / (1 + np.exp(-{0}))",
    "np.where({0} > 0, 1.0, np.exp({0}))",
    "np.where({0} > 0, 1.0, {0} + 1)",
    "1 / (1 + np.abs({0}))**2",
)


def formulas(site: Site) -> list[str]:
    """Derivatives of known functions, with the program's own logistic function and its own slopes of a leak."""
    names = [n for n in file_names(site) if re.search(r"slope|alpha|leak|^a$", n, re.IGNORECASE)]
    constants = [node.value for node in ast.walk(parsed(site.source)) if isinstance(node, ast.Constant)]
    numbers = {repr(value) for value in constants if isinstance(value, float) and 0 < value < 1}
    leaks = [*names[:3], *sorted({"0.01", "0.1", *numbers})[:6]]
    logistic = [
        node.name
        for node in parsed(site.source).body
        if isinstance(node, ast.FunctionDef) and re.search(r"sig|logist|expit", node.name) and len(node.args.args) == 1
    ][:1]
    return [
        *FORMULAS,
        *(f"np.where({{0}} > 0, 1.0, {leak})" for leak in leaks),
        *(f"np.where({{0}} > 0, 1.0, {leak} * np.exp({{0}}))" for leak in names[:3]),
        *(f"{f}({{0}}) * (1 - {f}({{0}}))" for f in logistic),
        *(f"{f}({{0}})" for f in logistic),
    ]


def as_derivative(site: Site) -> Iterator[Edit]:
    """A factor of the right-hand side, or all of what is returned, as the derivative of a known function."""
    value = site.value
    if value is None:
        return
    products = [node for node in ast.walk(value) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)]
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call) and is_named(node, "multiply")]
    parts = [part for node in products for part in (node.right, node.left)] + [a for c in calls for a in c.args]
    returned = isinstance(site.statement, ast.Return)
    whole = [value] if returned or not is_read(value) else []
    forms = formulas(site)
    for node in ([*whole, *parts] if returned else [*parts, *whole])[:6]:
        given = [a.arg for a in site.function.args.args if a.arg != "self"] if returned else []
        for argument in dict.fromkeys([*arguments(site, node), *given]):
            for form in forms:
                text = form.format(argument)
                yield site.replace(node, text if node is value else f"({text})")


def as_chain(site: Site) -> Iterator[Edit]:
    """The right-hand side as g ⊙ f′(v), whatever it is made of: of what it reads, and of the function's arguments."""
    if site.value is None or is_read(site.value):
        return
    given = [argument.arg for argument in site.function.args.args if argument.arg != "self"]
    read = arguments(site, site.value)
    for gradient in dict.fromkeys([*(name for name in read if name in given), *given[-1:], *read[:1]]):
        for value in dict.fromkeys(name for name in [*read, *site.names()[:4]] if name != gradient):
            for form in FORMULAS:
                yield site.replace(site.value, f"{gradient} * ({form.format(value)})")


def as_softmax(site: Site) -> Iterator[Edit]:
    """g s (1 − s) → s (g − Σ g s): a row's p hang together."""
    if site.value is not None:
        read = arguments(site, site.value)
        for g, s in itertools.permutations(read, 2):
            for axis in (-1, 0):
                yield site.replace(site.value, f"{s} * ({g} - np.sum({g} * {s}, axis={axis}, keepdims=True))")


def arguments(site: Site, node: ast.expr) -> list[str]:
    """What a formula in an expression's place is taken of: what the expression reads, else what the function has."""
    called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    read = [
        site.text(part)
        for part in ast.walk(node)
        if isinstance(part, ast.expr)
        and is_read(part)
        and id(part) not in called
        and not site.is_method_or_module(part)
    ]
    return list(dict.fromkeys(read))[:3] or site.names()[:4]


def powered(site: Site) -> Iterator[Edit]:
    """A square that is missing: 1 − a → 1 − a², 1 / x → 1 / x²."""
    parts: list[ast.expr] = []
    for node in site.expressions():
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow | ast.MatMult):
            parts += [node.right, node.left]
        elif isinstance(node, ast.Call):
            parts.append(node)
    for part in parts:
        if not isinstance(part, ast.Constant):
            yield site.replace(part, f"{site.bracketed(part)}**2")


def multiplied(site: Site) -> Iterator[Edit]:
    """A factor that is missing in a term of a sum, or in a branch of np.where: one of the names at hand."""
    parts: list[ast.expr] = [] if site.value is None or is_read(site.value) else [site.value]
    for node in site.expressions():
        if isinstance(node, ast.Call) and is_named(node, "where"):
            parts += node.args[1:]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            parts += [node.right, node.left]
    near = [site.text(node) for node in site.expressions() if is_read(node) and not site.is_method_or_module(node)]
    names = list(dict.fromkeys([*near, *(a.arg for a in site.function.args.args), *site.names()]))[:10]
    for part in parts[:8]:
        for name in names:
            if name != "self" and name != site.text(part):
                yield site.replace(part, f"{site.bracketed(part)} * {name}")

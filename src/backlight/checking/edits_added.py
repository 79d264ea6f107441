"""Edits that put in what is missing: a factor, a slope, a penalty, a sum, a statement."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from backlight.checking.edits import Edit, Site, file_names, is_key, is_named, samples
from backlight.checking.roles import roles_of


def scaled(site: Site) -> Iterator[Edit]:
    """The whole right-hand side, or one operand in it, times or divided by a number that is at hand."""
    if site.value is None:
        return
    counts = samples(site)
    parts: list[ast.expr] = [site.value]
    parts += [node for node in site.expressions() if node is not site.value and isinstance(node, ast.BinOp | ast.Call)]
    for node in parts[:6]:
        text = site.bracketed(node)
        for count in counts:
            yield site.replace(node, f"{text} / {count}")
            yield site.replace(node, f"{text} * {count}")
        for number in ("2", "0.5"):
            yield site.replace(node, f"{number} * {text}")
        yield site.replace(node, f"-{text}")
        yield site.replace(node, f"{text}.sum(axis=0)")


def inserted(site: Site) -> Iterator[Edit]:
    """A statement after this one: the variable divided by N, or 1 taken from the true class."""
    statement = site.statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AugAssign):
        target = statement.target
    else:
        return
    base = target.value if isinstance(target, ast.Subscript) and not is_key(target) else target
    if isinstance(base, ast.Tuple | ast.List) or statement.end_lineno != statement.lineno:
        return
    name = site.text(base)
    start, end = site.span(statement)
    indent = site.source[site.starts[statement.lineno - 1] : start]
    if indent.strip():
        return
    labels = [n for n in site.names() if "[" not in n and "labels" in roles_of(n.split(".")[-1])][:2]
    added = [f"{name} /= {count}" for count in samples(site)[:5]]
    added += [f"{name}[np.arange(len({y})), {y}] -= 1" for y in labels]
    for text in added:
        yield Edit(site.file, end, end, f"\n{indent}{text}", statement.lineno + 1)


def doubled(site: Site) -> Iterator[Edit]:
    """A factor 2 or ½ put to any operand."""
    if site.value is None:
        return
    if isinstance(site.statement, ast.AugAssign) and isinstance(site.statement.op, ast.Mult | ast.Div):
        yield site.replace(site.value, f"-{site.bracketed(site.value)}")
    for node in ast.walk(site.value):
        if isinstance(node, ast.BinOp | ast.Call) and not (
            isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
        ):
            yield site.replace(node, f"2 * {site.bracketed(node)}")
            yield site.replace(node, f"0.5 * {site.bracketed(node)}")
            yield site.replace(node, f"-{site.bracketed(node)}")


def squared_inside(site: Site) -> Iterator[Edit]:
    """sum(x)**2 → sum(x**2), (sum(x) + sum(y))**2 → sum(x**2) + sum(y**2), and x → x**2 within a sum."""
    for node in site.expressions():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            sums = [n for n in ast.walk(node.left) if isinstance(n, ast.Call) and n.args and is_named(n, "sum")]
            inner = site.text(node.left)
            for call in [n for n in sums if not isinstance(n.args[0], ast.GeneratorExp)]:
                argument = site.text(call.args[0])
                inner = inner.replace(site.text(call), f"{site.text(call.func)}(({argument})**2)")
            yield site.replace(node, inner if inner.startswith("(") or len(sums) < 2 else f"({inner})")
        elif isinstance(node, ast.Call) and node.args and (is_named(node, "sum") or is_named(node, "abs")):
            yield site.replace(node, f"np.sum({site.bracketed(node.args[0])}**2)")


def indexed(site: Site) -> Iterator[Edit]:
    """p[y] → p[np.arange(len(y)), y], p[:, y] likewise; p −= 1 → p[np.arange(len(y)), y] −= 1."""
    for node in site.expressions():
        if isinstance(node, ast.Subscript):
            labels = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) else node.slice
            text = site.text(labels)
            if "labels" in roles_of(text.split(".")[-1]):
                yield site.replace(node, f"{site.text(node.value)}[np.arange(len({text})), {text}]")
                yield site.replace(node, f"{site.text(node.value)}[{text}, np.arange(len({text}))]")
    if isinstance(site.statement, ast.AugAssign) and isinstance(site.statement.target, ast.Name):
        for y in [n for n in site.names() if "labels" in roles_of(n.split(".")[-1])][:3]:
            target = site.statement.target
            yield site.replace(target, f"{target.id}[np.arange(len({y})), {y}]")


def grown(site: Site) -> Iterator[Edit]:
    """A sum over one more layer: sum(W1**2) → (sum(W1**2) + sum(W2**2)), range(n) → range(n + 1)."""
    for node in site.expressions():
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name == "range":
            for argument in node.args:
                yield site.replace(argument, f"{site.text(argument)} + 1")
                yield site.replace(argument, f"{site.text(argument)} - 1")
        elif name in ("sum", "norm"):
            text = site.text(node)
            for own in [n for n in site.names() if n in text and re.search(r"[Ww]", n)]:
                for other in site.names():
                    if other != own and re.sub(r"\d", "", other) == re.sub(r"\d", "", own):
                        yield site.replace(node, f"({text} + {text.replace(own, other)})")


def drawn(site: Site) -> Iterator[Edit]:
    """np.zeros(shape) and the like → small normal numbers of that shape."""
    for node in site.expressions():
        if isinstance(node, ast.Call) and node.args and getattr(node.func, "attr", "") in ("zeros", "ones", "full"):
            shape = site.text(node.args[0])
            kind = "" if re.search(r"\b1\s*\)|\(\s*1\b", shape) else "drawn"
            yield replace(site.replace(node, f"0.1 * np.random.randn(*{shape})"), kind=kind)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
            "rand",
            "random",
            "uniform",
            "random_sample",
        ):
            yield site.replace(node, f"({site.text(node)} - 0.5)")
            yield site.replace(node, f"(2 * {site.text(node)} - 1)")


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
            or last in ("x", "s")
        ):
            found += [f"(1 - {name}**2)", f"{name} * (1 - {name})", f"({name} > 0)", f"(1 - np.tanh({name})**2)"]
    return found


def derivative_calls(site: Site) -> list[str]:
    """Calls in the program that look like a derivative, with every argument that stands in this function."""
    found: dict[str, None] = {}
    tree = ast.parse(site.source)
    for node in ast.walk(tree):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and any(
            w in name.lower() for w in ("deriv", "prime", "diff", "grad", "backward", "d_")
        ):
            function = ast.get_source_segment(site.source, node.func) or name
            rest = [ast.get_source_segment(site.source, a) or "" for a in node.args[1:]]
            for argument in site.names()[:30]:
                found[f"{function}({', '.join([argument, *rest])})"] = None
    return list(found)[:80]


def with_slope(site: Site) -> Iterator[Edit]:
    """A factor f′ put to the right-hand side."""
    if site.value is not None:
        names = [name for name in site.names() if name.count("[") < 2]
        for slope in slopes_of(names, derivative_calls(site)):
            yield site.replace(site.value, f"{site.bracketed(site.value)} * {slope}")


def as_residual(site: Site) -> Iterator[Edit]:
    """The right-hand side as outputs − labels."""
    if site.value is None:
        return
    names = [name for name in site.names() if "(" not in name][:24]
    labels = [name for name in names if re.search(r"^(self\.)?([yYtT]|.*(label|target|hot|true)\w*)$", name)]
    for output in names:
        for label in labels:
            if label != output:
                yield site.replace(site.value, f"{output} - {label}")


def with_labels(site: Site) -> Iterator[Edit]:
    """− y put to the right-hand side."""
    if site.value is not None:
        for name in site.names():
            if "labels" in roles_of(name.split(".")[-1]):
                yield site.replace(site.value, f"{site.text(site.value)} - {name}")


def with_penalty(site: Site) -> Iterator[Edit]:
    """A term λW put to the right-hand side."""
    if site.value is not None:
        for term in penalty_terms(site, [name for name in site.names() if name.count("[") < 2]):
            yield site.replace(site.value, f"{site.text(site.value)} + {term}")


def penalty_terms(site: Site, names: Sequence[str]) -> list[str]:
    strengths = [n for n in file_names(site) if "penalty" in roles_of(n.split(".")[-1])]
    weights = [
        n
        for n in dict.fromkeys([*names, *(f for f in file_names(site) if re.match(r"self\.[Ww]\w{0,8}\d*$", f))])
        if n.split(".")[-1].strip("'\"]").split("[")[-1].strip("'\"").lower().startswith(("w", "theta"))
    ]
    counts = samples(site)[:3]
    terms = [f"{s} * {w}" for s in strengths for w in weights]
    return [*terms, *(f"2 * {t}" for t in terms), *(f"{t} / {c}" for t in terms for c in counts)][:120]


SUMS = ("np.sum({}, axis=0, keepdims=True)", "np.sum({}, axis=0)", "np.sum({}, axis=1, keepdims=True)",
        "np.sum({}, axis=1)", "{}")  # fmt: skip


def as_sum(site: Site) -> Iterator[Edit]:
    """The right-hand side as a sum of some array over the samples, or their mean, or as that array."""
    left = site.text(site.statement).split("=")[0]
    if site.value is not None and "b" in left:
        names = [n for n in site.names() if "(" not in n and n.count("[") < 2]
        names.sort(key=lambda name: re.match(r"(self\.)?(d|err|grad|up)", name) is None)
        for d in names[:16]:
            for form in SUMS:
                yield site.replace(site.value, form.format(d))
            for count in samples(site)[:3] if re.match(r"(self\.)?(d|err|grad|up)", d) else ():
                yield from (site.replace(site.value, f"{form.format(d)} / {count}") for form in SUMS[:4])
    for node in site.expressions():
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant | ast.UnaryOp):
            for axis in (0, 1):
                yield site.replace(node, f"np.sum({site.text(node.value)}, axis={axis}, keepdims=True)")
                yield site.replace(node, f"np.sum({site.text(node.value)}, axis={axis})")


DERIVATIVES = (
    "1 - np.tanh({0})**2",
    "1 - {0}**2",
    "{0} * (1 - {0})",
    "({0} > 0).astype(float)",
    "1 / (1 + np.exp(-{0})) * (1 - 1 / (1 + np.exp(-{0})))",
    "np.where({0} > 0, 1.0, 0.01)",
    "np.where({0} > 0, 1.0, 0.1)",
)


def as_derivative(site: Site) -> Iterator[Edit]:
    """The right-hand side, or a factor of it, as the derivative of a known function."""
    if site.value is None:
        return
    parts: list[ast.expr] = [site.value]
    parts += [
        node.right for node in ast.walk(site.value) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    ]
    parts += [
        node.left for node in ast.walk(site.value) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    ]
    for node in parts[:5]:
        within = [n for n in site.names() if n in site.text(node)][:3] or site.names()[:4]
        for argument in within:
            for form in DERIVATIVES:
                text = form.format(argument)
                yield site.replace(node, text if node is site.value else f"({text})")

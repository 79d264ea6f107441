"""Edits that put in what is missing: a factor, a penalty, a sum, an axis, a statement."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from backlight.checking.edits import Edit, Site, file_names, is_key, is_named, is_read, parsed, samples
from backlight.checking.roles import roles_of


def scaled(site: Site) -> Iterator[Edit]:
    """The whole right-hand side, or one operand in it, times or divided by a number that is at hand."""
    if site.value is None:
        return
    counts = samples(site)
    parts: list[ast.expr] = [site.value]
    parts += [node for node in site.expressions() if node is not site.value and isinstance(node, ast.BinOp | ast.Call)]
    parts = parts[:6]
    if isinstance(site.value, ast.Tuple):
        parts = [part for part in site.value.elts if not isinstance(part, ast.Constant)]
    for node in parts:
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
        power = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
        whole = node is site.value and not isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Dict)
        if isinstance(node, ast.expr) and (isinstance(node, ast.BinOp | ast.Call) or whole) and not power:
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
        elif isinstance(node, ast.Call) and node.args and is_named(node, "norm"):
            yield site.replace(node, f"{site.text(node)}**2")


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
            names = list(dict.fromkeys([*site.names(), *file_names(site)]))
            for own in [n for n in names if n in text and re.search(r"[Ww]", n)]:
                for other in names:
                    if other != own and re.sub(r"\d", "", other) == re.sub(r"\d", "", own):
                        yield site.replace(node, f"({text} + {text.replace(own, other)})")


def as_jacobian(site: Site) -> Iterator[Edit]:
    """diag(s) − s sᵀ, where a softmax's derivative has its diagonal alone."""
    for node in site.expressions():
        if isinstance(node, ast.Call) and node.args and (is_named(node, "diag") or is_named(node, "diagflat")):
            function = site.text(node.func)
            read = [
                site.text(n) for n in ast.walk(node.args[0]) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)
            ]
            for s in dict.fromkeys(read):
                yield site.replace(node, f"({function}({s}) - np.outer({s}, {s}))")


REDUCTIONS = ("sum", "mean", "max", "min", "argmax", "prod")


def summed_along(site: Site) -> Iterator[Edit]:
    """An axis for a sum, a mean or a maximum that has none; the shape kept where it is not."""
    for node in site.expressions():
        name = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
        if not isinstance(node, ast.Call) or name not in REDUCTIONS:
            continue
        text, given = site.text(node)[:-1], {keyword.arg for keyword in node.keywords}
        comma = ", " if node.args or node.keywords else ""
        if "axis" not in given:
            for axis in ("1", "0", "-1"):
                if "keepdims" not in given:
                    yield site.replace(node, f"{text}{comma}axis={axis}, keepdims=True)")
                yield site.replace(node, f"{text}{comma}axis={axis})")
        elif "keepdims" not in given:
            yield site.replace(node, f"{text}{comma}keepdims=True)")


def completed(site: Site) -> Iterator[Edit]:
    """y log p → y log p + (1 − y) log(1 − p): the half of the entropy that is missing."""
    for node in site.expressions():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            y, log = node.left, node.right
        elif isinstance(node, ast.Call) and is_named(node, "multiply") and len(node.args) == 2:
            y, log = node.args
        else:
            continue
        for label, part in ((y, log), (log, y)):
            if isinstance(part, ast.Call) and is_named(part, "log") and part.args:
                sign = "-" if isinstance(label, ast.UnaryOp) else "+"
                plain = label.operand if isinstance(label, ast.UnaryOp) else label
                other = f"(1 - {site.bracketed(plain)}) * {site.text(part.func)}(1 - {site.bracketed(part.args[0])})"
                yield site.replace(node, f"({site.text(node)} {sign} {other})")


def encoded(site: Site) -> Iterator[Edit]:
    """Labels by way of a function of the program, such as one_hot(y); or y log p → log p[i, y_i]."""
    functions = [
        node.name
        for node in parsed(site.source).body
        if isinstance(node, ast.FunctionDef) and len(node.args.args) - len(node.args.defaults) == 1
    ]
    functions.sort(key=lambda name: re.search(r"hot|enc|bin|label", name, re.IGNORECASE) is None)
    for node in site.expressions():
        if is_read(node) and "labels" in roles_of(site.text(node).split(".")[-1]):
            y = site.text(node)
            yield from (site.replace(node, f"{function}({y})") for function in functions[:6])
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for label, log in ((node.left, node.right), (node.right, node.left)):
                if isinstance(log, ast.Call) and is_named(log, "log"):
                    sign = "-" if isinstance(label, ast.UnaryOp) and isinstance(label.op, ast.USub) else ""
                    names = [site.text(n) for n in ast.walk(label) if isinstance(n, ast.Name | ast.Attribute)]
                    for y in [name for name in names if "labels" in roles_of(name.split(".")[-1])][:1]:
                        picks = (f"np.arange(len({y})), {y}", f"{y}, np.arange(len({y}))")
                        yield from (site.replace(node, f"{sign}{site.text(log)}[{pick}]") for pick in picks)


def wrapped(site: Site) -> Iterator[Edit]:
    """A variable by way of a function of the program: z → sigmoid(z)."""
    tree = parsed(site.source)
    functions = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and len(n.args.args) == 1]
    for node in site.expressions():
        if isinstance(node, ast.Name) and is_read(node) and not site.is_method_or_module(node):
            yield from (site.replace(node, f"{function}({node.id})") for function in functions[:6])


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


def as_residual(site: Site) -> Iterator[Edit]:
    """The right-hand side as outputs − labels."""
    if site.value is None:
        return
    near = [site.text(node) for node in ast.walk(site.value) if isinstance(node, ast.expr) and is_read(node)]
    known = site.names()
    names = [name for name in dict.fromkeys([*near, *known]) if name in known and "(" not in name][:24]
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

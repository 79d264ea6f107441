"""Edits that drop what was too much, or put another name, operator, number or order in its place."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from backlight.checking.edits import Edit, Site, attainable, file_names, is_key, is_read, parsed, samples, stepped
from backlight.checking.roles import roles_of


def dropped(site: Site) -> Iterator[Edit]:
    """x * y → x or y, x / y → x, x + y → x or y, x − y → x, −x → x, x > 0 → x, f(x) → x."""
    for node in site.expressions():
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Mult | ast.Add | ast.Div | ast.Sub | ast.Pow):
                yield site.replace(node, site.bracketed(node.left))
                yield from (site.replace(node, site.bracketed(start)) for start in starts_of(node))
            if isinstance(node.op, ast.Mult | ast.Add):
                yield site.replace(node, site.bracketed(node.right))
        elif isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.UAdd):
            yield site.replace(node, site.bracketed(node.operand))
        elif isinstance(node, ast.Compare):
            yield site.replace(node, site.bracketed(node.left))
        elif isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
            yield site.replace(node, site.text(node.args[0]))
            changing = isinstance(node.func, ast.Attribute) and node.func.attr in ("astype", "round", "clip")
            if isinstance(node.func, ast.Attribute) and (changing or not site.is_method_or_module(node.func)):
                yield site.replace(node, site.bracketed(node.func.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield site.replace(node, site.bracketed(node.func.value))


def all_samples(site: Site) -> Iterator[Edit]:
    """Without picking samples: delta[:, [-1]] @ a[:, [-1]].T → delta @ a.T, and the mean of that."""
    picked = [node for node in site.expressions() if isinstance(node, ast.Subscript) and picks(node.slice)]
    if site.value is None or not picked:
        return
    start, text = site.span(site.value)[0], site.text(site.value)
    for node in sorted(picked, key=lambda node: -site.span(node)[1]):
        text = text[: site.span(node.value)[1] - start] + text[site.span(node)[1] - start :]
    yield site.replace(site.value, text)
    yield from (site.replace(site.value, f"({text}) / {count}") for count in samples(site))


def picks(index: ast.expr) -> bool:
    """Whether an index takes some of the rows or columns: [:1], [:, [-1]]; not [l - 1], which takes one of a list."""
    inner = list(ast.walk(index))
    numbers = [part for part in inner if isinstance(part, ast.Constant) and isinstance(part.value, int)]
    several = any(isinstance(part, ast.Slice | ast.List) for part in inner)
    return several and bool(numbers) and not any(isinstance(part, ast.Name) for part in inner)


def starts_of(node: ast.BinOp) -> list[ast.expr]:
    """a and a * b of a * b * c / d: several factors in a row may be too many."""
    found, part = [], node.left
    while isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult | ast.Div):
        part = part.left
        found.append(part)
    return found[:3] if isinstance(node.op, ast.Mult | ast.Div) else []


def renamed(site: Site) -> Iterator[Edit]:
    """One variable, attribute or key for another of the same function, or of the same object."""
    names = [*site.names(), *(name for name in file_names(site) if name.startswith("self."))]
    for node in site.expressions():
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load):
            own = site.text(node)
            if site.is_method_or_module(node) or own not in names:
                continue
            for other in names:
                if other != own and alike(own, other):
                    yield site.replace(node, other)
                    yield from everywhere(site, own, other, node)


def everywhere(site: Site, own: str, other: str, first: ast.expr) -> Iterator[Edit]:
    """A variable for another wherever it stands in the statement: 1 − h2 * h2 → 1 − h1 * h1."""
    same = [node for node in site.expressions() if is_read(node) and site.text(node) == own]
    if len(same) > 1 and same[0] is first:
        edits = [site.replace(node, other) for node in same]
        yield replace(edits[0], also=tuple(edits[1:]))


def argument_renamed(site: Site) -> Iterator[Edit]:
    """What a function is called with, where that is computed on the spot, for a variable: f′(X @ W) → f′(a)."""
    for node in site.expressions():
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Call | ast.BinOp):
            names = [name for name in site.names() if "[" not in name and name != "self"]
            yield from (site.replace(node.args[0], name) for name in names[:20])


def alike(one: str, other: str) -> bool:
    """Names that are easily confused: the same letters or the same number, or one of them the input."""
    letters = [re.sub(r"[\d\W_]|self|cache|params", "", name) for name in (one, other)]
    figures = [re.sub(r"\D", "", name) for name in (one, other)]
    keyed = "[" in one and letters[0].lower().startswith(("grad", "param"))
    if keyed or letters[0].startswith("np") or max(map(len, letters)) > 12:
        return letters[0] == letters[1]
    same_number = bool(figures[0]) and figures[0] == figures[1]
    inputs = any("input" in roles_of(name) and len(name) < 8 for name in (one, other)) and min(map(len, letters)) <= 2
    unnumbered = not (figures[0] and figures[1]) and (max(map(len, letters)) <= 2 or figures[0] == figures[1])
    return letters[0] == letters[1] or same_number or inputs or unnumbered


def turned(site: Site) -> Iterator[Edit]:
    """W → W.T, W.T → W, x @ y → y @ x, np.dot(x, y) → np.dot(y, x)."""
    for node in site.expressions():
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield site.replace(node, site.text(node.value))
        elif is_read(node) and not site.is_method_or_module(node):
            yield site.replace(node, f"{site.text(node)}.T")
        pair = operands(node)
        if pair:
            yield from swapped(site, pair)
    if site.value is not None:
        yield site.replace(site.value, f"{site.bracketed(site.value)}.T")


def operands(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The two sides of a difference, a product of matrices or np.dot."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Sub):
        return node.left, node.right
    if (
        isinstance(node, ast.Call)
        and len(node.args) == 2
        and getattr(node.func, "attr", "") in ("dot", "matmul", "outer")
    ):
        return node.args[0], node.args[1]
    return None


def swapped(site: Site, pair: tuple[ast.expr, ast.expr]) -> Iterator[Edit]:
    left, right = site.span(pair[0]), site.span(pair[1])
    between = site.source[left[1] : right[0]]
    text = f"{site.bracketed(pair[1])}{between}{site.bracketed(pair[0])}"
    yield Edit(site.file, left[0], right[1], text, pair[0].lineno)


OPERATORS: dict[type, Sequence[str]] = {
    ast.Add: ("-", "*"),
    ast.Sub: ("+",),
    ast.Mult: ("/", "@", "+"),
    ast.Div: ("*",),
    ast.MatMult: ("*",),
    ast.Pow: ("*",),
    ast.Gt: ("<", ">=", "<="),
    ast.Lt: (">", ">=", "<="),
    ast.GtE: ("<", ">", "<="),
    ast.LtE: (">", "<", ">="),
    ast.Eq: ("!=", ">", "<"),
    ast.NotEq: ("==", ">", "<"),
}


def reoperated(site: Site) -> Iterator[Edit]:
    """Another operator between the same operands; += for =, and so on."""
    for node in site.expressions():
        if isinstance(node, ast.BinOp):
            yield from between(site, node.left, node.right, OPERATORS.get(type(node.op), ()))
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from between(site, node.left, node.comparators[0], OPERATORS.get(type(node.ops[0]), ()))
        elif isinstance(node, ast.Subscript) and "mask" in site.text(node.slice):
            yield site.replace(node.slice, f"~{site.bracketed(node.slice)}")
    statement = site.statement
    if isinstance(statement, ast.AugAssign):
        yield from between(site, statement.target, statement.value, ("=", "+=", "-=", "*=", "/="))
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        yield from between(site, statement.targets[0], statement.value, ("+=",))


def between(site: Site, left: ast.expr, right: ast.expr, operators: Sequence[str]) -> Iterator[Edit]:
    start, end = site.span(left)[1], site.span(right)[0]
    gap = site.source[start:end]
    symbol = "".join(character for character in gap if character in "+-*/@<>=!")
    if not symbol or gap.count(symbol) != 1:
        return
    for other in operators:
        if other != symbol:
            yield Edit(site.file, start, end, gap.replace(symbol, other), left.lineno)


FAMILIES_OF_NAMES = (
    ("sum", "mean"),
    ("log", "log10", "log2", "log1p"),
    ("tanh", "sinh", "cosh", "sin"),
    ("max", "min"),
    ("maximum", "minimum"),
    ("randn", "rand", "random"),
    ("zeros", "ones"),
    ("normal", "uniform"),
    ("standard_normal", "random"),
    ("zeros_like", "ones_like"),
    ("sqrt", "square"),
    ("square", "abs"),
)


def another_function(site: Site) -> Iterator[Edit]:
    """np.mean → np.sum, f → another function of the program."""
    functions = [node.name for node in ast.walk(parsed(site.source)) if isinstance(node, ast.FunctionDef)]
    for node in site.expressions():
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            for family in FAMILIES_OF_NAMES:
                if node.func.attr in family:
                    yield from (renamed_call(site, node.func, other) for other in family if other != node.func.attr)
            for other in functions:
                if node.func.attr in functions and other != node.func.attr and not other.startswith("__"):
                    yield renamed_call(site, node.func, other)
        elif isinstance(node.func, ast.Name) and node.func.id in functions:
            yield from (site.replace(node.func, other) for other in functions if other != node.func.id)


def another_constant(site: Site) -> Iterator[Edit]:
    """True → False, another number, another of the function's short strings."""
    strings = {
        node.value
        for node in ast.walk(parsed(site.source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()
    }
    for node in site.expressions():
        if isinstance(node, ast.Constant):
            yield from constants(site, node, strings)


def renamed_call(site: Site, function: ast.Attribute, other: str) -> Edit:
    return site.replace(function, f"{site.text(function.value)}.{other}")


def constants(site: Site, node: ast.Constant, strings: set[str]) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield site.replace(node, str(not value))
    elif isinstance(value, int | float):
        near = [value + 1, value - 1] if isinstance(value, int) else []
        for other in (*near, 0, 1, 2, 0.5, 3, 0.01, 0.1):
            if other != value:
                yield site.replace(node, str(other) if other >= 0 else f"({other})")
    elif isinstance(value, str) and value in strings and len(value) < 12:
        near_strings = [
            other for other in sorted(strings) if other != value and len(other) < 12 and alike(value, other)
        ]
        yield from (site.replace(node, repr(other)) for other in near_strings)


def unless(site: Site) -> Iterator[Edit]:
    """x * y only under a condition that the program knows: `x if self.is_output else x * y`, and the reverse."""
    if site.value is None:
        return
    for test in conditions(site):
        for node in [n for n in ast.walk(site.value) if isinstance(n, ast.BinOp)][:3]:
            whole, left, right = site.text(node), site.text(node.left), site.text(node.right)
            for part in (left, right):
                yield site.replace(node, f"({part} if {test} else {whole})")
                yield site.replace(node, f"({whole} if {test} else {part})")


def conditions(site: Site) -> list[str]:
    """Short conditions of the program on plain names and attributes that this function can see too."""
    found: dict[str, None] = {}
    for node in ast.walk(parsed(site.source)):
        if isinstance(node, ast.If | ast.IfExp):
            text = ast.get_source_segment(site.source, node.test) or ""
            if len(text) < 40 and "(" not in text and "__name__" not in text:
                found[text] = None
    return list(found)[:8]


def deleted(site: Site) -> Iterator[Edit]:
    """The statement is left out; an assignment that only repeats or changes a variable, mostly."""
    if isinstance(site.statement, ast.AugAssign | ast.Expr | ast.Assign | ast.If):
        yield site.replace(site.statement, "pass")


def exchanged(site: Site) -> Iterator[Edit]:
    """Two neighbouring statements in the other order, at up to four places' distance."""
    index = list(site.block).index(site.statement)
    for other in site.block[index + 1 : index + 5]:
        start, middle_end = site.span(site.statement)
        end = site.span(other)[1]
        later = site.source[middle_end:end]
        indent = site.source[site.starts[site.statement.lineno - 1] : start]
        if not indent.strip():
            moved = later.lstrip("\n").lstrip() + "\n" + indent + site.text(site.statement)
            yield Edit(site.file, start, end, moved, site.statement.lineno)


def with_index(site: Site) -> Iterator[Edit]:
    """One element of a list for another: zs[i] → activations[i], a[i] → a[i + 1], W[i] → W[i - 1]."""
    bases = [name for name in attainable(site) if "[" not in name and "(" not in name][:20]
    indices = [site.text(n.slice) for n in ast.walk(site.function) if isinstance(n, ast.Subscript)]
    indices += [stepped(index, step) for index in indices for step in (-1, 1) if re.fullmatch(r"-?[a-z]\w?", index)]
    indexed_lists = [f"{name}[{index}]" for name in bases for index in dict.fromkeys(indices) if len(index) < 8]
    for node in site.expressions():
        if isinstance(node, ast.Name) and is_read(node) and "input" in roles_of(node.id)[:1]:
            yield from (site.replace(node, other) for other in indexed_lists)
    for node in site.expressions():
        if not (isinstance(node, ast.Subscript) and is_read(node)) or isinstance(node.slice, ast.Tuple | ast.Slice):
            continue
        base, index = site.text(node.value), site.text(node.slice)
        near = () if is_key(node) else [*spelled(index, -1), *spelled(index, 1)]
        for other in near:
            yield site.replace(node, f"{base}[{other}]")
        for name in bases:
            if name != base:
                for other in (index, *near):
                    yield site.replace(node, f"{name}[{other}]")


def spelled(index: str, step: int) -> list[str]:
    """An index one further, also within a key: f"W{l}" → f"W{l - 1}", "W" + str(l) → "W" + str(l - 1)."""
    if not re.search("['\"]", index):
        return [stepped(index, step)]
    inner = r"(?<=\{)[^{}'\"]+(?=\})|(?<=str\()[^()]+(?=\))"
    within = re.sub(inner, lambda found: stepped(found[0], step), index)
    return [within] if within != index else []

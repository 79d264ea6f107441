"""Small edits of source text that might mend a mistake: what was too much is dropped, what is missing is put in.

Each family is a generator of edits of one statement. They know nothing of mistakes: which edit mends is found out
by trying (`repair`). Edits are of the text between two positions, so formatting and comments stay as they are.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from backlight.checking.roles import roles_of


@dataclass(frozen=True)
class Edit:
    """Replace text[start:end] of a file by `text`.

    Attributes:
        line: of the edited expression.
        also: the same edit in other places.
        kind: what counts as the same edit, where the texts differ.
    """

    file: str
    start: int
    end: int
    text: str
    line: int
    also: tuple["Edit", ...] = ()
    kind: str = ""

    @property
    def pieces(self) -> tuple["Edit", ...]:
        return (self, *self.also)

    def applied(self, source: str) -> str:
        for piece in sorted(self.pieces, key=lambda piece: -piece.start):
            source = source[: piece.start] + piece.text + source[piece.end :]
        return source

    def operation(self, source: str) -> tuple[str, str]:
        """What is replaced by what, whatever the layer's number: the same for W1 → W1.T and W2 → W2.T."""
        if self.kind:
            return self.kind, ""
        return unnumbered(source[self.start : self.end]), unnumbered(self.text)


def unnumbered(text: str) -> str:
    """Without layers' numbers; X counts as the activation of layer 0."""
    return re.sub(r"\b(self\.)?[XxAah]\d*\b", "A", re.sub(r"\d+", "#", text).replace("#", ""))


def together(edits: Sequence[Edit], source: str) -> list[Edit]:
    """The same operation in every place where it is possible, as one edit; only what has more than one place."""
    groups: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        groups.setdefault(edit.operation(source), []).append(edit)
    found = []
    for group in groups.values():
        apart = [group[0]]
        for edit in sorted(group[1:], key=lambda edit: edit.start):
            if all(edit.end <= other.start or edit.start >= other.end for other in apart):
                apart.append(edit)
        if len(apart) > 1:
            found.append(replace(apart[0], also=tuple(apart[1:])))
    return found


@dataclass(frozen=True)
class Site:
    """A statement that was executed, and what stands around it.

    Attributes:
        statement: the statement.
        function: the function it belongs to.
        block: the statements it stands among.
        source: the whole text.
        starts: offset of each line.
    """

    file: str
    statement: ast.stmt
    function: ast.FunctionDef
    block: Sequence[ast.stmt]
    source: str
    starts: tuple[int, ...]

    def span(self, node: ast.AST) -> tuple[int, int]:
        first, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        return (
            self.starts[first - 1] + self.column(first, node.col_offset),  # type: ignore[attr-defined]
            self.starts[last - 1] + self.column(last, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def column(self, line: int, offset: int) -> int:
        """Characters before a column that the parser counts in UTF-8 bytes."""
        text = self.source[self.starts[line - 1] : self.starts[line] if line < len(self.starts) else None]
        return len(text.encode()[:offset].decode(errors="ignore"))

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def replace(self, node: ast.AST, text: str) -> Edit:
        start, end = self.span(node)
        return Edit(self.file, start, end, text, node.lineno)  # type: ignore[attr-defined]

    def bracketed(self, node: ast.AST) -> str:
        """The text of an operand, in brackets where it is not one name, call or number."""
        text = self.text(node)
        return (
            text
            if isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Subscript | ast.Constant)
            else f"({text})"
        )

    @property
    def value(self) -> ast.expr | None:
        """The right-hand side, or what is returned."""
        if isinstance(self.statement, ast.Assign | ast.AugAssign | ast.Return | ast.AnnAssign):
            return self.statement.value
        call = self.statement.value if isinstance(self.statement, ast.Expr) else None
        return call.args[0] if isinstance(call, ast.Call) and call.args else None  # grads.append(…)

    def expressions(self) -> Iterator[ast.expr]:
        """Every expression of the statement itself, not of statements inside it."""
        for field, child in ast.iter_fields(self.statement):
            if field in ("body", "orelse", "finalbody", "handlers"):
                continue
            for node in child if isinstance(child, list) else [child]:
                if isinstance(node, ast.AST):
                    yield from (part for part in ast.walk(node) if isinstance(part, ast.expr))

    def names(self) -> list[str]:
        """Variables, attributes and keyed values of the function, as they are written."""
        found: dict[str, None] = {}
        for argument in self.function.args.args:
            found[argument.arg] = None
        for node in ast.walk(self.function):
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not self.is_method_or_module(node):
                found[self.text(node)] = None
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.UnaryOp):  # zs[-l] suggests zs[-1] too
                found[f"{self.text(node.value)}[-1]"] = None
        return list(found)

    def is_method_or_module(self, node: ast.expr) -> bool:
        text = self.text(node)
        return text in ("np", "numpy", "self", "range", "len") or text.startswith(("np.", "numpy.")) or len(text) > 30


Family = Callable[[Site], Iterator[Edit]]


def dropped(site: Site) -> Iterator[Edit]:
    """x * y → x or y, x / y → x, x + y → x or y, x − y → x, −x → x, f(x) → x."""
    for node in site.expressions():
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Mult | ast.Add | ast.Div | ast.Sub | ast.Pow):
                yield site.replace(node, site.bracketed(node.left))
            if isinstance(node.op, ast.Mult | ast.Add):
                yield site.replace(node, site.bracketed(node.right))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield site.replace(node, site.bracketed(node.operand))
        elif isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
            yield site.replace(node, site.text(node.args[0]))
            if isinstance(node.func, ast.Attribute) and not site.is_method_or_module(node.func):
                yield site.replace(node, site.text(node.func.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield site.replace(node, site.text(node.func.value))


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


def alike(one: str, other: str) -> bool:
    """Names that are easily confused: the same letters or the same number, or one of them the input."""
    letters = [re.sub(r"[\d\W_]|self|cache|params", "", name) for name in (one, other)]
    figures = [re.sub(r"\D", "", name) for name in (one, other)]
    if letters[0].lower().startswith(("grad", "param", "np")) or max(map(len, letters)) > 12:
        return letters[0] == letters[1]
    same_number = bool(figures[0]) and figures[0] == figures[1]
    inputs = any("input" in roles_of(name) and len(name) < 8 for name in (one, other)) and min(map(len, letters)) <= 2
    return letters[0] == letters[1] or same_number or inputs or (not figures[0] and not figures[1])


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


def is_read(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load)


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
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
}


def reoperated(site: Site) -> Iterator[Edit]:
    """Another operator between the same operands; += for =, and so on."""
    for node in site.expressions():
        if isinstance(node, ast.BinOp):
            yield from between(site, node.left, node.right, OPERATORS.get(type(node.op), ()))
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from between(site, node.left, node.comparators[0], OPERATORS.get(type(node.ops[0]), ()))
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
    functions = [node.name for node in ast.walk(ast.parse(site.source)) if isinstance(node, ast.FunctionDef)]
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
        for node in ast.walk(ast.parse(site.source))
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
    for node in ast.walk(ast.parse(site.source)):
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


def samples(site: Site) -> list[str]:
    """Expressions that may be the number of samples: m, N, len(X), X.shape[0], y.shape[1]."""
    plain = [name for name in site.names() if "samples" in roles_of(name) and "[" not in name]
    arguments = [a.arg for a in site.function.args.args if {"input", "labels", "outputs"} & set(roles_of(a.arg))]
    attributes = [
        name for name in site.names() if name.startswith("self.") and {"input", "labels"} & set(roles_of(name[5:]))
    ]
    return [
        *plain,
        *(f"{a}.shape[{axis}]" for a in [*arguments, *attributes][:3] for axis in (0, 1)),
        *(f"len({a})" for a in arguments[:2]),
    ]


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


def is_key(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)


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


def is_named(call: ast.Call, name: str) -> bool:
    return getattr(call.func, "attr", getattr(call.func, "id", "")) == name


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


def with_index(site: Site) -> Iterator[Edit]:
    """One element of a list for another: zs[i] → activations[i], a[i] → a[i + 1], W[i] → W[i - 1]."""
    bases = [name for name in site.names() if "[" not in name and "(" not in name][:20]
    indices = [site.text(n.slice) for n in ast.walk(site.function) if isinstance(n, ast.Subscript)]
    indices += [f"{index} {sign} 1" for index in indices for sign in "-+" if re.fullmatch(r"-?[a-z]\w?", index)]
    indexed_lists = [f"{name}[{index}]" for name in bases for index in dict.fromkeys(indices) if len(index) < 8]
    for node in site.expressions():
        if isinstance(node, ast.Name) and is_read(node) and "input" in roles_of(node.id)[:1]:
            yield from (site.replace(node, other) for other in indexed_lists)
    for node in site.expressions():
        if not (isinstance(node, ast.Subscript) and is_read(node)) or isinstance(node.slice, ast.Tuple | ast.Slice):
            continue
        base, index = site.text(node.value), site.text(node.slice)
        for other in (f"{index} + 1", f"{index} - 1"):
            yield site.replace(node, f"{base}[{other}]")
        for name in bases:
            if name != base:
                for other in (index, f"{index} - 1", f"{index} + 1"):
                    yield site.replace(node, f"{name}[{other}]")


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


def file_names(site: Site) -> list[str]:
    found: dict[str, None] = dict.fromkeys(a.arg for a in site.function.args.args)
    for node in ast.walk(ast.parse(site.source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            found[f"self.{node.attr}"] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.col_offset == 0:
            found[node.id] = None
    return list(found)


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


# Which families mend which mistakes, by the beginning of the mistake's name; the others are tried after them.
CHEAP: tuple[Family, ...] = (
    dropped, deleted, reoperated, another_function, another_constant, doubled, turned, indexed, squared_inside, grown,
)  # fmt: skip
PREFERRED: dict[str, tuple[Family, ...]] = {
    "penalty": (dropped, doubled, deleted, reoperated, another_constant, with_penalty),
    "penalty-of": (renamed, with_index, another_constant),
    "penalty-sign": (reoperated, dropped, doubled, another_constant),
    "penalty-missing": (with_penalty, another_constant, reoperated),
    "loss-penalty": (dropped, doubled, squared_inside, grown, reoperated, another_constant),
    "loss": (dropped, doubled, indexed, another_function, reoperated, another_constant),
    "summed": (another_function, inserted, dropped, scaled),
    "averaged": (dropped, deleted, another_function, scaled),
    "mean": (another_function, dropped, scaled, inserted),
    "constant": (dropped, doubled, another_constant, deleted, reoperated),
    "slope-of-neighbour": (renamed, with_index, another_constant, another_function),
    "slope-missing": (with_slope, another_function, unless, as_derivative),
    "slope": (dropped, another_function, reoperated, another_constant, as_derivative, renamed, with_slope),
    "activation": (another_function, as_derivative, dropped, renamed, with_slope),
    "relu": (reoperated, another_function, another_constant, dropped, as_derivative, renamed),
    "labels": (indexed, with_labels, inserted, another_function, reoperated, renamed),
    "labels-shifted": (dropped, another_constant, reoperated, indexed),
    "output-slope-missing": (with_slope, another_function, as_derivative),
    "output-slope": (dropped, deleted, unless, another_function),
    "output-squared": (dropped, deleted, unless, another_function),
    "output-sign": (turned, reoperated, doubled, dropped),
    "one-from-all": (indexed, with_labels, another_constant, inserted, renamed),
    "softmax-diagonal": (with_labels, as_residual),
    "bias": (as_sum, another_constant, another_function, dropped, scaled),
    "weights-updated": (exchanged,),
    "weights-not": (turned,),
    "weights-transposed": (turned,),
    "wrong-weights": (with_index, renamed, another_constant),
    "input-in": (with_index, renamed, another_constant),
    "preactivation": (with_index, renamed, another_constant),
    "own-activation": (with_index, renamed, another_constant),
    "gradient-cut": (deleted, another_constant, grown, reoperated, dropped),
    "init": (another_function, deleted, drawn, another_constant, dropped, renamed),
    "accumulated": (reoperated, deleted),
}
COSTLY: tuple[Family, ...] = (
    inserted, with_labels, as_residual, unless, renamed, with_index, as_derivative, scaled, with_slope, with_penalty,
    as_sum, exchanged,
)  # fmt: skip


def families_for(mistake: str) -> list[Family]:
    """All families, those first that mend mistakes of this name."""
    fitting = [start for start in PREFERRED if mistake.startswith(start)]
    first = PREFERRED[max(fitting, key=len)] if fitting else ()
    return [*first, *(family for family in (*CHEAP, *COSTLY) if family not in first)]


def line_starts(source: str) -> tuple[int, ...]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return tuple(starts)


def sites(file: str, source: str, tree: ast.Module, lines: set[int]) -> list[Site]:
    """Statements of functions that stand on these lines, the last first: near the loss, where most mistakes are."""
    starts = line_starts(source)
    found: list[Site] = []

    def visit(block: list[ast.stmt], function: ast.FunctionDef | None) -> None:
        for statement in block:
            owner = statement if isinstance(statement, ast.FunctionDef) else function
            if owner is not None and owner is not statement and statement.lineno in lines:
                found.append(Site(file, statement, owner, block, source, starts))
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(statement, field, None)
                if isinstance(inner, list):
                    visit(inner, owner)

    visit(tree.body, None)
    return found

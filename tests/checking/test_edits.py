"""Edits change one expression and nothing beside it: not the layout, not a comment, whatever letters stand before."""

import ast
import io
import tokenize
from keyword import iskeyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlight.checking.edit_families import stages_for
from backlight.checking.edits import Edit, sites
from backlight.checking.edits_added import inserted, scaled
from backlight.checking.edits_exchanged import another_function, deleted, dropped, renamed, reoperated, turned
from backlight.checking.wording import WORDINGS

SOURCE = '''\
"""Ein Netz mit Umlauten: äöü, 中文, 🎓."""
import numpy as np


class Netz:
    def zurück(self, X, y, a1, a2):   # δ = p − t
        n, größe = len(X), 1.0  # "größe" ist die Schrittweite
        δ2 = (a2 - y) / n           # 🎓 Ausgabe
        δ1 = (δ2 @ self.W2.T) * (1 - a1 ** 2) # é: innere Schicht
        self.dW2 = np.dot(  a1.T , δ2 )   # odd   spacing
        self.dW1 = np.dot(X.T,  # in the middle
                          δ1)
        self.db1 = np.sum(δ1, axis=0); self.db2 = np.mean(δ2, axis=0)  # zwei
        if größe > 0.5: self.dW1 *= größe
        return self.dW1, self.dW2
'''
LINES = SOURCE.splitlines()


def all_sites(source=SOURCE):
    return sites("netz.py", source, ast.parse(source), set(range(1, source.count("\n") + 2)))


def edited(family, line, source=SOURCE):
    """The line with each edit of the statements that begin on it; lines are counted from 1."""
    found = []
    for site in all_sites(source):
        if site.statement.lineno == line:
            found += [edit.applied(source).splitlines()[line - 1].strip() for edit in family(site)]
    return found


def comments(source):
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize(
    ("family", "line", "wanted"),
    [
        (dropped, 8, "δ2 = (a2 - y)           # 🎓 Ausgabe"),
        (dropped, 9, "δ1 = (δ2 @ self.W2.T) # é: innere Schicht"),
        (dropped, 9, "δ1 = (δ2 @ self.W2.T) * (1 - a1) # é: innere Schicht"),
        (renamed, 9, "δ1 = (δ2 @ self.W2.T) * (1 - a2 ** 2) # é: innere Schicht"),
        (turned, 9, "δ1 = (δ2 @ self.W2) * (1 - a1 ** 2) # é: innere Schicht"),
        (turned, 10, "self.dW2 = np.dot(  δ2 , a1.T )   # odd   spacing"),
        (reoperated, 9, "δ1 = (δ2 @ self.W2.T) * (1 + a1 ** 2) # é: innere Schicht"),
        (another_function, 13, "self.db1 = np.sum(δ1, axis=0); self.db2 = np.sum(δ2, axis=0)  # zwei"),
        (another_function, 13, "self.db1 = np.mean(δ1, axis=0); self.db2 = np.mean(δ2, axis=0)  # zwei"),
        (scaled, 10, "self.dW2 = np.dot(  a1.T , δ2 ) / n   # odd   spacing"),
        (deleted, 8, "pass           # 🎓 Ausgabe"),
    ],
)
def test_what_stands_beside_stays(family, line, wanted):
    assert wanted in edited(family, line)


def families():
    return list(dict.fromkeys(family for name in WORDINGS for stage in stages_for(name) for family in stage))


@pytest.mark.parametrize("family", families(), ids=lambda family: family.__name__)
def test_every_edit_stays_within_its_function(family):
    head, body = "\n".join(LINES[:6]), LINES[6:]
    for site in all_sites():
        for edit in family(site):
            after = edit.applied(SOURCE)
            assert after.startswith(head)
            assert len(after.splitlines()) - len(LINES) <= 1
            kept = sum(line in after for line in body)
            assert kept >= len(body) - 6, (family.__name__, edit)
            pieces = getattr(edit, "pieces", (edit,))
            outside = all(0 <= piece.start <= piece.end <= len(SOURCE) for piece in pieces)
            assert outside, edit


@pytest.mark.parametrize("family", families(), ids=lambda family: family.__name__)
def test_comments_at_the_ends_of_lines_survive(family):
    """All but those within what is replaced, such as the one between the arguments of line 11."""
    for site in all_sites():
        for edit in family(site):
            after = edit.applied(SOURCE)
            try:
                found = comments(after)
            except (tokenize.TokenError, IndentationError):  # an edit that is no Python is tried and refused
                continue
            assert set(comments(SOURCE)) - set(found) <= {"# in the middle"}, edit


def test_most_edits_are_python():
    """What is no Python is refused when it is tried; it must be the exception."""
    good = bad = 0
    for site in all_sites():
        for family in families():
            for edit in family(site):
                try:
                    ast.parse(edit.applied(SOURCE))
                    good += 1
                except SyntaxError:
                    bad += 1
    assert good > 200
    assert bad < good / 20


def test_a_statement_is_put_behind_with_its_indent():
    site = next(site for site in all_sites() if site.statement.lineno == 8)
    afters = [edit.applied(SOURCE).splitlines() for edit in inserted(site)]
    assert any(after[8].startswith("        δ2 /= n") for after in afters)
    assert all(len(after) == len(LINES) + 1 for after in afters)


names = st.from_regex(r"[a-zA-Zα-ωäöüßéñ一-龥_][a-zα-ω0-9]{0,5}", fullmatch=True).filter(str.isidentifier)


@given(st.lists(names, min_size=3, max_size=3, unique=True), st.text("äé中🎓 x", max_size=8), st.integers(0, 3))
def test_columns_are_counted_in_characters(variables, remark, indent):
    """Python's parser counts them in bytes."""
    a, b, c = (f"{name}_" if iskeyword(name) else name for name in variables)
    space = " " * indent
    source = f'def f({a}, {b}):\n    "{remark}"; {c} ={space} {a} *{space} ({b} - 1)  # {remark}|\n    return {c}\n'
    wanted = f'    "{remark}"; {c} ={space} {a}  # {remark}|'
    found = [edit.applied(source).splitlines()[1] for site in all_sites(source) for edit in dropped(site)]
    assert wanted in found


def test_an_edit_replaces_what_it_says():
    assert Edit("netz.py", 2, 4, "--", 1).applied("abcdef") == "ab--ef"

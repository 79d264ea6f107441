import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from backlight.checking.verdict import Effect, Finding, Patch, TensorCheck, Verdict
from backlight.intervals import rate_interval
from backlight.reports.check_text import encodable, print_verdict
from backlight.reports.check_words import SEVERITY_WORDS, headline, visible

DIFF = """--- my_network.py
+++ my_network.py
@@ -53,3 +53,3 @@
     def backprop(self, da):
-        dz = da * slope(self.z)
+        dz = da
         self.dW = self.x.T @ dz
\\ No newline at end of file
"""
PATCH = Patch(
    file="my_network.py",
    line=54,
    before="        dz = da * slope(self.z)\n",
    after="        dz = da\n",
    diff=DIFF,
    proof="all 2 gradients agree with central differences to 3.1e-09.",
    effect=Effect("make_moons, 3,000 passes, step 0.01", 20, 3, 20, 0.612, 0.987),
)
MISTAKE = Finding(
    code="BL330",
    name="output-slope",
    kind="gradient",
    severity="prevents",
    title="The output's error is multiplied by a slope",
    explanation="Softmax takes z of the last layer directly, so the slope there is 1.",
    formula="δ_L = (ŷ − y) / N",
    evidence=("relative error 0.41",),
    equivalents=("slope-of-input", "slope-twice"),
    tensor="W2",
    file="my_network.py",
    line=54,
    text="        dz = da * slope(self.z)  # [bold]not markup[/bold]",
    patch=PATCH,
)
UNKNOWN = Finding("BL399", "unknown", "gradient", "slows", "W1's gradient is wrong", "No known mistake gives it.")
REMARK = Finding("BL120", "log-offset", "loss", "note", "1e-9 in the log", "", file="losses.py", line=3)
TENSORS = (TensorCheck("W2", (3, 2), 0.41, False), TensorCheck("b2", (), 0.0, True))
WRONG = Verdict(
    file="my_network.py",
    status="wrong",
    subject="class Network, trained by fit",
    objective="mean cross-entropy + λ/2 ‖W‖²",
    gradient_class="broken chain rule",
    findings=(MISTAKE,),
    tensors=TENSORS,
    notes=("accuracy was not looked at",),
    seconds=2.3,
)
SEVERAL = replace(WRONG, findings=(MISTAKE, replace(MISTAKE, code="BL101", line=12, patch=None), UNKNOWN, REMARK))
RIGHT = Verdict("my_network.py", "right", tensors=TENSORS[1:], gradient_class="right")
UNCHECKED = Verdict("my_network.py", "unchecked", "it does not import.", 3)
EVERY_KIND = {"wrong": WRONG, "several": SEVERAL, "right": RIGHT, "unchecked": UNCHECKED}


def printed(verdict, width=80, encoding="utf-8", **settings):
    bytes_written = io.BytesIO()
    stream = io.TextIOWrapper(bytes_written, encoding=encoding, newline="\n")
    print_verdict(verdict, Console(file=stream, width=width, **settings))
    stream.flush()
    return bytes_written.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (WRONG, "my_network.py: 1 mistake, on line 54"),
        (
            SEVERAL,
            "my_network.py: 3 mistakes, on lines 12 and 54, 1 of them not traced to a line; "
            "1 remark, on line 3 of losses.py",
        ),
        (RIGHT, "my_network.py: all gradients are right"),
        (replace(RIGHT, tensors=()), "my_network.py: no gradient was compared"),
        (replace(RIGHT, findings=(MISTAKE,)), "my_network.py: all gradients are right; 1 mistake, on line 54"),
        (replace(WRONG, findings=()), "my_network.py: 1 of 2 gradients is wrong"),
        (replace(WRONG, findings=(UNKNOWN,)), "my_network.py: 1 mistake, not traced to a line"),
        (UNCHECKED, "my_network.py: could not be checked: it does not import (line 3)"),
        (replace(UNCHECKED, line=None), "my_network.py: could not be checked: it does not import"),
    ],
)
def test_the_answer_is_the_first_line(verdict, line):
    assert headline(verdict) == line
    assert printed(verdict, 200).splitlines()[0] == line


def test_the_report_holds_everything_and_in_order():
    expected = [
        "class Network",
        "λ/2 ‖W‖²",
        "not the derivative of any function",
        "BL330, training fails",
        "54 | dz = da * slope(self.z)  # [bold]not markup[/bold]",
        "δ_L = (ŷ − y) / N",
        "relative error 0.41",
        "the slope there is 1",
        "slope-of-input, slope-twice",
        "    -        dz = da * slope(self.z)\n    +        dz = da\n",
        "agree with central differences",
        "3 of 20",
        "61.2 %",
        "20 of 20",
        "3 × 2",
        "4.1e-01",
        "WRONG",
        "right",
        "accuracy was not looked at",
        "2.3 seconds",
    ]
    text, place = printed(WRONG, 100), 0
    for words in expected:
        place = text.index(words, place)
    assert "+++" not in text
    assert "No newline" not in text


def test_the_interval_is_wilsons():
    share = rate_interval([True] * 3 + [False] * 17)
    assert f"{100 * share.low:.0f} to {100 * share.high:.0f} %" in printed(WRONG)


def test_every_severity_is_said_in_words():
    for severity, words in SEVERITY_WORDS.items():
        assert f"BL330, {words}: " in printed(replace(WRONG, findings=(replace(MISTAKE, severity=severity),)), 120)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("name", EVERY_KIND)
def test_prose_and_tables_fit_and_every_encoding_holds_them(name, encoding, width):
    for line in printed(EVERY_KIND[name], width, encoding).splitlines():
        assert len(line) <= width
        assert "\\u" not in line


def test_lines_of_a_program_are_never_broken():
    text = "x = " + " + ".join(["weight"] * 40)
    mended = replace(PATCH, diff="", before=text, after=f"{text} + 1")
    lines = printed(replace(WRONG, findings=(replace(MISTAKE, text=text, patch=mended),)), 60).splitlines()
    assert f"    54 | {text}" in lines
    assert f"    -{text}" in lines
    assert f"    +{text} + 1" in lines


def test_colour_changes_no_words():
    coloured = printed(WRONG, force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == printed(WRONG)


def test_a_file_cannot_steer_the_terminal():
    text = printed(replace(WRONG, findings=(replace(MISTAKE, text="x = '\x1b[2J\u202e\x07'"),)))
    assert r"x = '\x1b[2J\u202e\x07'" in text
    assert "\x1b" not in text


def test_what_an_encoding_cannot_hold_is_spelled_out():
    assert encodable("σ′(z) ≤ ½, café, 中", "ascii") == r"sigma'(z) <= 1/2, cafe, \u4e2d"
    assert encodable("café, ŷ", "cp1252") == "café, y_hat"
    assert encodable("σ′(z)", "utf-8") == "σ′(z)"


hostile = st.text(st.characters()) | st.sampled_from(["[bold]", "[/]", "[link=x]a[/link]", ":smile:", "\r\n\t[red]"])


@given(hostile, st.sampled_from(["utf-8", "ascii", "cp1252"]), st.integers(20, 120))
def test_hostile_text_is_printed_as_it_is(text, encoding, width):
    finding = replace(
        MISTAKE, title=text, explanation=text, evidence=(text,), text=f"{text};", equivalents=(text,), tensor=text,
        patch=replace(PATCH, before=text, diff=text, proof=text),
    )  # fmt: skip
    verdict = Verdict(text, "wrong", subject=text, findings=(finding,), tensors=TENSORS, notes=(text,))
    shown = printed(verdict, width, encoding)
    line = encodable(f"54 | {visible(text + ';').replace(chr(10), ' ').strip()}", encoding).expandtabs(8)
    assert "".join(line.split()) in "".join(shown.split())

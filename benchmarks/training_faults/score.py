"""Answers held against the truth, and counted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from backlight.intervals import rate_interval

from .cases import HEALTHY, Case
from .contestants import Named, Said

FALSE_ALARMS = "false alarms"


class Judged(NamedTuple):
    """A case, whether its fault hurts (None for a healthy run), and what each contestant said."""

    case: Case
    admitted: bool | None
    said: Mapping[str, Said]


def questions(case: Case, admitted: bool | None, said: Said) -> dict[str, bool]:
    """The answers that this case gives to the benchmark's questions."""
    if case.sort == HEALTHY:
        return {FALSE_ALARMS: said.alarmed}
    right = [each for each in said.named if each.name in case.accepted]
    first_three = set(said.causes[:3])
    first = said.causes[:1] != () and said.causes[0] in case.accepted
    found = {
        "detected": said.alarmed or bool(right),
        "cause first": first,
        "cause in three": any(each.name in first_three for each in right),
    }
    if case.layers:
        found["right layer"] = any(same_layer(each, case.layers) for each in right if each.name in first_three)
    prefix = "benign: " if not admitted else "held out: " if case.held_out else ""
    return {prefix + question: yes for question, yes in found.items()}


def same_layer(named: Named, layers: Sequence[str]) -> bool:
    """Whatever tensor of a layer was named: "act/a2", "W2" and "2" are one, "relu(conv1)" and "conv1.bias" another."""
    words = re.findall(r"[A-Za-z_]\w*|\d+", named.layer)
    plain = {re.sub(r"^[Wbaz](?=\d+$)", "", word) for word in words}
    return bool(plain & set(layers))


def counted(rows: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Rates with Wilson's intervals: contestant, then question."""
    contestants = list(dict.fromkeys(name for row in rows for name in row.said))
    return {
        name: rates([questions(case, admitted, said[name]) for case, admitted, said in rows]) for name in contestants
    }


def rates(answers: Sequence[Mapping[str, bool]]) -> dict[str, Any]:
    names = dict.fromkeys(question for each in answers for question in each)
    found = {name: [each[name] for each in answers if name in each] for name in names}
    return {name: {"yes": sum(given), **asdict(rate_interval(given))} for name, given in found.items()}


def by_cause(rows: Sequence[Judged], contestant: str) -> dict[str, dict[str, Any]]:
    """Of each cause: how often it is right where it is named first, how often faults of it are named first.

    Precision is over healthy runs and admitted faults, recall over admitted faults whose most exact cause it is;
    held-out operators are left out of both.
    """
    counting = [row for row in rows if row.admitted is not False and not row.case.held_out]
    precise: dict[str, list[bool]] = {}
    recalled: dict[str, list[bool]] = {}
    detected: dict[str, list[bool]] = {}
    for case, _, said in counting:
        answer = said[contestant]
        first = answer.causes[:1] if answer.alarmed or case.sort != HEALTHY else ()
        for name in first:
            precise.setdefault(name, []).append(name in case.accepted)
        if case.sort != HEALTHY:
            recalled.setdefault(case.accepted[0], []).append(bool(set(first) & set(case.accepted)))
            detected.setdefault(case.accepted[0], []).append(answer.alarmed)
    return {
        name: {
            "precision": asdict(rate_interval(precise.get(name, []))),
            "recall": asdict(rate_interval(recalled.get(name, []))),
            "detected": asdict(rate_interval(detected.get(name, []))),
        }
        for name in sorted({*precise, *recalled})
    }


def by_operator(rows: Sequence[Judged], contestant: str) -> dict[str, dict[str, Any]]:
    """Of each operator: n, and how many were detected and named first; of healthy kinds: n and false alarms."""
    found: dict[str, dict[str, Any]] = {}
    for case, admitted, said in rows:
        name = f"{HEALTHY}: {case.kind}" if case.sort == HEALTHY else case.sort + ("" if admitted else " (benign)")
        entry = found.setdefault(name, {"n": 0})
        entry["n"] += 1
        for question, yes in questions(case, admitted, said[contestant]).items():
            short = question.split(": ")[-1]
            entry[short] = entry.get(short, 0) + yes
    return found

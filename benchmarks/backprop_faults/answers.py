"""What `backlight check FILE --json` says of a case, and what of it is right."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .truth import Case, Mistake
from .verify import agrees

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """A verdict as JSON, or why there is none.

    Attributes:
        verdict: the Verdict's fields; empty if the command failed.
        failure: what it printed then.
        seconds: wall time of the command.
    """

    verdict: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    seconds: float = 0.0

    @property
    def status(self) -> str:
        return str(self.verdict.get("status", "failed"))

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        """Those that are alarms."""
        found = [each for each in self.verdict.get("findings", []) if each.get("severity") != "note"]
        return found if self.status == "wrong" else []

    @property
    def alarm(self) -> bool:
        return self.status == "wrong"

    def __str__(self) -> str:
        if not self.verdict:
            return f"failed: {self.failure.strip()[-300:]}"
        rows = [
            f"{each.get('name')} (or {', '.join(each.get('equivalents', [])) or 'nothing else'}) "
            f"line {each.get('line')} tensor {each.get('tensor')} {'patch' if each.get('patch') else 'no patch'}"
            for each in self.findings
        ]
        reason = self.verdict.get("reason", "")
        of = self.verdict.get("gradient_class")
        return "; ".join([f"{self.status}{f': {reason}' if reason else ''}{f', {of}' if of else ''}", *rows])


def names_of(finding: Mapping[str, Any]) -> set[str]:
    return {finding.get("name", ""), *finding.get("equivalents", [])}


def finding_of(mistake: Mistake, answer: Answer) -> Mapping[str, Any] | None:
    return next((each for each in answer.findings if names_of(each) & set(mistake.names)), None)


def judged(case: Case, answer: Answer) -> dict[str, bool]:
    """Each question that this case asks, and whether it was answered rightly."""
    if case.sort == "correct":
        return {
            "false alarms": answer.alarm,
            "correct programs unchecked": not answer.alarm and answer.status != "right",
        }
    found: dict[str, bool] = {"mistakes detected": answer.alarm}
    if any(mistake.harmful for mistake in case.mistakes):
        found["harmful mistakes detected"] = answer.alarm
    accepted = {name for mistake in case.mistakes for name in mistake.names} | {UNKNOWN}
    found["wrong names"] = any(not names_of(each) & accepted for each in answer.findings)
    if case.sort == UNKNOWN:
        return found | unseen(case, answer)
    matched = [finding_of(mistake, answer) for mistake in case.mistakes]
    if case.sort == "pair":
        return found | {"pairs: both named": all(matched), "pairs: one or both named": any(matched)}
    first = answer.findings[0] if answer.findings else {}
    mistake = case.mistakes[0]
    found["singles named"] = bool(names_of(first) & set(mistake.names))
    found["singles: right line"] = first.get("line") in mistake.lines
    found["singles: patch offered"] = bool(first.get("patch"))
    if mistake.kind != "initialisation":  # whose patch no gradient can confirm
        found["singles: patch confirmed"] = confirmed(case, first.get("patch"))
    return found


def unseen(case: Case, answer: Answer) -> dict[str, bool]:
    first = answer.findings[0] if answer.findings else {}
    named = UNKNOWN in names_of(first) or bool(names_of(first) & set(case.mistakes[0].names))
    tensor = any(same_tensor(name, str(first.get("tensor") or "")) for name in case.tensors)
    of = not case.gradient_class or answer.verdict.get("gradient_class") == case.gradient_class
    return {
        "unseen: called unknown": named,
        "unseen: right tensor": tensor,
        "unseen: right class": of and answer.alarm,
        "unseen: all three": named and tensor and of,
        "unseen: right line": first.get("line") in case.mistakes[0].lines,
    }


def words(name: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*|\d+", name)


def same_tensor(truth: str, said: str) -> bool:
    """`W1` is `params['W1']`, `net.W1` and, as a gradient, `dW1`; `W[0]` is `self.W[0]`.

    >>> same_tensor("W1", "params['W1']"), same_tensor("layers[0].W", "net.layers[0].W"), same_tensor("W1", "W2")
    (True, True, False)
    """
    wanted, given = words(truth), words(said)
    ending = given[-len(wanted) :]
    return ending == wanted or ending == [f"d{wanted[0]}", *wanted[1:]]


def confirmed(case: Case, patch: Mapping[str, Any] | None) -> bool:
    """Whether the program with the patch passes a gradient check that is not the checker's own."""
    if not patch:
        return False
    mended = patched(case.text, int(patch["line"]), str(patch["before"]), str(patch["after"]))
    return mended is not None and agrees(case, mended)


def patched(text: str, line: int, before: str, after: str) -> str | None:
    """The text with the lines exchanged; None if those before do not stand there."""
    lines, old, new = text.split("\n"), before.rstrip("\n").split("\n"), after.rstrip("\n").split("\n")
    old, new = [] if before == "" else old, [] if after == "" else new
    start = line - 1
    if [each.strip() for each in lines[start : start + len(old)]] != [each.strip() for each in old]:
        return None
    return "\n".join([*lines[:start], *new, *lines[start + len(old) :]])

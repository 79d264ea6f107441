"""A Verdict in SARIF 2.1.0, the format that editors and code hosts show beside the line.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import os
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from backlight.checking.verdict import Finding, Patch, Severity, Verdict
from backlight.reports.check_words import (
    SEVERITY_WORDS,
    account_parts,
    headline,
    lines_of,
    one_line,
    path_of,
    visible,
)

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: dict[Severity, str] = {"prevents": "error", "slows": "warning", "rescales": "warning", "note": "note"}

Node = dict[str, Any]


def sarif(verdict: Verdict) -> Node:
    """One run with a result for each finding; ready for `json.dump`.

    Paths are given relative to the working directory where they lie below it, so run the check at the repository's
    root. A file that could not be checked has no results but a notification of level error.
    """
    codes = list(dict.fromkeys(each.code for each in verdict.findings))
    rules = [rule(next(each for each in verdict.findings if each.code == code)) for code in codes]
    run = {
        "tool": {"driver": {"name": "backlight", "version": version("backlight"), "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation(verdict)],
        "results": [result(each, codes.index(each.code), verdict) for each in verdict.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def rule(finding: Finding) -> Node:
    """The mistake in general, told from the first finding of its code."""
    described: Node = {
        "id": finding.code,
        "name": finding.name,
        "shortDescription": message(finding.title),
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
        "properties": {"tags": [finding.kind]},
    }
    if finding.explanation:
        described["fullDescription"] = message(finding.explanation)
    if finding.formula:
        described["help"] = message(f"It should be: {finding.formula}")
    return described


def result(finding: Finding, rule_index: int, verdict: Verdict) -> Node:
    found: Node = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": LEVELS[finding.severity],
        "message": message(result_text(finding)),
        "locations": [location(path_of(finding.file, verdict), finding.line)],
    }
    if finding.patch:
        found["fixes"] = [fix(finding.patch, verdict)]
    return found


def result_text(finding: Finding) -> str:
    """The title and severity as a sentence, then what is said of the mistake."""
    opening = f"{one_line(finding.title).rstrip('.')} ({SEVERITY_WORDS[finding.severity]})."
    return "\n".join([opening, *(f"{part.label}: {'; '.join(part.lines)}" for part in account_parts(finding))])


def message(text: str) -> Node:
    """A message; a bracket that would make a link of somebody's formula is set apart."""
    return {"text": visible(text).replace("](", "] (")}


def location(path: PurePath, line: int | None) -> Node:
    physical: Node = {"artifactLocation": {"uri": uri(path)}}
    if line is not None:
        physical["region"] = {"startLine": line}
    return {"physicalLocation": physical}


def uri(path: PurePath) -> str:
    """A relative reference with forward slashes; an absolute one where the file lies elsewhere.

    >>> uri(PurePath("my nets/100%.py"))
    'my%20nets/100%25.py'
    """
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def fix(patch: Patch, verdict: Verdict) -> Node:
    change: Node = {
        "artifactLocation": {"uri": uri(path_of(patch.file, verdict))},
        "replacements": [replacement(patch)],
    }
    words = f"With this change: {patch.proof}" if patch.proof else "This mends it."
    return {"description": message(words), "artifactChanges": [change]}


def replacement(patch: Patch) -> Node:
    """Whole lines are replaced in place; lines that only come or go take their newline with them."""
    removed, inserted = (lines_of(text.replace("\r\n", "\n")) for text in (patch.before, patch.after))
    if removed and inserted:
        return {
            "deletedRegion": {"startLine": patch.line, "endLine": patch.line + len(removed) - 1},
            "insertedContent": {"text": "\n".join(inserted)},
        }
    end = {"endLine": patch.line + len(removed), "endColumn": 1}
    region = {"startLine": patch.line, "startColumn": 1, **end}
    return {"deletedRegion": region, "insertedContent": {"text": "".join(f"{line}\n" for line in inserted)}}


def invocation(verdict: Verdict) -> Node:
    notifications: list[Node] = [{"level": "note", "message": message(note)} for note in verdict.notes]
    if verdict.status == "unchecked":
        where = [location(path_of(None, verdict), verdict.line)]
        notifications.insert(0, {"level": "error", "message": message(headline(verdict)), "locations": where})
    return {"executionSuccessful": verdict.status != "unchecked", "toolExecutionNotifications": notifications}

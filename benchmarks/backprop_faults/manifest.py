"""Digests of the generated programs and their truth, so that a changed benchmark does not go unnoticed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .truth import Case

FILE = Path(__file__).parent / "manifest.json"


def truth(case: Case) -> dict[str, Any]:
    """The truth as JSON."""
    return {
        "name": case.name,
        "part": case.part,
        "sort": case.sort,
        "style": case.style,
        "template": case.blueprint.variant,
        "activation": case.act,
        "sizes": list(case.sizes),
        "mistakes": [asdict(mistake) for mistake in case.mistakes],
        "tensors": list(case.tensors),
        "gradient_class": case.gradient_class,
    }


def digests(cases: Sequence[Case]) -> dict[str, Any]:
    """SHA-256 of every program with its truth, and of these digests together, by sort."""
    found: dict[str, Any] = {}
    for sort in dict.fromkeys(case.sort for case in cases):
        of_sort = [case for case in cases if case.sort == sort]
        each = [hashlib.sha256((case.text + json.dumps(truth(case))).encode()).hexdigest() for case in of_sort]
        found[sort] = {"programs": len(each), "sha256": hashlib.sha256("".join(each).encode()).hexdigest()}
    return found


def kept() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def update(parts: Mapping[str, Sequence[Case]]) -> None:
    text = json.dumps({part: digests(cases) for part, cases in parts.items()}, indent=1)
    FILE.write_text(text + "\n", encoding="utf-8")

"""A digest of the cases and their truth, so that a changed benchmark does not go unnoticed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .cases import Case, Part

FILE = Path(__file__).parent / "manifest.json"


def truth(case: Case) -> dict[str, Any]:
    """What is fixed of a case, as JSON."""
    return {
        "name": case.name,
        "sort": case.sort,
        "kind": case.kind,
        "accepted": list(case.accepted),
        "layers": list(case.layers),
        "held_out": case.held_out,
        "program": case.program.settings(),
        "twin": case.twin.settings(),
    }


def digest(found: Sequence[Case]) -> str:
    text = json.dumps([truth(case) for case in found], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def document(parts: Mapping[Part, Sequence[Case]]) -> dict[str, Any]:
    return {
        part: {"cases": len(found), "sha256": digest(found), "names": [case.name for case in found]}
        for part, found in parts.items()
    }


def kept() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def update(parts: Mapping[Part, Sequence[Case]]) -> None:
    FILE.write_text(json.dumps(document(parts), indent=0) + "\n", encoding="utf-8")

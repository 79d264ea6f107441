"""Ten lines by the user instead of looking: a file that says where the network is.

import my_network

net = my_network.Net([4, 5, 3])
X, y = ..., ...                                  # any samples it takes

def parameters():      return {"W1": net.layers[0].W, ...}        # arrays that are changed in place
def loss():            return net.objective(X, y)
def gradients():       net.run(X); return net.derive(y)           # a dict with the same keys
"""

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np

from backlight.checking.analysis import class_of
from backlight.checking.feed import Feed
from backlight.checking.mending import finding_of
from backlight.checking.readings import POINTS, gradient_errors
from backlight.checking.source import CannotCheckError, Sources
from backlight.checking.store import Slot
from backlight.checking.subject import Subject, scalar, seeded
from backlight.checking.verdict import TensorCheck, Verdict
from backlight.networks.activations import Array

NAMES = ("parameters", "loss", "gradients")


class Adapted(Subject):
    """The three functions of an adapter."""

    accumulates = False
    has_loss = True

    def __init__(self, functions: dict[str, Any], name: str) -> None:
        self.functions = functions
        held = functions["parameters"]()
        self.slots = [Slot(held, (key,)) for key in held]
        self.feed = Feed(np.zeros((1, 1)), np.zeros(1, dtype=np.int64), 1, "rows", "integers")
        self.description = f"{name}: parameters(), loss(), gradients()"

    def loss(self) -> float:
        value = scalar(seeded(self.functions["loss"]))
        if value is None:
            raise CannotCheckError("loss() of the adapter gives no finite number")
        return value

    def gradients(self) -> list[Array | None]:
        kept = self.values()
        found = seeded(self.functions["gradients"])
        gradients = [None if found.get(s.key) is None else np.array(found[s.key], dtype=float) for s in self.slots]
        self.assign(kept)
        return gradients

    def outputs(self) -> Array | None:
        return None

    def rebuilt(self, program: Any) -> "Adapted":
        return self


def judge_adapter(sources: Sources, adapter: Path) -> Verdict:
    """Central differences and the curl test for what an adapter hands over; nothing is named or mended."""
    sys.path.insert(0, str(adapter.parent))
    try:
        functions = runpy.run_path(str(adapter))
    except Exception as error:
        raise CannotCheckError(f"{adapter.name} fails: {type(error).__name__}: {error}", adapter.name) from None
    missing = [name for name in NAMES if not callable(functions.get(name))]
    if missing:
        raise CannotCheckError(
            f"{adapter.name} defines no {', '.join(missing)}; it must define {', '.join(NAMES)}", adapter.name
        )
    subject = Adapted(functions, adapter.name)
    errors = gradient_errors(subject, POINTS)
    checks = tuple(
        TensorCheck(slot.name, slot.read().shape, float(error), bool(error <= 1e-5))
        for slot, error in reversed(list(zip(subject.slots, errors, strict=True)))
    )
    wrong = next((check for check in checks if not check.right), None)
    if wrong is None:
        return Verdict(sources.main, "right", subject=subject.description, gradient_class="right", tensors=checks)
    klass = class_of(subject)
    evidence = (f"first wrong gradient: {wrong.name}, relative error {wrong.error:.2g}; class: {klass}",)
    finding = finding_of("unknown", evidence, wrong.name)
    return Verdict(
        sources.main, "wrong", subject=subject.description, gradient_class=klass, findings=(finding,), tensors=checks
    )

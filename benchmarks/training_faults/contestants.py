"""Who is asked about a run: our rules, our rules with the probes, and those they are compared with."""

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.diagnose import diagnose
from backlight.diagnosis.finding import Diagnosis, Finding

from .autotrainer import autotrainer
from .cases import Case
from .debugger import debugger

PROBED = 64  # samples that a probe gets


@dataclass(frozen=True)
class Named:
    """A cause that was named; a note does not alarm."""

    name: str
    layer: str = ""
    note: bool = False


@dataclass(frozen=True)
class Said:
    """What was said of a run, the likeliest cause first.

    Attributes:
        named: each cause once for each layer.
        failure: the error, where there was one in place of an answer.
        seconds: that it took.
    """

    named: tuple[Named, ...] = ()
    failure: str = ""
    seconds: float = 0.0

    @property
    def alarmed(self) -> bool:
        return any(not each.note for each in self.named)

    @property
    def causes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.name for each in self.named))


def answers(case: Case, folder: Path) -> dict[str, Said]:
    """By contestant."""
    ruled, rules = timed(lambda: diagnose(folder))
    asked, probes = timed(lambda: probed(case)) if case.torch else (None, Said())
    findings = [each for diagnosis in (ruled, asked) if diagnosis is not None for each in found(diagnosis)]
    together = Said(named(in_levels(findings)), rules.failure or probes.failure, rules.seconds + probes.seconds)
    return {
        "rules": rules,
        "rules and probes": together,
        "AUTOTRAINER": timed_names(lambda: autotrainer(folder)),
        "SageMaker Debugger": timed_names(lambda: debugger(folder)),
        "always alarm": Said((Named(ALWAYS),)),
    }


ALWAYS = "initial-scale"  # the cause that most faults of the development part accept


def timed(ask: Callable[[], Diagnosis | None]) -> tuple[Diagnosis | None, Said]:
    """An error is an answer too: that of saying nothing."""
    began = time.perf_counter()
    try:
        diagnosis = ask()
    except Exception as error:  # whatever it is, the other runs are to be asked as well
        return None, Said((), f"{type(error).__name__}: {error}", time.perf_counter() - began)
    return diagnosis, Said(named(found(diagnosis) if diagnosis else ()), "", time.perf_counter() - began)


def timed_names(ask: Callable[[], Sequence[str]]) -> Said:
    began = time.perf_counter()
    names = ask()
    return Said(tuple(Named(name) for name in names), "", time.perf_counter() - began)


def found(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    return diagnosis.findings + diagnosis.consequences


def named(findings: Sequence[Finding]) -> tuple[Named, ...]:
    return tuple(Named(each.name, each.layer, each.severity == "note") for each in findings)


def in_levels(findings: Sequence[Finding]) -> list[Finding]:
    """Notes last; else by the order of questions."""
    return sorted(findings, key=lambda each: (each.severity == "note", CAUSES[each.name].level))


def probed(case: Case) -> Diagnosis | None:
    """Asks the model before its first step; None while there are no probes."""
    try:
        ask: Any = importlib.import_module("backlight.diagnosis.ask")
    except ModuleNotFoundError:
        return None
    import torch

    from .torch_trainer import build, step_of

    with torch.random.fork_rng(devices=[]):
        parts = build(case.program)
        parts.model.train(case.program.training_mode)
        one_step, numbers = step_of(case.program, parts), count()
        answer: Diagnosis = ask.diagnose(
            model=parts.model,
            loss_fn=parts.loss_fn,
            batch=parts.batch(PROBED),
            optimizer=parts.optimizer,
            step=lambda model, batch: one_step(model, batch, next(numbers)),
        )
    return answer

"""What a check found: plain frozen data, the only thing that leaves the room."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["right", "wrong", "unchecked"]
Kind = Literal["program", "loss", "gradient", "initialisation", "numerics"]
# prevents: training fails; slows: it still learns, worse; rescales: only the step size is another; note: no harm done
Severity = Literal["prevents", "slows", "rescales", "note"]
GradientClass = Literal["right", "other objective", "broken chain rule"]


@dataclass(frozen=True)
class Effect:
    """What the mistake does to training: the same data, seeds and budget, before and after the patch.

    Attributes:
        task: data set, network, passes and step size, in words.
        seeds: networks trained on each side.
        learnt_before, learnt_after: how many of them reached the accuracy that counts as learnt.
        accuracy_before, accuracy_after: mean training accuracy, 0 to 1.
    """

    task: str
    seeds: int
    learnt_before: int
    learnt_after: int
    accuracy_before: float
    accuracy_after: float


@dataclass(frozen=True)
class Patch:
    """A minimal edit after which what was wrong is right.

    Attributes:
        file: the file's name, relative to the checked file's folder.
        line: first changed line, counted from 1.
        before, after: the changed lines as they stand in the file and as they should.
        diff: the same as a unified diff.
        proof: what was measured with the patch applied.
        effect: training before and after, where it could be measured.
    """

    file: str
    line: int
    before: str
    after: str
    diff: str
    proof: str
    effect: Effect | None = None


@dataclass(frozen=True)
class Finding:
    """One mistake.

    Attributes:
        code: stable, such as BL330.
        name: the mistake's name in the catalogue, such as "output-slope"; "unknown" where nothing matches.
        title: the mistake in a line.
        explanation: why it is one, in plain words.
        formula: as it should be.
        evidence: the numbers that show that it is not.
        equivalents: names of mistakes that give the very same numbers on this network.
        tensor: the first wrong tensor, from the output backwards, as the program calls it.
        file, line: where the mistake stands; None where it could not be traced.
        text: that line.
        patch: the edit that mends it, if one was found and proven.
    """

    code: str
    name: str
    kind: Kind
    severity: Severity
    title: str
    explanation: str
    formula: str = ""
    evidence: tuple[str, ...] = ()
    equivalents: tuple[str, ...] = ()
    tensor: str | None = None
    file: str | None = None
    line: int | None = None
    text: str = ""
    patch: Patch | None = None


@dataclass(frozen=True)
class TensorCheck:
    """One parameter's gradient against central differences.

    Attributes:
        name: as the program calls the parameter.
        shape: of the parameter.
        error: ‖g − n‖ / (‖g‖ + ‖n‖), the largest over the points; 0 where both vanish.
        right: whether it is within the tolerance.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    right: bool


@dataclass(frozen=True)
class Verdict:
    """The whole answer about one file.

    Attributes:
        file: the checked file.
        status: right, wrong, or unchecked where no check was possible.
        reason: why it was unchecked, in one sentence; empty otherwise.
        line: the line that `reason` speaks of.
        subject: what was found in the file and how it is run.
        objective: what the loss function computes, in words and signs.
        gradient_class: whether the gradient belongs to the loss, to another scalar, or to none at all.
        findings: mistakes, the most harmful first.
        tensors: every parameter's gradient, from the output backwards.
        notes: what was looked at and found in order, or could not be looked at.
        seconds: what the check took, the subprocess included.
    """

    file: str
    status: Status
    reason: str = ""
    line: int | None = None
    subject: str = ""
    objective: str = ""
    gradient_class: GradientClass | None = None
    findings: tuple[Finding, ...] = ()
    tensors: tuple[TensorCheck, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

"""One file to one verdict: the order of questions, and the evidence that goes with each answer."""

import dataclasses
import itertools
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from backlight.checking import readings as reading_module
from backlight.checking.analysis import NOTES, Analysis, LossMistake, analyse
from backlight.checking.construct import TRIED_SIZES, Maker, spelled_activations
from backlight.checking.discover import NotFoundError
from backlight.checking.effect import effect_of, with_activation
from backlight.checking.gradients import Sampled, numeric_gradients, relative_error
from backlight.checking.identify import picked
from backlight.checking.initialisation import initial_mistakes
from backlight.checking.mistakes import Hypothesis
from backlight.checking.naming import tensors
from backlight.checking.numerics import oddities
from backlight.checking.places import likelihood, likely_line
from backlight.checking.program import Program, user_line
from backlight.checking.readings import POINTS, Reading, best_reading
from backlight.checking.reference import CORRECT, Objective, Parameters, Pass, backward
from backlight.checking.repair import Accept, Change, Lines, executed_lines, mend, shown
from backlight.checking.source import CannotCheckError, Sources
from backlight.checking.subject import Subject, generic_values, seeded
from backlight.checking.verdict import Effect, Finding, Patch, Severity, TensorCheck, Verdict
from backlight.checking.wording import wording
from backlight.networks.activations import Array

REPAIR_SECONDS = 1.6  # for one finding
ALL_SECONDS = 4.0  # after which nothing more is tried
ADDED_OUTSIDE = (
    "penalty-missing",
    "summed-gradients",
    "averaged-twice",
    "penalty-scale",
    "constant-factor",
    "loss-penalty-missing",
)
ORDER = {"prevents": 0, "slows": 1, "rescales": 2, "note": 3}


def judge(sources: Sources, target: str | None = None) -> Verdict:
    """The verdict on a program. Never raises for what the program does: what cannot be checked is a verdict, too."""
    end = time.monotonic() + ALL_SECONDS
    try:
        program = Program(sources)
        reading = best_reading(program, target)
    except CannotCheckError as error:
        return unchecked(sources, error.reason, error.line)
    except NotFoundError as error:
        return unchecked(sources, *why_not_found(sources, error, target))
    case = settle(program, target, reading)
    return Case(program, sources, target, case, end).verdict()


def unchecked(sources: Sources, reason: str, line: int | None) -> Verdict:
    return Verdict(sources.main, "unchecked", reason, line)


def why_not_found(sources: Sources, error: NotFoundError, target: str | None) -> tuple[str, int | None]:
    """One sentence: what was looked for, what was found, and what the program itself raised."""
    file, stage = sources.main, error.stage
    program = Program(sources)
    if target is not None and target not in {**program.classes(), **program.functions()}:
        known = ", ".join([*program.classes(), *program.functions()]) or "nothing"
        return f"{file} defines no {target}; it defines {known}", None
    if stage.cause is not None:
        missing = program.missing.get(getattr(stage.cause, "name", None) or "")
        if isinstance(stage.cause, NameError) and missing is not None:
            return missing.reason, missing.line
        place = user_line(stage.cause)
        where = f" ({place[0]}, line {place[1]})" if place else ""
        return f"{file} cannot be run: {type(stage.cause).__name__}: {stage.cause}{where}", place[1] if place else None
    raised = construction_error(program) if stage.depth == 0 else None
    if raised is not None:
        return f"{file} cannot be run: {raised[0]}", raised[1]
    if program.missing:
        first = next(iter(program.missing.values()))
        return first.reason, first.line
    defined = [*program.classes(), *program.functions()]
    if not defined:
        return f"{file} defines no class and no function: put the network into one, so that it can be called", None
    looked = f"looked for forward, loss and backward passes in {', '.join(defined[:8])}"
    return f"{file}: {stage.message}; {looked}; hand over an adapter with --adapter", None


def construction_error(program: Program) -> tuple[str, int] | None:
    """What the constructor of a class raises in the user's own lines when it is called as its arguments suggest."""
    for name, kind in program.classes().items():
        for arguments in itertools.islice(Maker(program, TRIED_SIZES[0]).calls(kind, name), 1):
            try:
                seeded(partial(kind, **arguments))
            except Exception as error:
                place = user_line(error)
                if place is not None:
                    return f"{name}(…) raises {type(error).__name__}: {error} ({place[0]}, line {place[1]})", place[1]
    return None


def settle(program: Program, target: str | None, reading: Reading) -> Analysis:
    """The analysis of the backward pass, or of a whole training step where that explains the numbers better.

    A penalty or an average may be put into the update instead of the backward pass: then the step is what counts.
    """
    subject = reading.subject
    if accumulates(program, subject):
        subject.accumulates = True
    found = analyse(reading, strength(subject))
    if found.right and not found.loss:
        return found
    names = {m.name for m in found.name.mistakes} if found.name else set()
    if found.right or (names and not names & set(ADDED_OUTSIDE)):
        return found
    with suppress(Exception):
        step = reading_module.training_reading(program, target, reading)
        if step is not None:
            other = analyse(step, strength(step.subject))
            if other.right or (found.name is None and other.name is not None):
                return other
            if found.name and other.name:
                fewer = len(other.name.mistakes) < len(found.name.mistakes)
                put_in_there = names == {"penalty-missing"} and len(other.name.mistakes) == 1
                if fewer or put_in_there:
                    return other
    return found


def strength(subject: Subject) -> float:
    return float(getattr(subject, "strength", 0.1))


def accumulates(program: Program, subject: Subject) -> bool:
    """Whether a second backward pass on the same batch gives twice what the first one of a new network gives."""
    with suppress(Exception):
        fresh = subject.rebuilt(program)
        fresh.assign(generic_values(fresh, 1))
        once, twice = fresh.gradients(), fresh.gradients()
        pairs = [(a, b) for a, b in zip(once, twice, strict=True) if a is not None and b is not None and np.any(a)]
        return bool(pairs) and all(np.allclose(b, 2 * a, rtol=1e-9, atol=1e-15) for a, b in pairs)
    return False


@dataclass(frozen=True)
class Case:
    """A program and its analysis, on the way to a verdict."""

    program: Program
    sources: Sources
    target: str | None
    found: Analysis
    end: float  # of time for trying edits, on the monotonic clock

    @property
    def subject(self) -> Subject:
        return self.found.reading.subject

    def verdict(self) -> Verdict:
        findings = [
            *self.loss_findings(),
            *self.gradient_findings(),
            *self.program_findings(),
            *self.initial_findings(),
        ]
        findings += self.oddity_findings({finding.name for finding in findings})
        if self.found.right:
            findings += self.other_activations({finding.name for finding in findings})
        findings.sort(key=lambda finding: ORDER[finding.severity])
        wrong = any(finding.severity != "note" for finding in findings)
        return Verdict(
            self.sources.main,
            "wrong" if wrong else "right",
            subject=self.subject.description,
            objective=self.objective_in_words(),
            gradient_class=self.found.gradient_class,
            findings=tuple(findings),
            tensors=self.tensor_checks(),
            notes=self.notes(),
        )

    def objective_in_words(self) -> str:
        fit = self.found.reading.fit
        if fit is None:
            known = self.found.objective
            return (
                f"no loss function; the gradient was held against {known.data}"
                if known and not self.subject.has_loss
                else ""
            )
        penalty = f" + {fit.beta:.4g} · {fit.penalty}" if fit.penalty else ""
        constant = f" + {fit.gamma:.4g}" if fit.gamma else ""
        return f"{fit.alpha:.4g} · Σ_n ({fit.term.shown}){penalty}{constant}, N = {len(self.subject.feed.X)}"

    def tensor_checks(self) -> tuple[TensorCheck, ...]:
        errors = self.found.errors or self.errors_of_reference()
        return tuple(
            TensorCheck(slot.name, slot.read().shape, float(error), bool(error <= 1e-5))
            for slot, error in reversed(list(zip(self.subject.slots, errors, strict=False)))
        )

    def errors_of_reference(self) -> list[float]:
        target = self.right_gradients()
        self.subject.assign(generic_values(self.subject, POINTS[0]))
        return [difference(g, t) for g, t in zip(self.subject.gradients(), target[0], strict=True)]

    def notes(self) -> tuple[str, ...]:
        names = [slot.name for slot in self.subject.slots]
        network = self.found.reading.network
        form = "not recognised as a stack of dense layers; checked by central differences alone"
        if network is not None:
            hidden = ", ".join(f.name for f in network.form.hidden) or "none"
            form = f"hidden activations: {hidden}; outputs: {network.form.output_name}"
        return (
            f"parameters: {', '.join(names)}",
            form,
            f"{len(self.subject.feed.X)} samples, {self.subject.feed.layout}",
        )

    # -- the loss --------------------------------------------------------------------------------------------

    def loss_findings(self) -> list[Finding]:
        return [self.loss_finding(mistake) for mistake in self.found.loss]

    def loss_finding(self, mistake: LossMistake) -> Finding:
        finding = self.finding(
            mistake.name, (f"the loss is {self.objective_in_words()}", f"there: {mistake.shown}"), None
        )
        if mistake.name in NOTES and not (mistake.name == "loss-epsilon" and self.epsilon_shows()):
            return dataclasses.replace(finding, severity="note")
        if mistake.name == "loss-epsilon":
            finding = dataclasses.replace(finding, severity="slows")
        lines = executed_lines(self.subject.loss)
        objective = self.found.objective
        if objective is None or self.found.matcher is None:
            return finding
        accept = self.loss_accept(objective)
        return self.mended(finding, lines, accept, "the loss is what it should be at three points")

    def epsilon_shows(self) -> bool:
        """Whether log(p + ε) is another function at ordinary p, and not only near 0."""
        shown = [float(e) for m in self.found.loss for e in re.findall(r"\+ ([\d.e-]+)\)", m.shown)]
        return max(shown, default=0.0) >= 5e-4

    def loss_accept(self, objective: Objective) -> Accept:
        assert self.found.matcher is not None
        expected = loss_of(self.found.matcher.run, objective)

        def accept(subject: Subject) -> bool:
            for seed, value in zip(POINTS, expected, strict=True):
                subject.assign(generic_values(subject, seed))
                if not abs(subject.loss() - value) <= 1e-6 * (1 + abs(value)):
                    return False
            return True

        return accept

    # -- the gradient ----------------------------------------------------------------------------------------

    def gradient_findings(self) -> list[Finding]:
        found = self.found
        if found.right and not found.shapes:
            return []
        shaped = [self.shape_finding(index, name) for index, name in found.shapes]
        if found.name is not None:
            return shaped + self.named_findings()
        if shaped or (found.matcher is not None and found.matcher.is_right()):
            return shaped
        return [self.unknown_finding()]

    def named_findings(self) -> list[Finding]:
        assert self.found.name is not None
        mistakes = self.found.name.mistakes
        lines = self.backward_lines()
        findings = []
        for index, mistake in enumerate(mistakes):
            others = [m for m in mistakes if m is not mistake]
            equivalents = {e[index].name for e in self.found.name.equivalents if len(e) == len(mistakes)} - {
                mistake.name
            }
            finding = self.finding(mistake.name, self.evidence(mistake), self.tensor_name(mistake))
            if mistake.name == "penalty-scale" and mistake.site == "all layers":  # either of the two may be meant
                equivalents.add("loss-penalty-scale")
            if mistake.name == "bias-scalar":  # a sum over both axes is one over the wrong axis, too
                equivalents.add("bias-axis")
            finding = dataclasses.replace(finding, equivalents=tuple(sorted(equivalents)))
            target = self.in_user_form(self.replay(others))
            proof = (
                "all gradients are right at three points" if not others else "what is left is exactly the other mistake"
            )
            finding = self.mended(finding, lines, gradient_accept(target), proof)
            findings.append(self.with_effect(finding, mistake))
        return findings

    def replay(self, mistakes: Sequence[Hypothesis]) -> Parameters:
        assert self.found.matcher is not None
        terms = CORRECT
        for mistake in mistakes:
            terms = mistake.change(terms)
        return backward(self.found.matcher.run, terms)

    def in_user_form(self, gradients: Parameters) -> list[list[Array]]:
        """For each point, the gradients as the program's own arrays."""
        network = self.found.reading.network
        assert network is not None
        shapes = [slot.read().shape for slot in self.subject.slots]
        stacked = network.layout.to_user(gradients, shapes)
        return [[tensor[point] for tensor in stacked] for point in range(len(POINTS))]

    def right_gradients(self) -> list[list[Array]]:
        return self.in_user_form(self.replay([]))

    def evidence(self, mistake: Hypothesis) -> tuple[str, ...]:
        """Where, in which form, and one number of the program beside the right one."""
        lines = [f"{mistake.site}: {mistake.detail}" if mistake.detail else mistake.site]
        return (*lines, *self.worst_number())

    def worst_number(self) -> tuple[str, ...]:
        self.subject.assign(generic_values(self.subject, POINTS[0]))
        right = self.right_gradients()[0] if self.found.matcher else None
        if right is None:
            return ()
        index = self.found.first_wrong
        gradients = self.subject.gradients()
        if index is None or gradients[index] is None or gradients[index].shape != right[index].shape:  # type: ignore[union-attr]
            return ()
        given, wanted = np.asarray(gradients[index]), right[index]
        at = np.unravel_index(int(np.argmax(np.abs(given - wanted))), wanted.shape)
        name = self.subject.slots[index].name
        where = ", ".join(str(int(i)) for i in at)
        return (f"∂L/∂{name}[{where}] is {wanted[at]:.6g}, the program says {given[at]:.6g}",)

    def tensor_name(self, mistake: Hypothesis) -> str | None:
        """The parameter whose gradient the mistake is in, if its site says so; else the first wrong one."""
        network, site = self.found.reading.network, re.match(r"d([Wb])(\d+)", mistake.site)
        if network is not None and site is not None:
            kind, layer = network.layout.weights if site[1] == "W" else network.layout.biases, int(site[2]) - 1
            own = kind[layer]
            if own is not None:
                return self.subject.slots[own].name
        index = self.found.first_wrong
        return None if index is None else self.subject.slots[index].name

    def shape_finding(self, index: int, name: str) -> Finding:
        slot = self.subject.slots[index]
        self.subject.assign(generic_values(self.subject, POINTS[0]))
        gradient = self.subject.gradients()[index]
        shape = None if gradient is None else gradient.shape
        finding = self.finding(name, (f"{slot.name} has shape {slot.read().shape}, its gradient {shape}",), slot.name)
        if self.found.matcher is None:
            return finding
        lines = self.backward_lines()
        target = self.right_gradients()
        return self.mended(finding, lines, gradient_accept(target, only=index), f"the gradient of {slot.name} is right")

    def unknown_finding(self) -> Finding:
        index = self.found.first_wrong
        tensor = None if index is None else self.subject.slots[index].name
        says = f"first wrong gradient, from the output backwards: {tensor}; class: {self.found.gradient_class}"
        finding = self.finding("unknown", (says, *self.worst_number()), tensor)
        lines = self.backward_lines()
        if self.found.matcher is not None:
            accept = gradient_accept(self.right_gradients())
        elif self.subject.has_loss:
            accept = numeric_accept(self.subject)
        else:
            return finding
        return self.mended(finding, lines, accept, "all gradients are right at three points")

    # -- everything else -------------------------------------------------------------------------------------

    def program_findings(self) -> list[Finding]:
        findings = []
        if self.subject.accumulates and not self.cleared_elsewhere():
            evidence = ("a second backward pass on the same batch gives twice the gradient of the first",)
            finding = self.finding("accumulated", evidence, None)
            lines = self.backward_lines()
            program = self.program
            accept: Accept = lambda subject: not accumulates(program, subject)  # noqa: E731
            findings.append(self.mended(finding, lines, accept, "two passes give the same gradient"))
        return findings

    def oddity_findings(self, known: set[str]) -> list[Finding]:
        """What is odd without being wrong, each kind once."""
        findings: dict[str, Finding] = {}
        for oddity in oddities(self.program, self.subject):
            if oddity.name in known or oddity.name in findings:
                continue
            finding = self.finding(oddity.name, (oddity.evidence,), None)
            text = "" if oddity.line is None else self.line_text(oddity.file or self.sources.main, oddity.line)
            findings[oddity.name] = dataclasses.replace(
                finding, severity="note", file=oddity.file, line=oddity.line, text=text
            )
        return list(findings.values())

    def cleared_elsewhere(self) -> bool:
        """Whether the program sets its gradients to zero outside of constructors and the backward pass."""
        text = self.sources.texts[self.sources.main]
        return "zero_grad" in text or "fill(0" in text or "*= 0" in text

    def initial_findings(self) -> list[Finding]:
        findings = []
        with suppress(Exception):
            for mistake in initial_mistakes(self.program, self.target, self.subject):
                finding = self.finding(mistake.name, (mistake.evidence,), mistake.tensor)
                if not mistake.harmful:
                    findings.append(dataclasses.replace(finding, severity="note"))
                    continue
                lines = executed_lines(lambda: self.subject.rebuilt(self.program))
                findings.append(
                    self.mended(finding, lines, self.initial_accept(mistake.name), "the initial weights are sound")
                )
        return findings

    def initial_accept(self, name: str) -> Accept:
        def accept(subject: Subject) -> bool:
            program = getattr(subject, "program", self.program)
            found = initial_mistakes(program, self.target, subject)
            return not any(m.harmful for m in found) and name not in {m.name for m in found}

        return accept

    def other_activations(self, known: set[str]) -> list[Finding]:
        """What goes wrong only with another of the activations that the program accepts by name."""
        findings: list[Finding] = []
        end = max(self.end, time.monotonic() + REPAIR_SECONDS)
        for name in spelled_activations(self.program)[:4]:
            with suppress(Exception):
                reading = best_reading(self.program, self.target, name)
                own = self.found.reading.network
                if reading.right or (own and reading.network and own.form == reading.network.form):
                    continue
                other = settle(self.program, self.target, reading)
                if other.right:
                    continue
                for finding in Case(self.program, self.sources, self.target, other, end).gradient_findings():
                    if finding.name not in known:
                        known.add(finding.name)
                        evidence = (f"with the activation {name!r}", *finding.evidence)
                        findings.append(dataclasses.replace(finding, evidence=evidence))
        return findings

    # -- words, lines, patches -------------------------------------------------------------------------------

    def finding(self, name: str, evidence: tuple[str, ...], tensor: str | None) -> Finding:
        words = wording(name)
        return Finding(
            words.code,
            name,
            words.kind,
            words.severity,
            words.title,
            words.explanation,
            words.formula,
            evidence,
            tensor=tensor,
        )

    def mended(self, finding: Finding, lines: Lines, accept: Accept, proof: str) -> Finding:
        likely = likelihood(finding)
        where = finding.evidence[0] if finding.evidence else ""
        spread = finding.kind != "gradient" or re.match(r"all |every |weights|biases|data part", where) is not None
        edit = mend(self.program, self.subject, lines, finding.name, likely, spread, accept, self.time_left())
        if edit is None:
            return self.located(finding, lines)
        change: Change = shown(self.sources, edit)
        patch = Patch(change.file, change.line, change.before, change.after, change.diff, f"with this edit {proof}")
        line = edit.line
        return dataclasses.replace(
            finding, file=change.file, line=line, text=self.line_text(change.file, line), patch=patch
        )

    def backward_lines(self) -> Lines:
        """What the backward pass runs through, and neither the forward pass nor a loss function of its own does."""
        others = [executed_lines(self.subject.outputs)]
        if self.subject.has_loss and not getattr(getattr(self.subject, "recipe", None), "backward_gives_loss", False):
            others.append(executed_lines(self.subject.loss))
        return {
            file: {line: order for line, order in lines.items() if not any(line in o.get(file, {}) for o in others)}
            for file, lines in executed_lines(self.subject.gradients).items()
        }

    def time_left(self) -> float:
        return max(0.2, min(REPAIR_SECONDS, self.end - time.monotonic()))

    def located(self, finding: Finding, lines: Lines) -> Finding:
        """Without a patch: the executed line that looks most like the place of such a mistake."""
        best = likely_line(finding, lines, self.line_text)
        if best is None:
            return finding
        file, line = best
        return dataclasses.replace(finding, file=file, line=line, text=self.line_text(file, line))

    def line_text(self, file: str, line: int) -> str:
        lines = self.sources.texts[file].splitlines()
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def worst_effect(self, run: Pass, mistake: Hypothesis, usual: Severity) -> tuple[Effect, Severity]:
        """With the activation that the mistake harms most, where it is one of the outputs' slope."""
        found = [effect_of(run, mistake, usual)]
        if mistake.name == "output-slope":
            for name in {spelled.lower() for spelled in spelled_activations(self.program)}:
                other = with_activation(run, mistake, name)
                if other is not None:
                    found.append(effect_of(*other, usual))
        return min(found, key=lambda pair: pair[0].accuracy_before)

    def with_effect(self, finding: Finding, mistake: Hypothesis) -> Finding:
        assert self.found.matcher is not None
        if time.monotonic() > self.end:
            return finding
        with suppress(Exception):
            effect, severity = self.worst_effect(self.found.matcher.run, mistake, finding.severity)
            patch = dataclasses.replace(finding.patch, effect=effect) if finding.patch else None
            return dataclasses.replace(finding, severity=severity, patch=patch)
        return finding


def difference(gradient: Array | None, target: Array) -> float:
    if gradient is None or gradient.shape != target.shape:
        return 1.0
    size = float(np.linalg.norm(gradient) + np.linalg.norm(target))
    return 0.0 if size < 1e-12 else float(np.linalg.norm(gradient - target)) / size


def gradient_accept(targets: list[list[Array]], only: int | None = None) -> Accept:
    """Accepts a subject whose gradients at the points are these, to a relative 1e-6."""

    def accept(subject: Subject) -> bool:
        for seed, target in zip(POINTS, targets, strict=True):
            subject.assign(generic_values(subject, seed))
            for index, (gradient, wanted) in enumerate(zip(subject.gradients(), target, strict=True)):
                if only not in (None, index):
                    continue
                if not difference(gradient, wanted) <= 1e-6:  # NaN is not right either
                    zero = gradient is None and not np.any(wanted)
                    if not zero:
                        return False
        return True

    return accept


def numeric_accept(subject: Subject) -> Accept:
    """Where the network was not recognised: against central differences of the program's own loss."""
    numeric: list[tuple[int, list[Sampled]]] = []
    for seed in POINTS:
        numeric.append((seed, numeric_gradients(subject, generic_values(subject, seed), seed)))

    def accept(other: Subject) -> bool:
        for seed, entries in numeric:
            other.assign(generic_values(other, seed))
            shapes = [slot.read().shape for slot in other.slots]
            for gradient, wanted, shape in zip(other.gradients(), entries, shapes, strict=True):
                if not relative_error(gradient, wanted, shape) <= 1e-5:
                    return False
        return True

    return accept


def loss_of(run: Pass, objective: Objective) -> Array:
    """The objective's value at each point of a stacked pass."""
    p, t = run.outputs, run.targets
    with np.errstate(all="ignore"):
        each: dict[str, Callable[[], Array]] = {
            "cross-entropy": lambda: -np.log(picked(p, t)),
            "binary cross-entropy": lambda: -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(-1),
            "squared error": lambda: ((p - t) ** 2).sum(-1),
        }
        value: Array = objective.alpha * each[objective.data]().sum(-1)
    for beta, W, b in zip(objective.beta, run.weights, run.biases, strict=True):
        value = value + beta * np.square(W).sum((-2, -1))
        if objective.beta_bias:
            value = value + objective.beta_bias * np.square(b).sum((-2, -1))
    return value


__all__ = ["judge", "tensors"]

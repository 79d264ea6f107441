"""From an analysis to findings: the order of questions, the evidence of each answer, its line and patch."""

import dataclasses
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from backlight.checking.acceptance import (
    Goal,
    both,
    clears,
    difference,
    gradient_goal,
    loss_of,
    numeric_goal,
    right_goal,
    same_gradients,
)
from backlight.checking.analysis import NOTES, Analysis, LossMistake
from backlight.checking.catalogue.change import Hypothesis
from backlight.checking.clearing import cleared
from backlight.checking.construct import spelled_activations
from backlight.checking.effect import worst_effect
from backlight.checking.influence import LOSS
from backlight.checking.initialisation import initial_mistakes
from backlight.checking.mending import all_lines, backward_lines, finding_of, mended
from backlight.checking.nameless import over_samples
from backlight.checking.naming import also_called
from backlight.checking.program import Program
from backlight.checking.readings import POINTS, best_reading
from backlight.checking.reference import CORRECT, Objective, Parameters, backward
from backlight.checking.remarks import remarks
from backlight.checking.repair import Accept, Lines, executed_lines
from backlight.checking.settle import settle
from backlight.checking.subject import Subject, generic_values
from backlight.checking.verdict import Finding, TensorCheck, Verdict
from backlight.networks.activations import Array

REPAIR_SECONDS, LEAST_SECONDS = 2.0, 0.5  # for one finding; the least, if finding out took long
EVERYWHERE = "all gradients are right at three points"
ORDER = {"prevents": 0, "slows": 1, "rescales": 2, "note": 3}


@dataclass(frozen=True)
class Case:
    """A program and its analysis, on the way to a verdict."""

    program: Program
    found: Analysis
    target: str | None
    end: float  # of time for trying edits, on the processor's clock

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
        findings += remarks(self.program, self.subject, {finding.name for finding in findings})
        if self.found.right:
            findings += self.other_activations({finding.name for finding in findings})
        findings.sort(key=lambda finding: ORDER[finding.severity])
        wrong = any(finding.severity != "note" for finding in findings)
        return Verdict(
            self.program.sources.main,
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
            without = known is not None and not self.subject.has_loss
            return f"no loss function; the gradient was held against {known.data}" if known and without else ""
        squares = f"({fit.penalty})" if " + " in fit.penalty else fit.penalty
        penalty = f" + {fit.beta:.4g} · {squares}" if fit.penalty else ""
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
        finding = finding_of(mistake.name, self.loss_evidence(mistake), None)
        if mistake.name in NOTES:
            if not self.harms(mistake):
                return dataclasses.replace(finding, severity="note")
            finding = dataclasses.replace(finding, severity="slows")
        lines = executed_lines(self.subject.loss)
        objective = self.found.objective
        if objective is None or self.found.matcher is None:
            return finding
        goal = Goal(both(self.loss_accept(objective), same_gradients(self.subject)), frozenset({LOSS}))
        return self.mended(finding, lines, goal, "the loss is what it should be at three points")

    def loss_evidence(self, mistake: LossMistake) -> tuple[str, ...]:
        if self.found.reading.fit is not None:
            return f"the loss is {self.objective_in_words()}", f"there: {mistake.shown}"
        meant = self.found.objective
        own = f"the gradient is, to seven digits, that of {meant.data} times {meant.alpha:.4g}" if meant else ""
        return tuple(filter(None, (mistake.shown, own)))

    def harms(self, mistake: LossMistake) -> bool:
        """Whether what is usually worth a remark is more than that: the gradient is another loss's than this one."""
        if mistake.name == "loss-unknown":
            return self.found.objective is not None and not self.found.right
        return mistake.name == "loss-epsilon" and self.epsilon_shows()

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
        if found.reading.network is None and over_samples(self.subject):
            return [self.sideways_finding()]
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
            equal = {e[index].name for e in self.found.name.equivalents if len(e) == len(mistakes)}
            equivalents = (equal | also_called(mistake)) - {mistake.name}
            finding = finding_of(mistake.name, self.evidence(mistake), self.tensor_name(mistake))
            finding = dataclasses.replace(finding, equivalents=tuple(sorted(equivalents)))
            target = self.in_user_form(self.replay(others))
            proof = "what is left is exactly the other mistake" if others else EVERYWHERE
            if others and all(other.name == mistake.name for other in others):
                whole = self.mended(finding, lines, gradient_goal(self.subject, self.right_gradients()), EVERYWHERE)
                if whole.patch is not None:  # one mistake, written once
                    return [self.with_effect(whole, mistake)]
            goal = gradient_goal(self.subject, target)
            mended = self.mended(finding, lines, goal, proof)
            if mended.patch is None:  # the forward pass may leave what is wrong behind
                wider = self.mended(finding, all_lines(self.subject), goal, proof)
                mended = mended if wider.patch is None else wider
            findings.append(self.with_effect(mended, mistake))
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
        given = None if index is None else gradients[index]
        if index is None or given is None or given.shape != right[index].shape:
            return ()
        wanted = right[index]
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
        finding = finding_of(name, (f"{slot.name} has shape {slot.read().shape}, its gradient {shape}",), slot.name)
        if self.found.matcher is None:
            return finding
        lines = self.backward_lines()
        goal = gradient_goal(self.subject, self.right_gradients(), only=index)
        return self.mended(finding, lines, goal, f"the gradient of {slot.name} is right")

    def sideways_finding(self) -> Finding:
        """No edit of the gradient alone mends the outputs."""
        evidence = ("each class's outputs add up to 1 over the samples, and no sample's over the classes",)
        goal = right_goal(self.found.reading.sizes, self.target)
        finding = finding_of("softmax-axis", evidence, None)
        return self.mended(finding, all_lines(self.subject), goal, "the program is right")

    def unknown_finding(self) -> Finding:
        index = self.found.first_wrong
        tensor = None if index is None else self.subject.slots[index].name
        says = f"first wrong gradient, from the output backwards: {tensor}; class: {self.found.gradient_class}"
        finding = finding_of("unknown", (says, *self.worst_number()), tensor)
        lines = self.backward_lines()
        if self.found.matcher is not None:
            goal = gradient_goal(self.subject, self.right_gradients())
        elif self.subject.has_loss:
            goal = numeric_goal(self.subject)
        else:
            return finding
        tries = [(lines, goal, EVERYWHERE)]
        if self.subject.has_loss:
            right = right_goal(self.found.reading.sizes, self.target)
            # If the loss is no usual one, an edit that makes it one says more than a gradient that follows it.
            tries.insert(self.found.reading.fit is not None, (all_lines(self.subject), right, "the program is right"))
        traced = finding
        for where, wanted, proof in tries:
            tried = self.mended(finding, where, wanted, proof)
            if tried.patch is not None:
                return tried
            traced = tried if wanted is goal else traced
        return traced

    # -- everything else -------------------------------------------------------------------------------------

    def program_findings(self) -> list[Finding]:
        findings = []
        if self.subject.accumulates and not cleared(self.program, self.subject.gradient_keys()):
            evidence = ("a second backward pass on the same batch gives twice the gradient of the first",)
            finding = finding_of("accumulated", evidence, None)
            lines = self.backward_lines()
            findings.append(
                self.mended(
                    finding, lines, Goal(clears(self.program, self.subject)), "two passes give the same gradient"
                )
            )
        return findings

    def initial_findings(self) -> list[Finding]:
        findings = []
        with suppress(Exception):
            there = initial_mistakes(self.program, self.target, self.subject)
            for mistake in there:
                finding = finding_of(mistake.name, (mistake.evidence,), mistake.tensor)
                if not mistake.harmful:
                    findings.append(dataclasses.replace(finding, severity="note"))
                    continue
                lines = executed_lines(lambda: self.subject.rebuilt(self.program))
                if not lines:  # these were not made by the program
                    continue
                others = {each.name for each in there} - {mistake.name}
                goal = Goal(self.initial_accept(others))
                findings.append(self.mended(finding, lines, goal, "the initial weights are sound"))
        return findings

    def initial_accept(self, others: set[str]) -> Accept:
        """Nothing harmful is left, and no mistake in place of the mended one: `others` were there before."""

        def accept(subject: Subject) -> bool:
            program = getattr(subject, "program", self.program)
            found = initial_mistakes(program, self.target, subject)
            return all(mistake.name in others and not mistake.harmful for mistake in found)

        return accept

    def other_activations(self, known: set[str]) -> list[Finding]:
        """What goes wrong only with another of the activations that the program accepts by name."""
        findings: list[Finding] = []
        end = max(self.end, time.process_time() + REPAIR_SECONDS)
        for name in spelled_activations(self.program)[:4]:
            with suppress(Exception):
                reading = best_reading(self.program, self.target, name)
                own = self.found.reading.network
                if reading.right or (own and reading.network and own.form == reading.network.form):
                    continue
                other = settle(self.program, self.target, reading)
                if other.right:
                    continue
                for finding in Case(self.program, other, self.target, end).gradient_findings():
                    if finding.name not in known:
                        known.add(finding.name)
                        evidence = (f"with the activation {name!r}", *finding.evidence)
                        findings.append(dataclasses.replace(finding, evidence=evidence))
        return findings

    # -- words, lines, patches -------------------------------------------------------------------------------

    def mended(self, finding: Finding, lines: Lines, goal: Goal, proof: str) -> Finding:
        return mended(self.program, self.subject, finding, lines, goal, proof, self.time_left())

    def backward_lines(self) -> Lines:
        return backward_lines(self.subject)

    def time_left(self) -> float:
        return max(LEAST_SECONDS, min(REPAIR_SECONDS, self.end - time.process_time()))

    def with_effect(self, finding: Finding, mistake: Hypothesis) -> Finding:
        assert self.found.matcher is not None
        if time.process_time() > self.end:
            return finding
        with suppress(Exception):
            names = {spelled.lower() for spelled in spelled_activations(self.program)}
            effect, severity = worst_effect(self.found.matcher.run, mistake, finding.severity, names)
            patch = dataclasses.replace(finding.patch, effect=effect) if finding.patch else None
            return dataclasses.replace(finding, severity=severity, patch=patch)
        return finding

"""Asking a run every question, in order: what fails first is the cause, what fails later its consequence."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.finding import Diagnosis, Evidence, Finding
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules import (
    activity,
    clearing,
    connection,
    data,
    generalisation,
    gradient,
    initialisation,
    labels,
    loss,
    mode,
    numbers,
    optimisation,
)
from backlight.errors import SettingsError
from backlight.recording.run import Run

Rule = Callable[[Record], Iterator[Finding]]
RULES: dict[str, Rule] = {
    "nonfinite-values": numbers.nonfinite_values,
    "not-in-optimizer": connection.not_in_optimizer,
    "frozen-parameters": connection.frozen_parameters,
    "gradient-cut": connection.gradient_cut,
    "unused-parameters": connection.unused_parameters,
    "loss-not-connected": connection.loss_not_connected,
    "wrong-gradient": gradient.wrong_gradient,
    "missing-zero-grad": clearing.missing_zero_grad,
    "output-slope": gradient.output_slope,
    "softmax-before-loss": loss.softmax_before_loss,
    "probabilities-into-nll": loss.probabilities_into_nll,
    "epsilon-in-log": loss.epsilon_in_log,
    "labels-shifted": labels.labels_shifted,
    "labels-permuted": labels.labels_permuted,
    "labels-shuffled": labels.labels_shuffled,
    "dropout-at-test": mode.dropout_at_test,
    "sum-instead-of-mean": loss.sum_instead_of_mean,
    "unscaled-inputs": data.unscaled_inputs,
    "class-imbalance": data.class_imbalance,
    "leaking-feature": data.leaking_feature,
    "split-overlap": data.split_overlap,
    "unshuffled-data": data.unshuffled_data,
    "inputs-ignored": data.inputs_ignored,
    "constant-initialisation": initialisation.constant_initialisation,
    "same-seed-in-layers": initialisation.same_seed_in_layers,
    "initial-scale": initialisation.initial_scale,
    "born-dead": initialisation.born_dead,
    "dead-units": activity.dead_units,
    "learning-rate-too-high": optimisation.learning_rate_too_high,
    "learning-rate-too-low": optimisation.learning_rate_too_low,
    "vanishing-gradients": optimisation.vanishing_gradients,
    "exploding-gradients": optimisation.exploding_gradients,
    "saturated-units": activity.saturated_units,
    "batch-too-small": optimisation.batch_too_small,
    "eval-mode-in-training": mode.eval_mode_in_training,
    "overfitting": generalisation.overfitting,
    "too-small-model": generalisation.too_small_model,
    "labels-noisy": labels.labels_noisy,
}
# On one level: what brings about what
EXPLAINS: dict[str, frozenset[str]] = {
    "learning-rate-too-high": frozenset(
        {"dead-units", "saturated-units", "vanishing-gradients", "exploding-gradients", "batch-too-small"}
    ),
    "exploding-gradients": frozenset({"dead-units", "saturated-units"}),
    "vanishing-gradients": frozenset({"saturated-units"}),  # what is saturated at the start is told before
    "output-slope": frozenset({"wrong-gradient"}),
    "dropout-at-test": frozenset({"labels-permuted", "labels-shuffled"}),  # which are told from the test's accuracy
    "constant-initialisation": frozenset({"same-seed-in-layers", "initial-scale"}),
    "initial-scale": frozenset({"born-dead"}),
}
SEVERITIES = ("prevents", "slows", "note")


def diagnose(run: Run | Path | str, mute: Iterable[str] = ()) -> Diagnosis:
    """Every rule over one run folder, during training or afterwards.

    Args:
        run: a run, or its folder.
        mute: codes or names of rules that are not asked.

    Raises:
        RunError: if there is no run in the folder.
        SettingsError: if there is no cause of a name or code in `mute`.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    muted = names_of(mute)
    record = Record(opened)
    findings: list[Finding] = []
    passed: list[str] = []
    skipped: list[tuple[str, str]] = []
    for name, rule in RULES.items():
        if name in muted:
            continue
        try:
            found = list(rule(record))
        except MissingError as error:
            skipped.append((name, str(error)))
            continue
        findings += found
        if not found:
            passed.append(name)
    first, later = in_order(findings)
    return Diagnosis(str(opened.folder), first, later, tuple(passed), tuple(skipped))


def names_of(mute: Iterable[str]) -> set[str]:
    """The causes' names for names or codes."""
    codes = {cause.code: name for name, cause in CAUSES.items()}
    names = {codes.get(each, each) for each in mute}
    unknown = sorted(names - set(CAUSES))
    if unknown:
        raise SettingsError(
            f"no cause is called {unknown[0]!r}; codes are BL101 … {max(codes)}, names as in docs/rules"
        )
    return names


def in_order(findings: Sequence[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """(findings of the first level that fails, those of later levels); notes fail no level.

    Within a level a cause comes before what it brings about, what prevents learning before what slows it, and then the
    one whose evidence is the stronger.
    """
    explained = {name for each in findings if each.severity != "note" for name in EXPLAINS.get(each.name, ())}
    present = {each.name for each in findings}
    ordered = sorted(
        findings,
        key=lambda each: (
            each.severity == "note",
            CAUSES[each.name].level,
            each.name in explained,
            not EXPLAINS.get(each.name, frozenset()) & present,
            SEVERITIES.index(each.severity),
            -strength(each),
        ),
    )
    failing = [each for each in ordered if each.severity != "note"]
    first = min((CAUSES[each.name].level for each in failing), default=None)
    causes = tuple(each for each in failing if CAUSES[each.name].level == first)
    return causes, tuple(each for each in ordered if each not in causes)


def strength(finding: Finding) -> float:
    """How far the first number of the evidence lies beyond its bound, as |ln(value / bound)|, at most 10."""
    return beyond(finding.evidence[0]) if finding.evidence else 0.0


def beyond(evidence: Evidence) -> float:
    """
    >>> beyond(Evidence("share", 1.0, 0.5, "above")) == math.log(2)
    True
    """
    value, bound = abs(evidence.value), abs(evidence.bound)
    if not math.isfinite(value) or value == 0 or bound == 0:
        return 10.0
    return min(10.0, abs(math.log(value / bound)))

"""Asking a model every question, in order, within a time, and leaving it as it was."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from backlight.diagnosis.diagnose import in_order, names_of
from backlight.diagnosis.finding import Diagnosis, Finding
from backlight.diagnosis.probes import (
    ascent,
    clearing,
    connection,
    data,
    fitting,
    initial,
    isolation,
    labels,
    mode,
    numbers,
    outputs,
    rates,
    reduction,
    slopes,
)
from backlight.diagnosis.probes.batches import first_batch
from backlight.diagnosis.probes.clock import Clock
from backlight.diagnosis.probes.copies import LossFunction, plain_model, plain_optimizer
from backlight.diagnosis.probes.subject import Step, Subject
from backlight.diagnosis.probes.untouched import untouched
from backlight.diagnosis.record import MissingError
from backlight.errors import BacklightError, SettingsError

Probe = Callable[[Subject], Iterator[Finding]]
CHANGED = "a model that also runs when batch or weights are changed"
# Those that need one forward and one backward pass first, so that a short time is enough for most.
PROBES: tuple[tuple[str, Probe], ...] = (
    ("labels-shifted", labels.labels_shifted),
    ("nonfinite-values", numbers.nonfinite_values),
    ("not-in-optimizer", connection.not_in_optimizer),
    ("frozen-parameters", connection.frozen_parameters),
    ("loss-not-connected", connection.loss_not_connected),
    ("gradient-cut", connection.gradient_cut),
    ("unused-parameters", connection.unused_parameters),
    ("output-slope", outputs.output_slope),
    ("softmax-before-loss", outputs.softmax_before_loss),
    ("probabilities-into-nll", outputs.probabilities_into_nll),
    ("epsilon-in-log", outputs.epsilon_in_log),
    ("labels-shuffled", labels.labels_shuffled),
    ("unscaled-inputs", data.unscaled_inputs),
    ("class-imbalance", labels.class_imbalance),
    ("inputs-ignored", data.inputs_ignored),
    ("constant-initialisation", initial.constant_initialisation),
    ("same-seed-in-layers", initial.same_seed_in_layers),
    ("initial-scale", initial.initial_scale),
    ("born-dead", initial.born_dead),
    ("saturated-units", initial.saturated_units),
    ("vanishing-gradients", initial.vanishing_gradients),
    ("exploding-gradients", initial.exploding_gradients),
    ("dropout-at-test", mode.dropout_at_test),
    ("eval-mode-in-training", mode.eval_mode_in_training),
    ("missing-zero-grad", clearing.missing_zero_grad),
    ("wrong-gradient", ascent.upward_steps),
    ("wrong-gradient", fitting.wrong_pairs),
    ("wrong-gradient", slopes.wrong_slopes),
    ("wrong-gradient", isolation.mixed_samples),
    ("learning-rate-too-high", rates.learning_rate_too_high),
    ("learning-rate-too-low", rates.learning_rate_too_low),
    ("sum-instead-of-mean", reduction.sum_instead_of_mean),
    ("wrong-gradient", fitting.cannot_fit),
)


def examine(
    model: nn.Module,
    loss_fn: LossFunction,
    batch: Any,
    optimizer: Any = None,
    step: Step | None = None,
    mute: Iterable[str] = (),
    seconds: float = 20.0,
) -> Diagnosis:
    """Every probe over one model; see `diagnosis.ask.diagnose`."""
    check_arguments(model, loss_fn, step, seconds)
    muted = names_of(mute)
    clock = Clock.of(seconds)
    title, model, optimizer = type(model).__name__, plain_model(model), plain_optimizer(optimizer)
    modules = [each for each in (model, loss_fn) if isinstance(each, nn.Module)]
    with untouched(modules, optimizer, batch), warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")  # what the user's own training says too
        subject = Subject(model, loss_fn, first_batch(batch, device_of(model)), optimizer, step, clock)
        findings, passed, skipped = ask(subject, [(name, probe) for name, probe in PROBES if name not in muted])
    first, later = in_order(findings)
    return Diagnosis(f"model {title}", first, later, passed, skipped)


def ask(
    subject: Subject, probes: Sequence[tuple[str, Probe]]
) -> tuple[list[Finding], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """(findings, names of those that found nothing, those that could not look and why)."""
    findings: list[Finding] = []
    passed, skipped = [], []
    for name, probe in probes:
        if probe is fitting.cannot_fit and any(each.severity != "note" for each in findings):
            continue
        try:
            subject.clock.check()
            found = list(probe(subject))
        except MissingError as error:
            skipped.append((name, str(error)))
            continue
        except BacklightError:
            raise
        except Exception as error:  # what runs on the batch as it is may not do so on a part of it, or changed
            skipped.append((name, f"{CHANGED}: {type(error).__name__}: {error}"))
            continue
        findings += found
        passed.append(name)
    known = {each.name for each in findings} | {name for name, _ in skipped}  # by one of two probes, or by another's
    first_reasons = tuple(dict(reversed(skipped)).items())[::-1]  # one for a cause that has several probes
    return findings, tuple(dict.fromkeys(each for each in passed if each not in known)), first_reasons


def device_of(model: nn.Module) -> torch.device:
    first = next(model.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def check_arguments(model: Any, loss_fn: Any, step: Any, seconds: float) -> None:
    """Raises SettingsError for what is no model, loss, step or time, before anything is done."""
    if not isinstance(model, nn.Module):
        raise SettingsError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    if isinstance(loss_fn, type) or not callable(loss_fn):
        what = f"the class {loss_fn.__name__}: write {loss_fn.__name__}()" if isinstance(loss_fn, type) else loss_fn
        raise SettingsError(f"loss_fn must be a function (outputs, labels) that gives the loss, not {what}")
    if step is not None and not callable(step):
        raise SettingsError(f"step must be a function (model, batch) that makes one training step, not {step}")
    if not seconds > 0:
        raise SettingsError(f"seconds must be above 0, not {seconds}")
    if any(nn.parameter.is_lazy(each) for each in model.parameters()):
        raise SettingsError("model has layers that do not know their size yet: run it once on a batch")
    if not any(True for _ in model.parameters()):
        raise SettingsError(f"model {type(model).__name__} has no parameters: there is nothing to train")

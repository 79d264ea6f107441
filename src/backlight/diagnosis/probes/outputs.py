"""Does the loss get what it is made for: logits, log-probabilities, not probabilities?"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.probes.loss_calls import is_probabilities
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.record import MissingError

FOR_LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
RESHAPING = ("View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Permute", "Transpose", "T", "Alias", "Clone")
LOG_SUM = 1e-3  # |ln Σ exp| of log-probabilities in half precision
LARGE_EPSILON = 1e-3  # above which −ln ε, the highest loss that a sample can have, is below 7


def softmax_before_loss(subject: Subject) -> Iterator[Finding]:
    """Probabilities where logits belong. Log-probabilities do no harm: their softmax is what they are made of."""
    given = logits_of_loss(subject)
    for values in given:
        maker = made_by(values)
        if is_probabilities(values) or maker in ("Softmax", "Sigmoid"):
            classes = values.shape[1] if values.ndim > 1 and values.shape[1] > 1 else 2
            floor = math.log1p((classes - 1) / math.e)  # one class at 1, the others at 0
            text = "lowest loss that outputs between 0 and 1 can reach"
            outside = Evidence("largest output, of outputs none of which is below 0", float(values.max()), 1.0, "below")
            yield Finding("softmax-before-loss", "slows", (Evidence(text, floor, 0.0, "above"), outside))
            return


def logits_of_loss(subject: Subject) -> list[Tensor]:
    """What was handed to losses that take logits, and to a softmax in logarithms."""
    start = subject.start
    given = [each.given for each in start.losses if each.name in FOR_LOGITS]
    given += start.log_softmaxes
    if not given and not start.losses:
        raise MissingError("a loss of PyTorch's")
    return given


def output_slope(subject: Subject) -> Iterator[Finding]:
    """Logits that come out of an activation function, whose slope is 0 for a part of them."""
    for values in logits_of_loss(subject):
        maker = made_by(values)
        if maker in ("Relu", "Tanh", "Threshold", "Hardtanh"):
            still = (values <= 0) if maker in ("Relu", "Threshold") else (values.abs() > 0.99)
            share = float(still.float().mean())
            text = f"share of outputs behind a slope of 0 or nearly 0, of {maker.lower()} as the last operation"
            yield Finding("output-slope", "slows", (Evidence(text, share, 0.0, "above", tensor="outputs"),))
            return


def made_by(values: Tensor) -> str:
    """The operation that gave the values, other than those that only reshape: "Softmax", "Addmm"."""
    node = values.grad_fn
    while node is not None:
        name = node.name().rpartition("::")[2].split("Backward")[0]
        if name not in RESHAPING or not node.next_functions:
            return name
        node = node.next_functions[0][0]
    return ""


def probabilities_into_nll(subject: Subject) -> Iterator[Finding]:
    """The negative log-likelihood of what are no log-probabilities: its smallest value is not at the labels."""
    calls = [each for each in subject.start.losses if each.name == "nll_loss"]
    if not calls and not subject.start.losses:
        raise MissingError("a loss of PyTorch's")
    for call in calls:
        total = float(log_sums(call.given).abs().max())
        if total > LOG_SUM and not added_before(call.given):
            kind = "probabilities" if is_probabilities(call.given) else "no log-probabilities"
            text = f"largest |ln Σ exp| over the classes, 0 for log-probabilities; these are {kind}"
            yield Finding("probabilities-into-nll", "prevents", (Evidence(text, total, LOG_SUM, "above"),))
            return


def log_sums(given: Tensor) -> Tensor:
    """ln Σ exp over the classes, of each sample."""
    return given.detach().double().logsumexp(1 if given.ndim > 1 else 0)


def added_before(given: Tensor) -> float:
    """ε of values that are log(p + ε): Σ exp is 1 + K ε for every sample, and no exp is below ε. Otherwise 0."""
    if given.ndim < 2 or is_probabilities(given):
        return 0.0
    sums, powers = log_sums(given).exp(), given.detach().double().exp()
    epsilon = float(sums.mean() - 1) / given.shape[1]
    rounding = 4 * torch.finfo(given.dtype).eps * given.shape[1]
    same = float(sums.max() - sums.min()) <= rounding * float(sums.mean())
    varied = float(powers.max() - powers.min()) > LOG_SUM  # else any function of outputs that are all alike is that
    return epsilon if same and varied and float(powers.min()) > epsilon * (1 - rounding) > 0 else 0.0


def epsilon_in_log(subject: Subject) -> Iterator[Finding]:
    """log(p + ε): where p is far below ε the gradient is lost. A note where ε is so small that this hardly happens."""
    for call in subject.start.losses:
        size = added_before(call.given) if call.name == "nll_loss" else 0.0
        if size > LARGE_EPSILON:
            text = "number added to probabilities before the logarithm, (Σ exp − 1) / K of each sample"
            yield Finding("epsilon-in-log", "slows", (Evidence(text, size, LARGE_EPSILON, "above"),))
            return
    for each in subject.start.epsilons:
        low, high = float(each.values.min()), float(each.values.max())
        if low >= 0 and high <= 1 + 2 * each.size:
            severity: Severity = "slows" if each.size > LARGE_EPSILON else "note"
            text = "number added to a probability, or that it is cut off at, before the logarithm"
            lost = float((each.values < 2 * each.size).float().mean())
            evidence = Evidence(text, each.size, 0.0, "above"), Evidence("share of them below it", lost, 0.0, "above")
            yield Finding("epsilon-in-log", severity, evidence)
            return

"""A census of the batch's labels, and whether alike inputs have alike labels."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.loss_calls import LabelsOutsideError
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.record import MissingError

EVEN = 0.5  # entropy of labels, as a share of ln K
FEWEST = 32  # samples that say something about shares
BEYOND = 1.0  # standard deviations above what permuted labels give


def labels_shifted(subject: Subject) -> Iterator[Finding]:
    """Labels that are no index of a class, such as 1 … K for K outputs."""
    found = subject.first_step
    if isinstance(found, LabelsOutsideError):
        low = Evidence("smallest label", found.smallest, 0, "below", tensor="labels")
        high = Evidence("largest label, against K − 1", found.largest, found.classes - 1, "above", tensor="labels")
        yield Finding("labels-shifted", "prevents", (high, low) if found.largest >= found.classes else (low,))
        return
    class_indices(subject)


def class_indices(subject: Subject) -> Tensor:
    """The class of each sample, those that the loss ignores left out."""
    call = subject.start.loss_call
    if call is None or not call.of_classes or call.target.ndim != 1:
        raise MissingError("labels that are one class a sample, in a loss of PyTorch's")
    return call.target[call.target >= 0]


def class_imbalance(subject: Subject) -> Iterator[Finding]:
    """A note: whether the batch is honest only the user knows."""
    labels = class_indices(subject)
    if len(labels) < FEWEST:
        raise MissingError(f"a batch of {FEWEST} samples")
    shares = labels.bincount().double() / len(labels)
    kept = shares[shares > 0]
    assert subject.start.loss_call is not None
    even = float(-(kept * kept.log()).sum()) / math.log(max(2, min(subject.start.loss_call.classes, len(labels))))
    if even < EVEN:
        most = Evidence("share of the most frequent class in the batch", float(shares.max()), EVEN, "above")
        text = "entropy of the batch's labels, as a share of the largest possible"
        yield Finding("class-imbalance", "note", (Evidence(text, even, EVEN, "below"), most))


def labels_shuffled(subject: Subject) -> Iterator[Finding]:
    """A note where a sample's nearest neighbour has its label no more often than chance would have it."""
    labels, inputs = class_indices(subject), subject.inputs
    count = len(labels)
    if count != len(inputs):
        raise MissingError("one label a sample")
    shares = labels.bincount().double() / count
    chance = float((shares * (shares * count - 1)).sum() / (count - 1))
    if count < FEWEST or chance > EVEN:
        raise MissingError(f"a batch of {FEWEST} samples of several classes")
    distances = torch.cdist(inputs.reshape(count, -1).float(), inputs.reshape(count, -1).float())
    distances.fill_diagonal_(float("inf"))
    agreeing = float((labels[distances.argmin(1)] == labels).float().mean())
    bound = chance + BEYOND * math.sqrt(chance * (1 - chance) / count)
    if agreeing < bound:
        text = "share of samples whose nearest neighbour in the batch has the same label, against shuffled labels"
        yield Finding("labels-shuffled", "note", (Evidence(text, agreeing, bound, "below"),))

"""Does each output depend on its own sample alone?"""

from collections.abc import Iterator

import torch

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.copies import Copy
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.words import difference, tensors_in
from backlight.diagnosis.record import MissingError

MIXED = 1e-3  # of the outputs' own differences; sums in another order make far less


def mixed_samples(subject: Subject) -> Iterator[Finding]:
    """An axis that is taken for another one lets samples of a batch into each other. The model is in evaluation mode,
    where batch norm keeps them apart."""
    share = leak(subject)
    if share is not None and share > MIXED:
        text = "change of a sample's outputs when the others change, in units of how outputs differ"
        yield Finding("wrong-gradient", "slows", (Evidence(text, share, MIXED, "above", tensor="outputs"),))


def leak(subject: Subject) -> float | None:
    """How much the outputs of the sample in the middle change when the others change places; None where that cannot be
    seen. (Taken for time, the batch would leave its first sample alone, or its last.)"""
    count = len(subject.batch)
    order = torch.arange(count, device=subject.batch.labels.device)
    middle = count // 2
    others = torch.cat([order[:middle].flip(0), order[middle : middle + 1], order[middle + 1 :].flip(0)])
    copy = subject.copy()
    copy.model.eval()
    if count < 4 or batch_statistics(copy):
        return None
    with torch.no_grad():
        first, again = (copy.outputs(subject.batch) for _ in range(2))
        moved = copy.outputs(subject.batch.take(others))
    if difference(first, again) > 0:
        raise MissingError("outputs that are the same each time")
    pairs = zip(tensors_in(first), tensors_in(moved), strict=True)
    rows = [(b - a).double().reshape(count, -1) for a, b in pairs if a.ndim and len(a) and len(a) % count == 0]
    if not rows:
        raise MissingError("outputs of each sample")
    changed = torch.cat(rows, dim=1)
    spread = float(changed.square().mean().sqrt())
    return float(changed[middle].abs().max()) / spread if spread else None


def batch_statistics(copy: Copy) -> bool:
    """Whether a norm takes the batch's own statistics although it is in evaluation mode."""
    kinds = (each for each in copy.model.modules() if isinstance(each, torch.nn.modules.batchnorm._BatchNorm))
    return any(each.running_mean is None or each.training for each in kinds)

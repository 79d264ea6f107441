"""Does each output depend on its own sample alone?"""

from collections.abc import Iterator

import torch

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.copies import Copy
from backlight.diagnosis.probes.subject import Subject
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
    """How much the first sample's outputs change with the others' inputs; None where that cannot be seen."""
    count = len(subject.batch)
    rows = torch.arange(count, device=subject.batch.labels.device)
    others = torch.cat([rows[:1], rows[1:].roll(1)]) if count > 2 else rows
    copy = subject.copy()
    copy.model.eval()
    if count < 3 or batch_statistics(copy):
        return None
    with torch.no_grad():
        first, again = (copy.outputs(subject.batch) for _ in range(2))
        moved = copy.outputs(subject.batch.take(others))
    if not isinstance(first, torch.Tensor) or len(first) % count or not torch.equal(first, again):
        raise MissingError("outputs of each sample that are the same each time")
    own = len(first) // count
    spread = float((moved[own:] - first[own:]).double().square().mean().sqrt())
    return float((moved[:own] - first[:own]).abs().max()) / spread if spread else None


def batch_statistics(copy: Copy) -> bool:
    """Whether a norm takes the batch's own statistics although it is in evaluation mode."""
    kinds = (each for each in copy.model.modules() if isinstance(each, torch.nn.modules.batchnorm._BatchNorm))
    return any(each.running_mean is None or each.training for each in kinds)

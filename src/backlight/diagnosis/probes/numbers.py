"""Is every value finite, and if not, where is the first that is not?"""

from collections.abc import Iterator

from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.words import in_order_of_use, layer_of, tensors_in


def nonfinite_values(subject: Subject) -> Iterator[Finding]:
    """NaN or infinite values, at the first place on the way: inputs, parameters, layers, loss, gradients."""
    for tensor, layer, count in places(subject):
        if count:
            text = "values that are NaN or infinite, first in"
            yield Finding("nonfinite-values", "prevents", (Evidence(text, count, 0, "above", tensor=tensor),), layer)
            return


def places(subject: Subject) -> Iterator[tuple[str, str, float]]:
    """(name of a tensor, its layer, how many of its values are not finite), in the order of the computation."""
    for part in tensors_in(subject.batch.inputs):
        yield "inputs", "", nonfinite(part)
    if subject.batch.labels.is_floating_point():
        yield "labels", "", nonfinite(subject.batch.labels)
    for name, parameter in subject.model.named_parameters():
        yield f"param/{name}", layer_of(name), nonfinite(parameter)
    start = subject.start
    for each in start.seen:
        yield f"act/{each.name}", each.name, float(not each.finite)
    for part in tensors_in(start.outputs):
        yield "outputs", "", nonfinite(part)
    yield "loss", "", nonfinite(start.loss)
    backwards = in_order_of_use(start.gradients, [each.name for each in start.seen])[::-1]
    for name in backwards:
        gradient = start.gradients[name]
        yield f"grad/{name}", layer_of(name), 0.0 if gradient is None else nonfinite(gradient)


def nonfinite(values: Tensor) -> float:
    held = values.detach()
    held = held.coalesce().values() if held.is_sparse else held
    return float((~held.isfinite()).sum())

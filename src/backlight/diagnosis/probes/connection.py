"""Does every parameter get a gradient, and does the optimizer know it?"""

from collections.abc import Iterator

import torch
from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.probes.copies import tensors_of
from backlight.diagnosis.probes.steady import steady
from backlight.diagnosis.probes.subject import SEED, Subject
from backlight.diagnosis.probes.words import counted, in_order_of_use, layer_of, tensors_in
from backlight.diagnosis.record import MissingError

SLOPE = 1e-4  # of a loss; rounding of double precision makes less than 1e-9 of it


def not_in_optimizer(subject: Subject) -> Iterator[Finding]:
    """Tensors that get a gradient and that no step changes, those among them that no module has registered too."""
    reached = [name for name, gradient in subject.start.gradients.items() if gradient is not None]
    loose = unregistered(subject)
    if subject.optimizer is None:
        if loose:
            text = "tensors that get a gradient and are not among model.parameters()"
            yield Finding("not-in-optimizer", "slows", counted(text, list(loose)), layer_of(next(iter(loose))))
            return
        raise MissingError("the optimizer")
    held = {id(each) for group in subject.optimizer.param_groups for each in group["params"]}
    own = dict(subject.model.named_parameters())
    missing = [name for name in reached if id(own[name]) not in held]
    missing += [name for name, tensor in loose.items() if id(tensor) not in held]
    if missing:
        text = "tensors that get a gradient and are not among the optimizer's parameters"
        severity: Severity = "prevents" if len(missing) == len(reached) + len(loose) else "slows"
        missing = in_order_of_use(missing, [each.name for each in subject.start.seen])
        yield Finding("not-in-optimizer", severity, counted(text, missing), layer_of(missing[0]))


def unregistered(subject: Subject) -> dict[str, Tensor]:
    """The user's tensors, by name, that a gradient reaches although the model does not list them as parameters."""
    copy = subject.start.copy
    listed = {id(each) for each in copy.model.parameters()}
    if isinstance(copy.loss_fn, torch.nn.Module):
        listed |= {id(each) for each in copy.loss_fn.parameters()}
    names = {id(tensor): name for name, tensor in tensors_of(copy.model)}
    originals = dict(tensors_of(subject.model))
    loose = [each for each in subject.start.leaves if id(each) not in listed]
    found = {names.get(id(leaf), f"(outside of the model: {number})"): leaf for number, leaf in enumerate(loose)}
    place = {name: number for number, name in enumerate(originals)}
    return {name: originals.get(name, found[name]) for name in sorted(found, key=lambda name: place.get(name, -1))}


def frozen_parameters(subject: Subject) -> Iterator[Finding]:
    """Parameters that want no gradient. That is an intention where the optimizer was not given them, and a slip where
    it was, or where nothing else is left."""
    parameters = dict(subject.model.named_parameters())
    frozen = [name for name, each in parameters.items() if not each.requires_grad]
    if not frozen:
        return
    held: set[int] = set()
    if subject.optimizer is not None:
        held = {id(each) for group in subject.optimizer.param_groups for each in group["params"]}
    given = [name for name in frozen if id(parameters[name]) in held]
    if len(frozen) == len(parameters):
        text = "parameters that want no gradient, which are all"
        yield Finding("frozen-parameters", "prevents", counted(text, frozen), layer_of(frozen[0]))
    elif given:
        text = "parameters that the optimizer was given and that want no gradient"
        yield Finding("frozen-parameters", "slows", counted(text, given), layer_of(given[0]))
    else:
        text = "parameters that want no gradient and that no optimizer was given"
        yield Finding("frozen-parameters", "note", counted(text, frozen), layer_of(frozen[0]))


def gradient_cut(subject: Subject) -> Iterator[Finding]:
    """Parameters on which the loss depends although its graph does not reach them."""
    if outputs_are_left(subject):
        return
    unreached = [name for name, gradient in subject.start.gradients.items() if gradient is None]
    cut = [name for name in unreached if matters(subject, name)]
    if cut:
        used = [each.name for each in subject.start.seen]
        text = "parameters that the loss depends on and that no gradient reaches"
        severity: Severity = "prevents" if len(cut) == len(subject.start.gradients) else "slows"
        yield Finding("gradient-cut", severity, counted(text, cut), layer_of(in_order_of_use(cut, used)[-1]))


def unused_parameters(subject: Subject) -> Iterator[Finding]:
    """Parameters that want a gradient and that the loss does not depend on."""
    if outputs_are_left(subject):
        return
    unreached = [name for name, gradient in subject.start.gradients.items() if gradient is None]
    unused = [name for name in unreached if not matters(subject, name)]
    if unused:
        text = "parameters that want a gradient and that the loss does not depend on"
        yield Finding("unused-parameters", "slows", counted(text, unused), layer_of(unused[0]))


def loss_not_connected(subject: Subject) -> Iterator[Finding]:
    """Outputs are in a graph, the loss is not, or its graph does not come by the outputs where labels do."""
    if outputs_are_left(subject):
        text = "output tensors that the gradient of the loss reaches"
        yield Finding("loss-not-connected", "prevents", (Evidence(text, 0.0, 1.0, "below", tensor="loss"),))
    elif (share := without_labels(subject)) > SLOPE:
        text = "slope, in units of the loss, of what the labels do to it, of which its gradient knows nothing"
        yield Finding("loss-not-connected", "prevents", (Evidence(text, share, SLOPE, "above", tensor="loss"),))


def without_labels(subject: Subject) -> float:
    """How the difference that other labels make to the loss changes with the outputs, if autograd says that it does
    not: then the labels come to a loss of detached outputs, and something else, such as a penalty, to the gradient."""
    outputs, labels = subject.start.outputs, subject.batch.labels
    if not isinstance(outputs, Tensor) or not outputs.is_floating_point() or len(labels) < 2:
        return 0.0
    copy = subject.copy()
    at = outputs.detach().double().requires_grad_()
    wanted = labels.double() if labels.is_floating_point() else labels

    def difference(values: Tensor) -> Tensor:
        return copy.loss_fn(values, wanted) - copy.loss_fn(values, wanted.roll(1, 0))

    found = difference(at)
    if found.requires_grad:
        (gradient,) = torch.autograd.grad(found, [at], allow_unused=True)
        if gradient is not None and bool(gradient.any()):
            return 0.0
    with torch.no_grad():
        size = float(at.square().mean().sqrt()) or 1.0
        generator = torch.Generator(at.device).manual_seed(SEED)
        direction = torch.randn(at.shape, generator=generator, dtype=at.dtype, device=at.device)
        step = 1e-6 * size * direction
        slope = float(difference(at + step) - difference(at - step)) / 2e-6
        return abs(slope) / max(abs(float(copy.loss_fn(at, wanted))), 1e-30)


def outputs_are_left(subject: Subject) -> bool:
    """Whether the graph is cut between outputs and loss."""
    outputs = [each for each in tensors_in(subject.start.outputs) if each.requires_grad]
    loss = subject.start.loss
    if not outputs:
        return False
    if not loss.requires_grad:
        return True
    found = torch.autograd.grad(loss, outputs, retain_graph=True, allow_unused=True)
    return all(each is None for each in found)


def matters(subject: Subject, name: str) -> bool:
    """Whether the loss changes with a parameter, by trying."""
    copy = steady(subject)
    parameter = dict(copy.model.named_parameters())[name]
    with torch.no_grad():
        before = copy.loss(subject.batch)
        size = (
            parameter.std() if parameter.numel() > 1 and parameter.std() > 0 else torch.ones((), device=before.device)
        )
        parameter.add_(size * torch.randn_like(parameter))
        return not torch.equal(before, copy.loss(subject.batch))

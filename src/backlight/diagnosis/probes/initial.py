"""Are the initial weights such that units differ, fire, and pass signals on at their size?"""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Literal

from torch import Tensor, nn

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.probes.start import Seen
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.words import is_norm, layer_of
from backlight.diagnosis.record import MissingError

ALIKE = 1e-5  # of the largest gradient in a tensor
GATES = (1, 3, 4)  # blocks of units that a recurrent or attention layer stacks in one matrix
PREFIX = (4, 16)  # entries that have to agree, at least, and as many as are compared
WEAK, STRONG = 0.1, 4.0  # √(fan-in) · std: 0.58 is PyTorch's default, 1.41 is He's, 1.67 for tanh
QUIET, LOUD = 0.1, 4.0  # what such a layer then does to its input's size
SMALL_SIGNAL = 0.5  # below which a signal may be blown up without harm
HIGH_START = 4.0  # times ln K
DEAD = 0.75  # share of a layer's units
SATURATED = 0.5  # share of units × samples
FAINT = 1e-4  # gradient of the first layer in units of the last one's, root mean squares
VIOLENT = 1e3


def weights_of(subject: Subject) -> dict[str, Tensor]:
    """Trainable matrices and kernels of the model, each once."""
    named = subject.start.copy.model.named_parameters()
    return {name: each.detach() for name, each in named if each.ndim > 1 and each.requires_grad and each.numel() > 1}


def constant_initialisation(subject: Subject) -> Iterator[Finding]:
    """Units of a layer with the same weights and the same gradients: they stay one unit for ever. (Zeros in a last
    layer are fine: its gradients differ.)"""
    for name, weights in weights_of(subject).items():
        gradient = subject.start.gradients[name]
        if gradient is None or gradient.is_sparse:
            continue
        share = tied_share(weights.flatten(1), gradient.flatten(1))
        if share:
            text = "share of a layer's units whose weights and gradients are those of another unit"
            evidence = Evidence(text, share, 0.0, "above", tensor=f"param/{name}")
            yield Finding("constant-initialisation", "prevents", (evidence,), layer_of(name))


def tied_share(weights: Tensor, gradient: Tensor) -> float:
    """1 if within each block of units all are the same, 0 otherwise."""
    tolerance = ALIKE * float(gradient.abs().max())
    for blocks in GATES:
        if len(weights) % blocks or len(weights) // blocks < 2:
            continue
        pairs = zip(weights.chunk(blocks), gradient.chunk(blocks), strict=True)
        if all(bool((w == w[0]).all()) and bool(((g - g[0]).abs() <= tolerance).all()) for w, g in pairs):
            return 1.0
    return 0.0


def same_seed_in_layers(subject: Subject) -> Iterator[Finding]:
    """Layers whose first weights are the same up to a factor: the same random numbers were drawn for both. PyTorch's
    own stacks of transformer layers are made of copies, which is a note."""
    weights = {name: each for name, each in weights_of(subject).items() if float(each.std()) > 0}
    pairs = [(one, other) for one, other in combinations(weights, 2) if same_draw(weights[one], weights[other])]
    if pairs:
        stacks = (nn.TransformerEncoder, nn.TransformerDecoder)
        modules = subject.start.copy.model.named_modules()
        copied = [f"{name}." if name else "" for name, module in modules if isinstance(module, stacks)]
        meant = all(any(each.startswith(prefix) for prefix in copied) for pair in pairs for each in pair)
        text = "pairs of layers that begin with the same numbers, up to a factor; one of them is"
        evidence = Evidence(text, float(len(pairs)), 0.0, "above", tensor=f"param/{pairs[0][1]}")
        like = Evidence("drawn like", 1.0, 0.0, "above", tensor=f"param/{pairs[0][0]}")
        yield Finding("same-seed-in-layers", "note" if meant else "slows", (evidence, like), layer_of(pairs[0][1]))


def same_draw(one: Tensor, other: Tensor) -> bool:
    count = min(one.numel(), other.numel(), PREFIX[1])
    if count < PREFIX[0]:
        return False
    first, second = (each.reshape(-1)[:count].double() for each in (one, other))
    scale = float(first.norm() * second.norm())
    return scale > 0 and float(first @ second) / scale > 1 - 1e-9


def initial_scale(subject: Subject) -> Iterator[Finding]:
    """Layers whose weights are far from the size at which a signal keeps its own, and that shrink or blow up what they
    are given; a norm right after them undoes that. And a loss at the start that is far above ln K."""
    shared = shared_with_embedding(subject.start.copy.model)
    layers = weighted_layers(subject)
    for each in layers:
        weight = matrix_of(each)
        if not weight.requires_grad or id(weight) in shared or normalised_next(subject, each) or weight.numel() < 2:
            continue
        gain = float(weight.detach().float().std()) * math.sqrt(weight[0].numel())
        weak = 0 < gain < WEAK and each.spread < QUIET * each.input_rms and each is not layers[-1]
        loud = gain > STRONG and each.rms > LOUD * max(SMALL_SIGNAL, each.input_rms)
        if weak or loud:
            side: Literal["above", "below"] = "below" if weak else "above"
            text = "standard deviation of the weights times √(fan-in)"
            size = Evidence(text, gain, WEAK if weak else STRONG, side, tensor=f"param/{each.name}.weight")
            effect = each.rms / each.input_rms if each.input_rms else math.inf
            text = "size of what the layer gives, in units of its input's"
            yield Finding("initial-scale", "slows", (size, Evidence(text, effect, 1.0, side)), each.name)
    yield from high_start(subject, "note" if shared else "slows")


def weighted_layers(subject: Subject) -> list[Seen]:
    """Calls of fully connected and convolutional layers, in order."""
    kinds = (nn.Linear, nn.modules.conv._ConvNd)
    return [each for each in subject.start.seen if isinstance(each.module, kinds)]


def matrix_of(layer: Seen) -> Tensor:
    weight = layer.module.weight
    assert isinstance(weight, Tensor)
    return weight


def normalised_next(subject: Subject, layer: Seen) -> bool:
    """Whether the module with parameters that is called after it brings values to one scale."""
    seen = subject.start.seen
    after = next(number for number, each in enumerate(seen) if each is layer) + 1
    return after < len(seen) and is_norm(seen[after].module)


def high_start(subject: Subject, severity: Severity) -> Iterator[Finding]:
    call = subject.start.loss_call
    if call is None or not call.of_classes or call.name != "cross_entropy" or call.classes < 2:
        return
    samples = call.target.numel() if call.summed else 1
    loss, even = float(subject.start.loss.detach()) / samples, math.log(call.classes)
    if loss > HIGH_START * even:
        text = "loss of a sample at the start, against some times ln K, which equal outputs give"
        yield Finding("initial-scale", severity, (Evidence(text, loss, HIGH_START * even, "above", tensor="loss"),))


def shared_with_embedding(model: nn.Module) -> set[int]:
    """Matrices that are an embedding too, whose size is not that of a layer's."""
    kinds = (nn.Embedding, nn.EmbeddingBag)
    return {id(module.weight) for module in model.modules() if isinstance(module, kinds)}


def born_dead(subject: Subject) -> Iterator[Finding]:
    """ReLU layers in which most units fire for no sample of the batch before the first step."""
    gated = [each for each in subject.start.gated if each.function == "relu"]
    if not gated:
        raise MissingError("a layer of ReLU units")
    for each in gated:
        dead = float((~each.alive).float().mean())
        if dead > DEAD:
            units = tuple(int(unit) for unit in (~each.alive).nonzero().reshape(-1))
            text = "share of units that fire for no sample of the batch"
            evidence = Evidence(text, dead, DEAD, "above", tensor=f"act/relu({each.layer})", units=units)
            yield Finding("born-dead", "prevents" if dead == 1 else "slows", (evidence,), each.layer)


def saturated_units(subject: Subject) -> Iterator[Finding]:
    """Layers of tanh or sigmoid units whose slope is nearly 0 for most samples. Outputs may be as sure as they like."""
    start = subject.start
    last = start.outputs.data_ptr() if isinstance(start.outputs, Tensor) else 0
    gated = [each for each in start.gated if each.function in ("tanh", "sigmoid") and each.place != last]
    if not gated:
        raise MissingError("a layer of tanh or sigmoid units")
    for each in gated:
        if each.saturated > SATURATED:
            text = "share of units and samples at which the slope is nearly 0"
            evidence = Evidence(text, each.saturated, SATURATED, "above", tensor=f"act/{each.function}({each.layer})")
            yield Finding("saturated-units", "slows", (evidence,), each.layer)


def gradient_ratio(subject: Subject) -> tuple[float, str]:
    """(gradient in the first third of the layers, the largest there, in units of the last one's; name of the first)."""
    names = {id(each): name for name, each in subject.start.copy.model.named_parameters()}
    sizes = []
    for each in weighted_layers(subject):
        gradient = subject.start.gradients.get(names.get(id(matrix_of(each)), ""))
        if gradient is not None:
            sizes.append((float(gradient.square().mean().sqrt()), each.name))
    if len(sizes) < 2 or sizes[-1][0] == 0 or sizes[0][0] == 0:
        raise MissingError("two layers that a gradient reaches")
    first = max(size for size, _ in sizes[: -(-len(sizes) // 3)])  # of attention, queries and keys get next to none
    return first / sizes[-1][0], sizes[0][1]


def vanishing_gradients(subject: Subject) -> Iterator[Finding]:
    """The first layer gets next to nothing of what the last one gets."""
    ratio, layer = gradient_ratio(subject)
    if ratio < FAINT:
        text = "gradient of the first layers' weights, in units of the last one's"
        yield Finding("vanishing-gradients", "slows", (Evidence(text, ratio, FAINT, "below"),), layer)


def exploding_gradients(subject: Subject) -> Iterator[Finding]:
    """The first layer gets far more than the last one."""
    ratio, layer = gradient_ratio(subject)
    if ratio > VIOLENT:
        text = "gradient of the first layers' weights, in units of the last one's"
        yield Finding("exploding-gradients", "slows", (Evidence(text, ratio, VIOLENT, "above"),), layer)

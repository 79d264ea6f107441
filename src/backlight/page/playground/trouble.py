"""What goes wrong in a small network, in a sentence: units that cannot learn, and numbers that stop being numbers."""

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import LayerPass
from backlight.page.playground.branch import Branch
from backlight.page.playground.settings import PlaygroundSettings
from backlight.recording.gates import GATES

SATURATING = ("tanh", "sigmoid")
MOSTLY = 0.95  # of the samples
LADDER = tuple(10.0**power for power in range(1, 7))  # how much smaller a rate is tried


@dataclass(frozen=True)
class Units:
    """(layer, unit) from 1, of hidden units; `remarks` say it in words."""

    dead: tuple[tuple[int, int], ...]
    saturated: tuple[tuple[int, int], ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Trouble:
    """Why a network went to NaN: words, the last step before, and settings that were tried and stay finite."""

    words: str
    step: int
    cure: PlaygroundSettings | None


def units_of(network: DeepNeuralNetwork, passes: list[LayerPass]) -> Units:
    """From a forward pass of all training samples."""
    dead: list[tuple[int, int]] = []
    saturated: list[tuple[int, int]] = []
    remarks: list[str] = []
    for number, (layer, passed) in enumerate(zip(network.layers[:-1], passes[:-1], strict=True), start=1):
        name, width = layer.activation.name, passed.activation.shape[1]
        if name == "relu":
            here = np.flatnonzero((passed.pre_activation <= 0).all(axis=0))
            dead += [(number, int(unit) + 1) for unit in here]
            remarks += dead_words(number, [int(unit) + 1 for unit in here], width, len(passed.activation))
        elif name in SATURATING:
            low, high = GATES[name]
            outside = ((passed.activation < low) | (passed.activation > high)).mean(axis=0)
            saturated += [(number, int(unit) + 1) for unit in np.flatnonzero(outside > MOSTLY)]
    if saturated:
        remarks.append(
            f"{named(saturated)} {'is' if len(saturated) == 1 else 'are'} saturated: on more than {MOSTLY:.0%} of the "
            "samples the activation is so near its limit that hardly any gradient passes."
        )
    return Units(tuple(dead), tuple(saturated), tuple(remarks))


def dead_words(layer: int, units: list[int], width: int, samples: int) -> list[str]:
    if not units:
        return []
    if len(units) == width:
        return [
            f"Layer {layer} is dead: the input of every unit is 0 or below for each of the {samples} samples, so ReLU "
            "gives 0 and no gradient passes. Nothing up to this layer can learn any more; only the output biases do."
        ]
    who = named([(layer, unit) for unit in units])
    its, are, inputs = ("its", "is", "input is") if len(units) == 1 else ("their", "are", "inputs are")
    return [
        f"{who} {are} dead: {its} {inputs} 0 or below for each of the {samples} samples, so ReLU gives 0, its "
        f"derivative is 0, and {its} weights get no gradient."
    ]


def named(units: list[tuple[int, int]]) -> str:
    """
    >>> named([(1, 2)]), named([(1, 2), (1, 3)])
    ('Unit 2 of layer 1', 'Units 2 of layer 1, 3 of layer 1')
    """
    words = ", ".join(f"{unit} of layer {layer}" for layer, unit in units)
    return f"Unit{'s' if len(units) > 1 else ''} {words}"


def divergence(branch: Branch, step: int) -> Trouble:
    """Of a branch whose loss is not finite after `step` updates: the first such step, the cause, and what helps."""
    first = first_broken(branch, step)
    before = max(branch.first, first - 1)
    where = f"After step {first:,} the loss is no longer a number"
    if first <= branch.first:
        return Trouble(f"{where}: the network begins like that.", before, None)
    largest = float(np.abs(branch.at(before).parameters).max())
    grown = f"{where}: a step before, the largest weight was {largest:.3g}"
    for cure, words in cures(branch.settings):
        if stays_finite(branch, cure, first):
            return Trouble(f"{grown}. {words}: tried from the branch's beginning, it stays finite.", before, cure)
    return Trouble(f"{grown}. Smaller rates were tried and do not help.", before, None)


def cures(settings: PlaygroundSettings) -> list[tuple[PlaygroundSettings, str]]:
    """Changes of one setting, the likeliest first."""
    rate, l2 = settings.learning_rate, settings.l2
    tried = [
        (
            replace(settings, learning_rate=rate / factor),
            f"The learning rate {rate:g} is too high; use {rate / factor:g}",
        )
        for factor in LADDER
    ]
    if l2 * rate > 1:  # a step multiplies weights by 1 − ηλ
        words = (
            f"The penalty is too strong: a step multiplies each weight by 1 − ηλ = {1 - rate * l2:.3g}; leave it out"
        )
        return [(replace(settings, l2=0.0), words), *tried]
    return tried


def stays_finite(branch: Branch, settings: PlaygroundSettings, step: int) -> bool:
    """Whether the branch under these settings instead is finite well after `step`."""
    start = branch.kept[0]
    changed = branch.branched(0, start, settings)
    return changed.measure(changed.at(branch.first + 2 * (step - branch.first) + 20)).finite


def first_broken(branch: Branch, step: int) -> int:
    """The first step whose loss is not finite, by halving: what is broken stays broken."""
    low, high = branch.first, step  # finite at low, unless it is the answer
    if not branch.measure(branch.at(low)).finite:
        return low
    while high - low > 1:
        middle = (low + high) // 2
        if branch.measure(branch.at(middle)).finite:
            low = middle
        else:
            high = middle
    return high

"""What rules read of a run: its curves and its tensors, each fetched once and only if a rule asks for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backlight.recording.facts import Facts
from backlight.recording.gates import gate_name
from backlight.recording.run import Run
from backlight.recording.series import SummarySeries

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]
HELD_OUT = ("val", "test", "held", "eval")
NO_SLOPE = ("relu", "relu6", "hardtanh")  # activation functions whose slope is exactly 0 somewhere
SATURATING = ("tanh", "sigmoid", "hardsigmoid", "hardtanh")
NORMALISING = ("Norm",)  # part of the kind of modules that set the scale of what they give


class MissingError(Exception):
    """The run does not hold what a rule needs; the message says what."""


@dataclass(frozen=True)
class Record:
    """A run as rules see it. Raises MissingError where it does not hold what is asked for."""

    run: Run
    _series: dict[str, SummarySeries] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def names(self) -> list[str]:
        """Of tensors, in the order in which they were first recorded."""
        return self.run.tensor_order()

    @cached_property
    def facts(self) -> Facts:
        found = self.run.facts()
        if found is None:
            raise MissingError("facts.json, which training writes into the run folder")
        return found

    @cached_property
    def known(self) -> Facts:
        """The facts, or those of somebody who knows nothing."""
        return self.run.facts() or Facts()

    def tensors(self, kind: str) -> list[str]:
        """Names of one kind ("act", "param", "grad", "update"), in that order."""
        found = [name for name in self.names if name.startswith(f"{kind}/")]
        if not found:
            raise MissingError(f"tensors {kind}/…")
        return found

    def series(self, name: str) -> SummarySeries:
        if name not in self._series:
            self._series[name] = self.run.series(name)
        return self._series[name]

    def has(self, name: str) -> bool:
        return name in self.names

    # --- scalars -----------------------------------------------------------------------------------------------------

    def curve(self, name: str) -> Curve:
        """(steps, values) of a scalar."""
        steps, values = self.run.scalar(name)
        if not len(steps):
            raise MissingError(f"the scalar {name}")
        return steps, values

    @cached_property
    def loss(self) -> Curve:
        """Of the training part."""
        return self._curve_like("loss", False)

    @cached_property
    def accuracy(self) -> Curve:
        """Of the training part."""
        return self._curve_like("acc", False)

    @cached_property
    def test_loss(self) -> Curve:
        return self._curve_like("loss", True)

    @cached_property
    def test_accuracy(self) -> Curve:
        return self._curve_like("acc", True)

    def _curve_like(self, word: str, held_out: bool) -> Curve:
        """The longest scalar whose name has the word, of the training part or of a held-out one."""
        parts = {name: name.lower().removeprefix("train/") for name in self.run.scalar_names()}
        found = [
            name
            for name, part in parts.items()
            if word in part and any(held in part for held in HELD_OUT) == held_out and "balanced" not in part
        ]
        if not found:
            raise MissingError(f"a scalar such as {'test' if held_out else 'train'}/{word}")
        return max((self.curve(name) for name in found), key=lambda curve: len(curve[0]))

    # --- the network -------------------------------------------------------------------------------------------------

    @cached_property
    def weights(self) -> list[str]:
        """Names of weight matrices and kernels, without "param/", in order of the forward pass.

        What a module of several layers has beside them, such as places of tokens, is no layer's.
        """
        parameters = [name.removeprefix("param/") for name in self.tensors("param")]
        fan_in = {each.name: each.fan_in for each in self.known.parameters}
        found = [name for name in parameters if (fan_in[name] if name in fan_in else looks_like_weights(name))]
        if not found:
            raise MissingError("weights")
        within = {name: name.rpartition(".")[0] for name in found}
        return [
            name
            for name, module in within.items()
            if not any(other != module and f"{other}.".startswith(f"{module}." if module else "")
                       for other in within.values())
        ]  # fmt: skip

    def fan_in(self, weight: str) -> int:
        for each in self.facts.parameters:
            if each.name == weight and each.fan_in:
                return each.fan_in
        raise MissingError(f"the fan-in of {weight}")

    def bias_of(self, weight: str) -> str | None:
        """The bias of the same layer, where it has one."""
        name = f"b{weight[1:]}" if looks_numbered(weight) else f"{weight.rpartition('.')[0]}.bias"
        return name if self.has(f"param/{name}") else None

    @cached_property
    def output_bias(self) -> str:
        name = self.bias_of(self.weights[-1])
        if name is None:
            raise MissingError("a bias of the output layer")
        return name

    @cached_property
    def output(self) -> str:
        """The tensor that the network gives: the last activation."""
        return self.tensors("act")[-1]

    @cached_property
    def classes(self) -> int:
        """K."""
        if self.known.classes:
            return self.known.classes
        return int(self.series(f"param/{self.output_bias}").count[0])

    @cached_property
    def batch_size(self) -> int:
        """Samples of an update: as training says, or as many as the outputs have rows."""
        return self.known.batch_size or int(self.series(self.output).count[0]) // self.classes

    @cached_property
    def gated(self) -> list[str]:
        """Activations whose units pass a gradient or not, in order of the forward pass."""
        return [name for name in self.tensors("act") if self.series(name).live.shape[1]]

    def gates(self, kinds: tuple[str, ...]) -> Iterator[str]:
        """Those of some activation functions.

        Raises:
            MissingError: if there are none.
        """
        found = [name for name in self.gated if self.activation(name) in kinds]
        if not found:
            raise MissingError(f"layers with {', '.join(kinds[:2])} …")
        yield from found

    def activation(self, name: str) -> str:
        """The name in GATES of the function that gave an activation; "relu" where nobody knows."""
        short = name.removeprefix("act/")
        by_name = gate_name(short.partition("(")[0])
        if by_name:
            return by_name
        kinds = dict(self.known.modules)
        by_kind = gate_name(kinds.get(short.partition("(")[0], ""))
        if by_kind:
            return by_kind
        settings = self.run.settings
        convolution = short in ("a1", "a2")
        key = "activation" if "activation" in settings else "conv_activation" if convolution else "fc_activation"
        return gate_name(str(settings.get(key, "relu"))) or "relu"

    @cached_property
    def normalised(self) -> bool:
        """Whether something in the network sets the scale of what it gives."""
        return any(part in kind for _, kind in self.known.modules for part in NORMALISING)

    def update_ratio(self, parameter: str) -> Curve:
        """(steps, ‖update‖ / ‖parameter‖) in recorded steps."""
        update, values = self.series(f"update/{parameter}"), self.series(f"param/{parameter}")
        steps, ours, theirs = np.intersect1d(update.steps, values.steps, return_indices=True)
        norm = values.norm[theirs]
        ratio = np.divide(update.norm[ours], norm, out=np.full(len(steps), np.nan), where=norm > 0)
        return steps, ratio

    def update_ratios(self) -> dict[str, Curve]:
        """By weight; those that are never updated are left out."""
        self.tensors("update")
        return {name: self.update_ratio(name) for name in self.weights if self.has(f"update/{name}")}


def looks_numbered(name: str) -> bool:
    """
    >>> looks_numbered("W12"), looks_numbered("fc1.weight")
    (True, False)
    """
    return name[:1] == "W" and name[1:].isdigit()


def looks_like_weights(name: str) -> bool:
    return looks_numbered(name) or name.endswith("weight")

"""Carries out a hand-written program, recorded as `backlight train mlp` records, or not at all."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from backlight.data.batches import shuffled_batches
from backlight.data.dataset import Dataset
from backlight.errors import DivergedError
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import LayerPass
from backlight.networks.losses import Labels, cross_entropy, l2_penalty, softmax
from backlight.recording.facts import write_facts
from backlight.recording.run_writer import RunWriter
from backlight.training.optimizers import Adam, GradientDescent, Momentum
from backlight.training.settings import MLPSettings, plain_settings
from backlight.training.train_mlp import copies, facts_of, record, record_update

from .datasets import load
from .numpy_losses import loss_named
from .program import Data, Outcome, Program, Weights, capped


class ProgramNetwork(DeepNeuralNetwork):
    """A network whose loss and gradients are those of its program, wrong ones too."""

    def __init__(self, program: Program, data: Data):
        sizes = (data.train.X.shape[1], *program.layers, program.classes)
        super().__init__(sizes, program.activation, [program.seed, 79])  # type: ignore[arg-type]  # a seed as well
        self.program, self.loss = program, loss_named(program.loss, program.loss_setting)
        chance = np.random.default_rng([program.seed, 80])
        for change in program.on_start:
            change(self.weights(self.parameters), chance)

    def weights(self, arrays: list[Array]) -> list[Weights]:
        """(W, b) of each layer from a list in the order of `parameters`."""
        return [Weights(str(n + 1), arrays[2 * n], arrays[2 * n + 1]) for n in range(len(arrays) // 2)]

    def objective(self, X: Array, y: Labels, l2: float = 0.0) -> Array:
        penalty = sum(float(l2_penalty(layer.weights, l2)) for layer in self.layers)
        return np.asarray(self.loss.value(self.raw(X), y) + penalty)

    def forward(self, X: Array) -> list[LayerPass]:
        """With the softmax that the program has behind its last layer, if it has one."""
        passes = super().forward(X)
        if self.program.loss == "softmax-first":
            for _ in range(int(self.program.loss_setting)):
                passes[-1] = replace(passes[-1], activation=softmax(passes[-1].activation))
        return passes

    def raw(self, X: Array) -> Array:
        """The logits, before any softmax."""
        return super().forward(X)[-1].pre_activation

    def gradients(self, X: Array, y: Labels, l2: float = 0.0) -> list[Array]:
        passes = super().forward(X)
        found = self.program.backward(self, passes, self.loss.gradient(passes[-1].pre_activation, y), l2)
        for change in self.program.on_gradients:
            change(self.weights(found))
        return found


def own_gradients(network: DeepNeuralNetwork, X: Array, y: Labels, l2: float) -> list[Array]:
    """Those of the network's own class, where `record` would ask for the right ones."""
    return network.gradients(X, y, l2)


def train(program: Program, folder: Path | None = None) -> Outcome:
    """Trains to the last step, or until the loss is not finite; recorded into `folder` if there is one."""
    data = load(program)
    network = ProgramNetwork(program, data)
    with np.errstate(all="ignore"):
        if folder is None:
            for _ in updates(program, network, data):
                pass
        else:
            recorded(program, network, data, folder)
        return outcome(network, data)


def updates(program: Program, network: ProgramNetwork, data: Data) -> Iterator[int]:
    """Yields the number of updates done, before the first and after each."""
    p, y = program, data.train.y
    optimizer = optimizer_of(program, network)
    kept = [np.zeros_like(each) for each in network.parameters]
    for change in p.on_step:
        change(0, network.weights(network.parameters))
    yield 0
    for step, index in enumerate(batches(program, len(y))):
        optimizer.learning_rate = p.learning_rate * p.schedule(step / p.steps)
        for total, gradient in zip(kept, network.gradients(data.train.X[index], y[index], p.l2), strict=True):
            total += gradient
        optimizer.step(kept)
        if p.clear_every and (step + 1) % p.clear_every == 0:
            for total in kept:
                total[...] = 0
        for change in p.on_step:
            change(step + 1, network.weights(network.parameters))
        yield step + 1


def batches(program: Program, count: int) -> Iterator[np.ndarray]:
    p = program
    size = min(p.batch_size or count, count)
    if size == count:
        return (np.arange(count) for _ in range(p.steps))
    if p.shuffled:
        return shuffled_batches(count, size, p.seed, 0, p.steps)
    return (np.arange(step * size, (step + 1) * size) % count for step in range(p.steps))


def optimizer_of(program: Program, network: DeepNeuralNetwork) -> GradientDescent | Momentum | Adam:
    if program.optimizer == "sgd":
        return GradientDescent(network.parameters, program.learning_rate)
    if program.optimizer == "momentum":
        return Momentum(network.parameters, program.learning_rate, program.momentum)
    return Adam(network.parameters, program.learning_rate)


def recorded(program: Program, network: ProgramNetwork, data: Data, folder: Path) -> None:
    p = program
    settings = settings_of(program, network)
    dataset = Dataset(p.data, p.classes, data.train, data.test)
    with RunWriter(folder, ("program",), plain_settings(settings)) as writer:
        known = facts_of(settings, network, dataset)
        write_facts(folder, replace(known, loss="", shuffled=p.shuffled))  # the loss is the program's own affair
        if data.train.X.shape[1] == 2:
            writer.snapshot("train_points", np.column_stack([data.train.X, data.train.y]))
        before: list[Array] | None = None
        try:
            for step in updates(program, network, data):
                if before is not None:
                    record_update(network, before, writer, step - 1)
                before = None
                if step % p.record_every == 0 or step == p.steps:
                    before = copies(network) if step < p.steps else None
                    rate = p.learning_rate * p.schedule(min(step, p.steps - 1) / p.steps)
                    record(network, dataset, settings, writer, step, own_gradients)
                    test_loss = network.loss.value(network.raw(data.test.X), data.test.y)  # the program's own
                    writer.scalars(step, {"learning_rate": rate, "test/loss": test_loss})
            writer.event(p.steps, "finished")
        except DivergedError:
            pass  # it is in the record
        writer.snapshot("test_confusion", confusion(data.test.y, network.predict(data.test.X), p.classes))


def settings_of(program: Program, network: DeepNeuralNetwork) -> MLPSettings:
    p = program
    sizes = (network.layers[0].weights.shape[0], *(layer.weights.shape[1] for layer in network.layers))
    return MLPSettings(
        p.data, sizes, p.activation, p.optimizer, p.learning_rate, p.l2, p.steps, p.batch_size, p.samples, p.noise,
        p.classes, p.seed, p.record_every,
    )  # fmt: skip


def confusion(y: Labels, predicted: Labels, classes: int) -> np.ndarray:
    """(K, K): rows are true classes, columns predicted ones, as `backlight train cnn` leaves it."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (y, predicted), 1)
    return table


def outcome(network: ProgramNetwork, data: Data) -> Outcome:
    logits = network.raw(data.clean.X)
    accuracy = float((logits.argmax(axis=1) == data.clean.y).mean())
    own = float((network.predict(data.test.X) == data.test.y).mean())
    return Outcome(accuracy, capped(float(cross_entropy(logits, data.clean.y))), own)

"""Carries out a PyTorch program, watched as any user's loop would be, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backlight.data.dataset import Samples
from backlight.recording.data_facts import describe_data
from backlight.recording.facts import add_facts
from backlight.recording.run_writer import RunWriter
from backlight.watching.watch import watch

from .bases import BASES
from .datasets import load
from .numpy_trainer import batches, confusion
from .program import Data, Outcome, Program, Weights, capped
from .torch_models import MODELS

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Parts:
    """A program before its first step: what a probe may ask, and what the trainer trains."""

    model: nn.Module
    loss_fn: LossFunction
    optimizer: torch.optim.Optimizer
    data: Data

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        return tensors(Samples(self.data.train.X[:size], self.data.train.y[:size]))


def build(program: Program) -> Parts:
    """Call it, and use what it gives, with the random state forked: weights and dropout are drawn from it."""
    data = load(program)
    torch.manual_seed(program.seed * 2 + (program.part == "test") * 1_000_001)
    model = MODELS[program.model](program)
    chance = np.random.default_rng([program.seed, 80])
    for start in program.on_start:
        start(weights_of(model), chance)
    for change in program.on_model:
        change(model)
    return Parts(model, loss_of(program), optimizer_of(program, model), data)


def train(program: Program, folder: Path | None = None) -> Outcome:
    with torch.random.fork_rng(devices=[]), redirect_stderr(StringIO()):  # the watch says what it cost
        parts = build(program)
        if folder is None:
            for _ in updates(program, parts):
                pass
        else:
            recorded(program, parts, folder)
        return outcome(program, parts)


def updates(program: Program, parts: Parts) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yields (step, loss, share that was right) after each update; ends when the loss is not finite."""
    p, model, optimizer = program, parts.model, parts.optimizer
    images, labels = tensors(parts.data.train)
    one_step = step_of(program, parts)
    for change in p.on_step:
        change(0, weights_of(model))
    for step, index in enumerate(batches(program, len(labels))):
        at = torch.from_numpy(index)
        for group in optimizer.param_groups:
            group["lr"] = p.learning_rate * p.schedule(step / p.steps)
        loss, outputs = one_step(model, (images[at], labels[at]), step)
        for change in p.on_step:
            change(step + 1, weights_of(model))
        yield step, loss.detach(), (outputs.argmax(1) == labels[at]).float().mean()
        if not torch.isfinite(loss):
            return


def step_of(program: Program, parts: Parts) -> Callable[[nn.Module, tuple[Tensor, Tensor], int], tuple[Tensor, Tensor]]:
    """The body of the program's loop: (model, (images, labels), number of the step) ↦ (loss, outputs)."""
    p, optimizer = program, parts.optimizer

    def one_step(model: nn.Module, batch: tuple[Tensor, Tensor], step: int) -> tuple[Tensor, Tensor]:
        model.train(p.training_mode)
        outputs = model(batch[0])
        loss = parts.loss_fn(outputs, batch[1])
        if step == 0 or (p.clear_every and step % p.clear_every == 0):
            optimizer.zero_grad(set_to_none=True)
        if loss.requires_grad:
            loss.backward()
        gradients = gradients_of(model)
        for alter in p.on_gradients:
            alter(gradients)
        optimizer.step()
        return loss, outputs

    return one_step


def recorded(program: Program, parts: Parts, folder: Path) -> None:
    p = program
    settings = {name: getattr(p, name) for name in ("optimizer", "learning_rate", "batch_size", "steps", "seed")}
    with RunWriter(folder, ("program",), settings) as writer:
        with watch(parts.model, parts.optimizer, writer, every=p.record_every, budget=None) as watched:
            add_facts(folder, **facts_of(program, parts.data))
            for step, loss, accuracy in updates(program, parts):
                watched.scalars(step, loss=loss, acc=accuracy)
                writer.scalars(step, {"learning_rate": p.learning_rate * p.schedule(step / p.steps)})
                last = step + 1 == p.steps or not torch.isfinite(loss)
                if (step + 1) % (2 * p.record_every) == 0 or last:
                    writer.scalars(step, own_test(program, parts))
        writer.event(p.steps, "finished")
        predicted = evaluated(parts.model, parts.data.test, not p.evaluation_mode)[0].argmax(1).numpy()
        writer.snapshot("test_confusion", confusion(parts.data.test.y, predicted, p.classes))


def facts_of(program: Program, data: Data) -> dict[str, Any]:
    """What `backlight train cnn` says of itself, but for the loss and the order, which are the program's own affair."""
    samples = describe_data(data.train.X, data.train.y, data.test.X, data.test.y, program.classes)
    return {"batch_size": program.batch_size, "classes": program.classes, "data": samples}


def own_test(program: Program, parts: Parts) -> dict[str, float]:
    """As the program measures itself, with its own loss."""
    outputs, labels = evaluated(parts.model, parts.data.test, not program.evaluation_mode)
    with torch.no_grad():
        loss = float(parts.loss_fn(outputs, labels))
    return {"test/accuracy": float((outputs.argmax(1) == labels).float().mean()), "test/loss": loss}


def evaluated(model: nn.Module, samples: Samples, training: bool) -> tuple[Tensor, Tensor]:
    model.train(training)
    images, labels = tensors(samples)
    with torch.no_grad():
        return model(images), labels


def outcome(program: Program, parts: Parts) -> Outcome:
    own, own_labels = evaluated(parts.model, parts.data.test, not program.evaluation_mode)
    outputs, labels = evaluated(parts.model, parts.data.clean, False)
    logits = torch.log(outputs + 1e-12) if program.loss == "softmax-first" else outputs
    return Outcome(
        float((outputs.argmax(1) == labels).float().mean()),
        capped(float(F.cross_entropy(logits, labels))),
        float((own.argmax(1) == own_labels).float().mean()),
    )


def tensors(samples: Samples) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(np.ascontiguousarray(samples.X, dtype=np.float32)), torch.from_numpy(samples.y)


def loss_of(program: Program) -> LossFunction:
    epsilon = program.loss_setting
    losses: dict[str, LossFunction] = {
        "cross-entropy": F.cross_entropy,
        "softmax-first": F.cross_entropy,
        "log-softmax-first": lambda z, y: F.cross_entropy(F.log_softmax(z, dim=1), y),
        "sum": lambda z, y: F.cross_entropy(z, y, reduction="sum"),
        "probabilities": lambda z, y: F.nll_loss(torch.softmax(z, dim=1), y),
        "log-epsilon": lambda z, y: F.nll_loss(torch.log(torch.softmax(z, dim=1) + epsilon), y),
        "detached": lambda z, y: F.cross_entropy(z.detach(), y) + epsilon * z.square().mean(),
        "naive-exponential": lambda z, y: F.nll_loss(torch.log(z.exp() / z.exp().sum(1, keepdim=True)), y),
    }
    return losses[program.loss]


def optimizer_of(program: Program, model: nn.Module) -> torch.optim.Optimizer:
    p = program
    trained = [each for name, each in model.named_parameters() if p.in_optimizer(name)]
    if p.optimizer == "adam":
        return torch.optim.Adam(trained, lr=p.learning_rate, weight_decay=p.l2)
    momentum = p.momentum if p.optimizer == "momentum" else 0.0
    return torch.optim.SGD(trained, lr=p.learning_rate, momentum=momentum, weight_decay=p.l2)


def layer_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, each) for name, each in model.named_modules() if isinstance(each, nn.Linear | nn.Conv2d | nn.GRU)]


def parameters_of(module: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """(weights, biases): one pair, or those of a GRU's inputs and of its state."""
    names = [("weight_ih_l0", "bias_ih_l0"), ("weight_hh_l0", "bias_hh_l0")]
    if not isinstance(module, nn.GRU):
        names = [("weight", "bias")]
    return [(getattr(module, weight), getattr(module, bias)) for weight, bias in names]


def weights_of(model: nn.Module) -> list[Weights]:
    return [
        Weights(name, weight.detach().numpy(), bias.detach().numpy())
        for name, module in layer_modules(model)
        for weight, bias in parameters_of(module)
    ]


def gradients_of(model: nn.Module) -> list[Weights]:
    """Of the layers that have some."""
    return [
        Weights(name, weight.grad.numpy(), bias.grad.numpy())
        for name, module in layer_modules(model)
        for weight, bias in parameters_of(module)
        if weight.grad is not None and bias.grad is not None
    ]


@cache
def trained_state(base: str, part: str) -> dict[str, Tensor]:
    """The state of a base that was trained on other samples: what a frozen backbone begins with."""
    program = next(each for each in BASES[part] if each.base == base)
    with torch.random.fork_rng(devices=[]):
        other = replace(program, seed=program.seed + 999_983, steps=2 * program.steps)
        parts = build(other)
        for _ in updates(other, parts):
            pass
        return {name: value.clone() for name, value in parts.model.state_dict().items()}

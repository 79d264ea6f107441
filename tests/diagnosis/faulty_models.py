"""Faults planted in healthy programs: by the cause that has to be named, (case, layer in which it is)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .healthy_models import (
    Case,
    Recurrent,
    adam,
    attention,
    batch_norm_conv,
    digits,
    mlp,
    plain,
    small_digits,
)


@dataclass(frozen=True)
class Fault:
    """`first`: whether the cause has to be among the first findings; `layer`: in which, if it is in one."""

    cause: str
    case: Case
    layer: str | None = None
    first: bool = True


def with_model(model: nn.Module, loss_fn: Callable[..., Tensor] | None = None) -> Case:
    return Case(model, loss_fn or nn.CrossEntropyLoss(), small_digits(), adam(model))


class Wrapped(nn.Module):
    """An MLP with something done to its values."""

    def __init__(
        self, inside: Callable[[Tensor], Tensor] = lambda x: x, after: Callable[[Tensor], Tensor] = lambda x: x
    ):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(49, 32), nn.Linear(32, 32), nn.Linear(32, 10)
        self.inside, self.after = inside, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.last(F.relu(self.second(self.inside(F.relu(self.first(x)))))))


def nan_in_inputs() -> Fault:
    case = plain()
    images, labels = case.batch
    return Fault(
        "nonfinite-values", replace(case, batch=(torch.where(images == images[3, 24], torch.nan, images), labels))
    )


def nan_in_a_layer() -> Fault:
    return Fault("nonfinite-values", with_model(Wrapped(lambda x: torch.log(x - 1))), "second")


def gradient_of_a_root() -> Fault:
    return Fault("nonfinite-values", with_model(Wrapped(lambda x: x + torch.sqrt(0 * x))), "first")


def head_exchanged() -> Fault:
    case = plain()
    case.model[2] = nn.Linear(32, 10)
    return Fault("not-in-optimizer", case, "2")


def another_model_in_the_optimizer() -> Fault:
    return Fault("not-in-optimizer", replace(plain(), optimizer=adam(mlp())))


class PlainList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(49, 32), nn.Linear(32, 32)]
        self.last = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.last(x)


def layers_in_a_list() -> Fault:
    return Fault("not-in-optimizer", with_model(PlainList()), "layers[0]")


def frozen_by_mistake() -> Fault:
    case = with_model(Wrapped())
    case.model.second.requires_grad_(False)
    return Fault("frozen-parameters", case, "second")


def all_frozen() -> Fault:
    return Fault("frozen-parameters", with_model(Wrapped().requires_grad_(False)))


def detached() -> Fault:
    return Fault("gradient-cut", with_model(Wrapped(Tensor.detach)), "first")


def through_numpy() -> Fault:
    return Fault("gradient-cut", with_model(Wrapped(after=lambda x: torch.from_numpy(x.detach().numpy()))), "last")


def unused_layer() -> Fault:
    model = Wrapped()
    model.forgotten = nn.Linear(32, 32)
    return Fault("unused-parameters", with_model(model), "forgotten")


def loss_of_detached_outputs() -> Fault:
    return Fault("loss-not-connected", with_model(mlp(), lambda outputs, y: F.cross_entropy(outputs.detach(), y)))


def only_a_penalty_is_left() -> Fault:
    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(outputs.detach(), y) + 1e-3 * outputs.square().mean()

    return Fault("loss-not-connected", with_model(mlp(), loss))


def loss_of_decisions() -> Fault:
    return Fault("loss-not-connected", with_model(mlp(), lambda outputs, y: (outputs.argmax(1) != y).float().mean()))


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * ctx.saved_tensors[0]  # without the 2


def own_backward() -> Fault:
    return Fault("wrong-gradient", with_model(Wrapped(Squared.apply)), "first")


def all_pairs() -> Fault:
    model = nn.Sequential(nn.Linear(49, 16), nn.ReLU(), nn.Linear(16, 1))
    images, labels = small_digits()
    return Fault("wrong-gradient", Case(model, nn.MSELoss(), (images, labels.float()), adam(model)))


class MiddleRow(Recurrent):
    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.layer(images[:, 0])[0][:, 14])


def batch_axis_taken_for_time() -> Fault:
    model = MiddleRow(nn.GRU)
    model.layer.batch_first = False
    return Fault("wrong-gradient", Case(model, nn.CrossEntropyLoss(), digits(), adam(model)))


def away_from_labels() -> Fault:
    return Fault(
        "loss-not-connected",
        with_model(mlp(), lambda outputs, y: F.cross_entropy(outputs, y).detach() + 0 * outputs.sum()),
    )


def softmax_twice() -> Fault:
    case = plain()
    return Fault("softmax-before-loss", replace(case, model=nn.Sequential(*case.model, nn.Softmax(1))))


def softmax_in_the_loss() -> Fault:
    return Fault("softmax-before-loss", with_model(mlp(), lambda outputs, y: F.cross_entropy(outputs.softmax(1), y)))


def softmax_by_hand() -> Fault:
    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return -F.log_softmax(outputs.softmax(1), 1)[torch.arange(len(y)), y].mean()

    return Fault("softmax-before-loss", with_model(mlp(), loss))


def sigmoid_twice() -> Fault:
    images, labels = small_digits()
    model = nn.Sequential(nn.Linear(49, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid(), nn.Flatten(0))
    return Fault(
        "softmax-before-loss", Case(model, nn.BCEWithLogitsLoss(), (images, (labels > 4).float()), adam(model))
    )


def nll_of_probabilities() -> Fault:
    return Fault("probabilities-into-nll", with_model(nn.Sequential(*mlp(), nn.Softmax(1)), nn.NLLLoss()))


def nll_of_logits() -> Fault:
    return Fault("probabilities-into-nll", with_model(mlp(), nn.NLLLoss()))


def large_epsilon() -> Fault:
    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return -torch.log(outputs.softmax(1) + 1e-2)[torch.arange(len(y)), y].mean()

    return Fault("epsilon-in-log", with_model(mlp(), loss))


def relu_on_logits() -> Fault:
    return Fault("output-slope", with_model(Wrapped(after=F.relu)))


def labels_from_one() -> Fault:
    case = plain()
    return Fault("labels-shifted", replace(case, batch=(case.batch[0], case.batch[1] + 1)))


def summed_loss() -> Fault:
    case = plain()
    optimizer = torch.optim.SGD(case.model.parameters(), 0.2, 0.9)
    return Fault(
        "sum-instead-of-mean", replace(case, loss_fn=nn.CrossEntropyLoss(reduction="sum"), optimizer=optimizer)
    )


def raw_pixels() -> Fault:
    case = plain()
    return Fault("unscaled-inputs", replace(case, batch=((case.batch[0] + 0.42) * 100, case.batch[1])), "0")


def divided_twice() -> Fault:
    case = plain()
    return Fault("unscaled-inputs", replace(case, batch=(case.batch[0] / 255, case.batch[1])), "0")


def one_wide_column() -> Fault:
    case = plain()
    return Fault(
        "unscaled-inputs", replace(case, batch=(case.batch[0] * torch.eye(49)[24] * 60 + case.batch[0], case.batch[1]))
    )


def zeroed_inputs() -> Fault:
    case = plain()
    return Fault("inputs-ignored", replace(case, batch=(0 * case.batch[0], case.batch[1])))


def lost_inputs() -> Fault:
    model = Wrapped()
    return Fault("inputs-ignored", with_model(nn.Sequential(Constant(), *[model])))


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)


def equal_weights() -> Fault:
    case = with_model(Wrapped())
    nn.init.constant_(case.model.second.weight, 0.05)
    nn.init.zeros_(case.model.second.bias)
    nn.init.constant_(case.model.last.weight, 0.1)
    return Fault("constant-initialisation", case, "second")


def all_zeros() -> Fault:
    case = with_model(Wrapped())
    for parameter in case.model.parameters():
        nn.init.zeros_(parameter)
    return Fault("constant-initialisation", case, "first")


def one_seed() -> Fault:
    case = with_model(Wrapped())
    for layer in (case.model.first, case.model.second):
        torch.manual_seed(3)
        layer.reset_parameters()
    return Fault("same-seed-in-layers", case, "second")


def one_seed_and_two_gains() -> Fault:
    case = with_model(Wrapped())
    for layer in (case.model.first, case.model.second):
        nn.init.xavier_normal_(layer.weight, 1.4, generator=torch.Generator().manual_seed(3))
    return Fault("same-seed-in-layers", case, "second")


def tiny_weights() -> Fault:
    case = with_model(Wrapped())
    nn.init.normal_(case.model.second.weight, 0, 0.003)
    nn.init.zeros_(case.model.second.bias)
    return Fault("initial-scale", case, "second")


def huge_weights() -> Fault:
    case = with_model(Wrapped())
    nn.init.normal_(case.model.second.weight, 0, 2.0)
    return Fault("initial-scale", case, "second")


def dead_layer() -> Fault:
    case = with_model(Wrapped())
    nn.init.constant_(case.model.second.bias, -20.0)
    return Fault("born-dead", case, "second")


def dead_channels() -> Fault:
    case = batch_norm_conv()
    nn.init.constant_(case.model[5].bias, -30.0)
    return Fault("born-dead", case, "5")


def saturated() -> Fault:
    model = nn.Sequential(nn.Linear(49, 32), nn.Tanh(), nn.Linear(32, 10))
    nn.init.normal_(model[0].weight, 0, 0.55)
    nn.init.normal_(model[0].bias, 0, 8)
    return Fault("saturated-units", with_model(model), "0", first=False)


def rate_too_high() -> Fault:
    case = plain()
    return Fault("learning-rate-too-high", replace(case, optimizer=torch.optim.SGD(case.model.parameters(), 20.0)))


def rate_of_adam_too_high() -> Fault:
    case = attention()
    return Fault("learning-rate-too-high", replace(case, optimizer=adam(case.model, 1.0)))


def rate_too_low() -> Fault:
    case = plain()
    return Fault("learning-rate-too-low", replace(case, optimizer=torch.optim.SGD(case.model.parameters(), 1e-5)))


def rate_of_adam_too_low() -> Fault:
    case = plain()
    return Fault("learning-rate-too-low", replace(case, optimizer=adam(case.model, 1e-7)))


def vanishing() -> Fault:
    layers = [layer for _ in range(10) for layer in (nn.Linear(32, 32), nn.Sigmoid())]
    model = nn.Sequential(nn.Linear(49, 32), nn.Sigmoid(), *layers, nn.Linear(32, 10))
    return Fault("vanishing-gradients", with_model(model), "0", first=False)


def dropout_by_function() -> Fault:
    return Fault("dropout-at-test", with_model(Wrapped(F.dropout)), first=False)


def batch_norm_by_function() -> Fault:
    model = Wrapped()
    model.register_buffer("mean", torch.zeros(32))
    model.register_buffer("variance", torch.ones(32))
    model.inside = lambda x: F.batch_norm(x, torch.zeros(32), torch.ones(32), training=True)
    return Fault("dropout-at-test", with_model(model), first=False)


def evaluation_mode() -> Fault:
    case = batch_norm_conv()
    case.model.eval()
    return Fault("eval-mode-in-training", case, first=False)


def large_epsilon_into_nll() -> Fault:
    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        return F.nll_loss(torch.log(outputs.softmax(1) + 0.3), y)

    return Fault("epsilon-in-log", with_model(mlp(), loss))


FAULTS: dict[str, Callable[[], Fault]] = {
    make.__name__: make
    for make in (
        nan_in_inputs, nan_in_a_layer, gradient_of_a_root, head_exchanged, another_model_in_the_optimizer,
        layers_in_a_list, frozen_by_mistake, all_frozen, detached, through_numpy, unused_layer,
        loss_of_detached_outputs, only_a_penalty_is_left, loss_of_decisions, own_backward, all_pairs,
        batch_axis_taken_for_time, away_from_labels, softmax_twice, softmax_in_the_loss, softmax_by_hand, sigmoid_twice,
        nll_of_probabilities, nll_of_logits, large_epsilon, large_epsilon_into_nll, relu_on_logits, labels_from_one,
        summed_loss, raw_pixels, divided_twice, one_wide_column, zeroed_inputs, lost_inputs, equal_weights, all_zeros,
        one_seed, one_seed_and_two_gains, tiny_weights, huge_weights, dead_layer, dead_channels, saturated,
        rate_too_high, rate_of_adam_too_high, rate_too_low, rate_of_adam_too_low, vanishing, dropout_by_function,
        batch_norm_by_function, evaluation_mode,
    )
}  # fmt: skip


def fault(name: str, seed: int = 0) -> Fault:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FAULTS[name]()

"""Models that learn as they are, the treacherous ones among them, each as (model, loss, batch, optimizer)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import backlight as bl


@dataclass(frozen=True)
class Case:
    model: nn.Module
    loss_fn: Callable[..., Tensor]
    batch: tuple[Any, Tensor]
    optimizer: torch.optim.Optimizer


@cache
def digits() -> tuple[Tensor, Tensor]:
    """64 of them, (64, 1, 28, 28) and (64,), normalised."""
    data = bl.load_digits().train
    rows = torch.randperm(len(data.y), generator=torch.Generator().manual_seed(0))[:64].numpy()
    images = torch.from_numpy(data.X[rows]).float() / 255
    return ((images - 0.1307) / 0.3081)[:, None], torch.from_numpy(data.y[rows])


def small_digits() -> tuple[Tensor, Tensor]:
    images, labels = digits()
    return F.avg_pool2d(images, 4).flatten(1), labels


def adam(model: nn.Module, rate: float = 1e-3) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), rate)


def mlp(*inside: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(49, 32), nn.ReLU(), *inside, nn.Linear(32, 10))


def plain() -> Case:
    model = mlp()
    return Case(model, nn.CrossEntropyLoss(), small_digits(), torch.optim.SGD(model.parameters(), 0.1, 0.9))


def slow_sgd() -> Case:
    model = mlp()
    return Case(model, F.cross_entropy, small_digits(), torch.optim.SGD(model.parameters(), 0.01))


def batch_norm_and_wide_features() -> Case:
    images, labels = small_digits()
    model = nn.Sequential(
        nn.BatchNorm1d(49), nn.Linear(49, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10)
    )
    return Case(model, nn.CrossEntropyLoss(), (images * torch.logspace(-3, 3, 49), labels), adam(model, 0.01))


def dropout() -> Case:
    model = mlp(nn.Dropout(0.5), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(0.5))
    return Case(model, nn.CrossEntropyLoss(label_smoothing=0.1), small_digits(), adam(model))


class LogSoftmaxTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = mlp()

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.layers(x), 1)


def log_softmax_twice() -> Case:
    model = LogSoftmaxTwice()
    return Case(model, nn.CrossEntropyLoss(), small_digits(), adam(model))


def log_softmax_and_nll() -> Case:
    model = LogSoftmaxTwice()
    return Case(model, lambda outputs, labels: F.nll_loss(outputs, labels), small_digits(), adam(model))


def frozen_backbone() -> Case:
    model = mlp()
    for parameter in model[0].parameters():
        parameter.requires_grad = False
    return Case(model, nn.CrossEntropyLoss(), small_digits(), adam(model[2]))


class TiedAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(49, 20)
        self.bias = nn.Parameter(torch.zeros(49))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(torch.tanh(self.encode(x)), self.encode.weight.T, self.bias)


def tied_weights() -> Case:
    model = TiedAutoencoder()
    images, _ = small_digits()
    return Case(model, nn.MSELoss(), (images, images), adam(model))


def honest_imbalance() -> Case:
    images, labels = small_digits()
    model = mlp()
    rows = torch.cat([torch.nonzero(labels == 1)[:, 0].repeat(12)[:60], torch.nonzero(labels == 7)[:4, 0]])
    x = images[rows] + 0.1 * torch.randn(len(rows), 49, generator=torch.Generator().manual_seed(0))
    return Case(model, nn.CrossEntropyLoss(), (x, labels[rows]), adam(model))


def binary() -> Case:
    images, labels = small_digits()
    model = nn.Sequential(nn.Linear(49, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    return Case(model, nn.BCEWithLogitsLoss(), (images, (labels > 4).float()), adam(model))


def binary_probabilities() -> Case:
    images, labels = small_digits()
    model = nn.Sequential(nn.Linear(49, 16), nn.Tanh(), nn.Linear(16, 1), nn.Sigmoid())
    return Case(model, nn.BCELoss(), (images, (labels > 4).float()[:, None]), adam(model))


def regression() -> Case:
    x = torch.linspace(-2, 2, 64)[:, None]
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    return Case(model, nn.MSELoss(), (x, 100 + 10 * torch.sin(3 * x)), adam(model, 0.01))


def linear_regression() -> Case:
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    model = nn.Linear(3, 1)
    return Case(model, nn.MSELoss(), (x, x @ torch.ones(3, 1)), torch.optim.SGD(model.parameters(), 0.05))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer = kind(28, 32, num_layers=2, batch_first=True, dropout=0.2)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        values, _ = self.layer(images[:, 0])
        return self.head(values[:, -1])


def gru() -> Case:
    model = Recurrent(nn.GRU)
    return Case(model, nn.CrossEntropyLoss(), digits(), adam(model, 3e-3))


def lstm() -> Case:
    model = Recurrent(nn.LSTM)
    return Case(model, nn.CrossEntropyLoss(), digits(), adam(model, 3e-3))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(28, 32)
        self.places = nn.Parameter(0.02 * torch.randn(28, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.layers(self.embed(images[:, 0]) + self.places).mean(1))


def attention() -> Case:
    model = Attention()
    return Case(model, nn.CrossEntropyLoss(), digits(), torch.optim.AdamW(model.parameters(), 1e-3))


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.layer = nn.GRU(16, 16, batch_first=True)
        self.head = nn.Linear(16, 20)
        self.head.weight = self.embed.weight
        nn.init.normal_(self.embed.weight, 0, 0.3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(tokens))[0]).transpose(1, 2)


def tied_language_model() -> Case:
    model = Language()
    tokens = (torch.arange(32)[:, None] + torch.arange(11)) % 20
    return Case(model, nn.CrossEntropyLoss(), (tokens[:, :-1], tokens[:, 1:]), adam(model, 3e-3))


def conv_network() -> Case:
    model = bl.ConvNetwork(seed=1)
    images, labels = digits()
    return Case(model, nn.CrossEntropyLoss(), (images[:32], labels[:32]), adam(model, 2e-3))


def batch_norm_conv() -> Case:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(4),
        nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    return Case(model, nn.CrossEntropyLoss(), digits(), torch.optim.SGD(model.parameters(), 0.05, 0.9))


def zero_head() -> Case:
    model = mlp(nn.LayerNorm(32))
    nn.init.zeros_(model[-1].weight)
    return Case(model, nn.CrossEntropyLoss(), small_digits(), adam(model))


def warm_up() -> Case:
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / 100000)
    return Case(model, nn.CrossEntropyLoss(), small_digits(), optimizer)


def deep_sigmoid() -> Case:
    model = nn.Sequential(nn.Linear(49, 64), nn.Sigmoid(), nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 10))
    return Case(model, nn.CrossEntropyLoss(), small_digits(), adam(model, 0.01))


def already_trained() -> Case:
    model = mlp()
    x, y = small_digits()
    optimizer = adam(model, 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return Case(model, nn.CrossEntropyLoss(), (x, y), optimizer)


def summed_with_adam() -> Case:
    model = mlp()
    return Case(model, nn.CrossEntropyLoss(reduction="sum"), small_digits(), adam(model))


def small_on_two_features() -> Case:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(64) % 2
    x = torch.randn(64, 2, generator=generator) * 0.4 + 2.0 * y[:, None]
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    return Case(model, nn.CrossEntropyLoss(), (x, y), torch.optim.SGD(model.parameters(), 0.1))


HEALTHY: dict[str, Callable[[], Case]] = {
    make.__name__: make
    for make in (
        plain, slow_sgd, batch_norm_and_wide_features, dropout, log_softmax_twice, log_softmax_and_nll, frozen_backbone,
        tied_weights, honest_imbalance, binary, binary_probabilities, regression, linear_regression, gru, lstm,
        attention, tied_language_model, conv_network, batch_norm_conv, zero_head, warm_up, deep_sigmoid,
        already_trained, summed_with_adam, small_on_two_features,
    )
}  # fmt: skip


def healthy(name: str, seed: int = 0) -> Case:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HEALTHY[name]()

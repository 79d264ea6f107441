"""Small networks as people write them, and the loop that trains them."""

import torch
from torch import nn
from torch.nn import functional as F


class Functional(nn.Module):
    """Activations as functions, like the report's own network."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.fc1 = nn.Linear(4 * 4 * 4, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc2(F.dropout(x, training=self.training))


class Block(nn.Module):
    """A residual block with a single ReLU module for all places, in place: as in torchvision."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.layer1 = nn.Sequential(Block(4), Block(4))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.layer1(self.stem(x)).mean(dim=(2, 3)))


class ByHand(nn.Module):
    """Parameters and formulas, no layers."""

    def __init__(self):
        super().__init__()
        self.W1, self.b1 = nn.Parameter(torch.randn(64, 5) * 0.1), nn.Parameter(torch.zeros(5))
        self.W2, self.b2 = nn.Parameter(torch.randn(5, 3) * 0.1), nn.Parameter(torch.zeros(3))

    def forward(self, x):
        hidden = torch.relu(x.flatten(1) @ self.W1 + self.b1)
        return hidden @ self.W2 + self.b2


def made(kind, seed=0, optimizer=torch.optim.Adam, **options):
    """A model with fixed weights and its optimizer."""
    torch.manual_seed(seed)
    model = kind()
    return model, optimizer(model.parameters(), lr=0.01, **options)


def batches(count, size=6):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x = torch.randn(size, 1, 8, 8, generator=generator)
        yield x, torch.randint(0, 3, (size,), generator=generator)


def train(model, optimizer, steps=3, forward=None):
    torch.manual_seed(2)
    for x, y in batches(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy((model if forward is None else forward)(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same_weights(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())

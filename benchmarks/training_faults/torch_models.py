"""Three small PyTorch models of 28×28 digits: convolutional, recurrent, attention; each returns logits (N, K)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .program import Program

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.1),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z,
}
PATCH = 7  # pixels a side


class Small(nn.Module):
    """What the three have in common: places where a model's own code may be wrong.

    Attributes:
        detached: names of layers whose output is handed on without its graph.
        unused: names of layers in whose place a stretch of their input is handed on.
        softmaxes: how often the last line applies a softmax.
        always_drops: whether dropout is called as a function that is not told the mode.
    """

    def __init__(self, program: Program):
        super().__init__()
        self.activation = ACTIVATIONS[program.activation]
        self.detached: tuple[str, ...] = ()
        self.unused: tuple[str, ...] = ()
        self.always_drops = False
        self.softmaxes = int(program.loss_setting) if program.loss == "softmax-first" else 0

    def through(self, name: str, values: Tensor) -> Tensor:
        """What the layer `name` gives, as this model's code hands it on."""
        given = self.get_submodule(name)(values)
        output: Tensor = given[0] if isinstance(given, tuple) else given
        if name in self.unused:
            flat = values.flatten(1)
            count = output[0].numel()
            return flat.repeat(1, -(-count // flat.shape[1]))[:, :count].reshape(output.shape)
        return output.detach() if name in self.detached else output

    def dropped(self, values: Tensor) -> Tensor:
        dropout = self.get_submodule("dropout")
        assert isinstance(dropout, nn.Dropout)
        return F.dropout(values, dropout.p) if self.always_drops else dropout(values)

    def last_line(self, logits: Tensor) -> Tensor:
        for _ in range(self.softmaxes):
            logits = torch.softmax(logits, dim=1)
        return logits


class SmallConv(Small):
    """conv 5×5 → pool → conv 5×5 → pool → fully connected → dropout → logits: a cut-down ConvNetwork."""

    def __init__(self, program: Program):
        super().__init__(program)
        width = program.width
        self.conv1 = nn.Conv2d(1, width, 5, padding=2)
        self.norm1 = nn.BatchNorm2d(width) if program.batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(width, 2 * width, 5, padding=2)
        self.norm2 = nn.BatchNorm2d(2 * width) if program.batch_norm else nn.Identity()
        self.fc1 = nn.Linear(2 * width * 49, 64)
        self.dropout = nn.Dropout(program.dropout)
        self.fc2 = nn.Linear(64, program.classes)

    def forward(self, images: Tensor) -> Tensor:
        x = images[:, None]
        x = F.max_pool2d(self.activation(self.norm1(self.through("conv1", x))), 2)
        x = F.max_pool2d(self.activation(self.norm2(self.through("conv2", x))), 2)
        x = self.activation(self.through("fc1", x.flatten(1)))
        return self.last_line(self.through("fc2", self.dropped(x)))


class SmallRecurrent(Small):
    """A GRU over the 28 rows of an image; the mean of its states, a hidden layer, logits."""

    def __init__(self, program: Program):
        super().__init__(program)
        self.cell = nn.GRU(28, program.width, batch_first=True)
        self.norm = nn.BatchNorm1d(program.width) if program.batch_norm else nn.Identity()
        self.hidden = nn.Linear(program.width, 48)
        self.dropout = nn.Dropout(program.dropout)
        self.out = nn.Linear(48, program.classes)

    def forward(self, images: Tensor) -> Tensor:
        states = self.through("cell", images)
        x = self.activation(self.through("hidden", self.norm(states.mean(dim=1))))
        return self.last_line(self.through("out", self.dropped(x)))


class SmallAttention(Small):
    """16 patches of 7×7 as tokens, one block of attention over them, a hidden layer, their mean, logits."""

    def __init__(self, program: Program):
        super().__init__(program)
        width = program.width
        self.embed = nn.Linear(PATCH * PATCH, width)
        self.place = nn.Parameter(torch.randn(16, width))
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.before = nn.LayerNorm(width)
        self.norm = nn.BatchNorm1d(width) if program.batch_norm else nn.Identity()
        self.hidden = nn.Linear(width, 2 * width)
        self.dropout = nn.Dropout(program.dropout)
        self.out = nn.Linear(2 * width, program.classes)

    def forward(self, images: Tensor) -> Tensor:
        count = 28 // PATCH
        patches = images.reshape(-1, count, PATCH, count, PATCH).transpose(2, 3).reshape(-1, count * count, PATCH**2)
        x = self.through("embed", patches) + self.place
        seen = self.before(x)
        x = x + F.scaled_dot_product_attention(self.query(seen), self.key(seen), self.value(seen))
        x = self.activation(self.through("hidden", self.norm(x.transpose(1, 2)).transpose(1, 2)))
        return self.last_line(self.through("out", self.dropped(x.mean(dim=1))))


MODELS: dict[str, Callable[[Program], Small]] = {
    "cnn": SmallConv, "recurrent": SmallRecurrent, "attention": SmallAttention,
}  # fmt: skip
LAYERS = {
    "cnn": ("conv1", "conv2", "fc1", "fc2"),
    "recurrent": ("cell", "hidden", "out"),
    "attention": ("embed", "hidden", "out"),
}

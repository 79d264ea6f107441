"""The four-layer convolutional network for 28×28 images, in PyTorch."""

from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from backlight.errors import SettingsError
from backlight.networks.activations import LEAKY_SLOPE
from backlight.notebook import shown

TORCH_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, LEAKY_SLOPE),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
DROPOUT = 0.5


class ConvNetwork(nn.Module):
    """conv 5×5 → pool → conv 5×5 → pool → fully connected → dropout → fully connected: returns logits.

    Convolutions: Kaiming normal (fan-out); fully connected layers: Xavier normal; both with the gain of
    the activation that follows (1 for the logits); zero biases (He et al. 2015; Glorot & Bengio 2010).

    Args:
        conv_activation, fc_activation: relu, leaky_relu, tanh or sigmoid, for the two parts.
        seed: of the initial weights and of dropout.

    Raises:
        SettingsError: for an unknown activation.
    """

    def __init__(self, conv_activation: str = "relu", fc_activation: str = "relu", seed: int = 0):
        super().__init__()
        for name in (conv_activation, fc_activation):
            if name not in TORCH_ACTIVATIONS:
                raise SettingsError(f"unknown activation {name!r}; choose one of {', '.join(TORCH_ACTIVATIONS)}")
        self.conv_activation = conv_activation
        self.fc_activation = fc_activation
        # skip_init: PyTorch's own initialisation would draw from the global generator, for nothing
        self.conv1: nn.Conv2d = skip_init(nn.Conv2d, 1, 32, kernel_size=5, padding=2)
        self.conv2: nn.Conv2d = skip_init(nn.Conv2d, 32, 64, kernel_size=5, padding=2)
        self.fc1: nn.Linear = skip_init(nn.Linear, 64 * 7 * 7, 1024)
        self.fc2: nn.Linear = skip_init(nn.Linear, 1024, 10)
        self._seed = seed
        self._dropout_generator: torch.Generator | None = None
        self._initialise(torch.Generator().manual_seed(seed))

    def _repr_html_(self) -> str:
        return shown("network", self)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32 (N, 10) of images float32 (N, 1, 28, 28), normalised by (x/255 − 0.1307)/0.3081."""
        return self.inner_values(images)["z4"]

    def inner_values(self, images: Tensor) -> dict[str, Tensor]:
        """Every value on the way, by name: z1, a1, p1, z2, a2, p2, z3, a3, z4.

        Shapes are (N, 32, 28, 28) before the first pooling, (N, 64, 7, 7) after the second, then (N, 1024) and
        (N, 10). Dropout of 0.5 (in training) acts on a3 before the last layer.
        """
        conv = TORCH_ACTIVATIONS[self.conv_activation]
        fc = TORCH_ACTIVATIONS[self.fc_activation]
        z1 = self.conv1(images)  # (N, 32, 28, 28)
        a1 = conv(z1)
        p1 = F.max_pool2d(a1, 2)  # (N, 32, 14, 14)
        z2 = self.conv2(p1)  # (N, 64, 14, 14)
        a2 = conv(z2)
        p2 = F.max_pool2d(a2, 2)  # (N, 64, 7, 7)
        z3 = self.fc1(p2.flatten(1))  # (N, 1024)
        a3 = fc(z3)
        z4 = self.fc2(self._dropout(a3))  # (N, 10)
        return {"z1": z1, "a1": a1, "p1": p1, "z2": z2, "a2": a2, "p2": p2, "z3": z3, "a3": a3, "z4": z4}

    def value_names(self) -> dict[str, str]:
        """The report's names of what modules and functions give, such as {"conv1": "z1", "relu(conv1)": "a1", …}."""
        names = {"conv1": "z1", "conv2": "z2", "fc1": "z3", "fc2": "z4"}
        kinds = (("conv1", self.conv_activation), ("conv2", self.conv_activation), ("fc1", self.fc_activation))
        for number, (layer, activation) in enumerate(kinds, start=1):
            names[f"{activation}({layer})"] = f"a{number}"
            names[f"max_pool2d({activation}({layer}))"] = f"p{number}"
        return names

    def seed_dropout(self, step: int) -> None:
        """Makes the coming dropout mask a function of (seed, step), so that a resumed run draws the same ones."""
        if self._dropout_generator is None:
            self._dropout_generator = torch.Generator(device=self.fc1.weight.device)
        self._dropout_generator.manual_seed((self._seed << 32) + step)

    def _dropout(self, values: Tensor) -> Tensor:
        if not self.training:
            return values
        keep = torch.empty_like(values).bernoulli_(1 - DROPOUT, generator=self._dropout_generator)
        return values * keep / (1 - DROPOUT)

    def _initialise(self, generator: torch.Generator) -> None:
        for layer, activation in ((self.conv1, self.conv_activation), (self.conv2, self.conv_activation)):
            fan_out = layer.out_channels * layer.kernel_size[0] * layer.kernel_size[1]
            std = gain_of(activation) / fan_out**0.5  # He et al. 2015, eq. 14, with the gain of the activation
            nn.init.normal_(layer.weight, 0.0, std, generator=generator)
        nn.init.xavier_normal_(self.fc1.weight, gain_of(self.fc_activation), generator=generator)
        nn.init.xavier_normal_(self.fc2.weight, generator=generator)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)


def gain_of(activation: str) -> float:
    """PyTorch's recommended gain: √2 for relu, √(2/(1+0.1²)) for leaky_relu, 5/3 for tanh, 1 for sigmoid."""
    if activation == "leaky_relu":
        return nn.init.calculate_gain("leaky_relu", LEAKY_SLOPE)
    return nn.init.calculate_gain(cast(Literal["relu", "tanh", "sigmoid"], activation))

"""A network in a notebook: its layers, their shapes, and how their weights are distributed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.reports.html.fragments import Table, paragraph, table_html
from backlight.reports.html.quantiles import Named, quantiles_figure
from backlight.reports.notebook.element import element

if TYPE_CHECKING:
    from backlight.networks.conv_network import ConvNetwork


def html(network: "DeepNeuralNetwork | ConvNetwork") -> str:
    """A network of NumPy has layers, one of PyTorch modules."""
    pieces = deep_pieces(network) if isinstance(network, DeepNeuralNetwork) else conv_pieces(network)
    return element(type(network).__name__, pieces, "its attributes")


def deep_pieces(network: DeepNeuralNetwork) -> Iterator[str]:
    named = list(zip(network.parameter_names, map(np.asarray, network.parameters), strict=True))
    yield counted_html(named)
    rows = [
        (str(number), f"{layer.weights.shape[-2]} → {layer.weights.shape[-1]}", layer.activation.name)
        for number, layer in enumerate(network.layers, start=1)
    ]
    yield table_html(Table(("layer", "units", "activation"), rows))
    yield quantiles_figure("parameters", named)


def conv_pieces(network: "ConvNetwork") -> Iterator[str]:
    named = [(name, array.detach().cpu().float().numpy()) for name, array in network.named_parameters()]
    yield counted_html(named)
    activations = (network.conv_activation, network.conv_activation, network.fc_activation, "identity")
    rows = [
        (name, " ".join(repr(module).split()), activation)
        for (name, module), activation in zip(network.named_children(), activations, strict=True)
    ]
    yield table_html(Table(("layer", "module", "activation"), rows))
    yield quantiles_figure("parameters", named)


def counted_html(named: Named) -> str:
    total = sum(array.size for _, array in named)
    return paragraph(f"{total:,} parameters in {len(named)} tensors.")

"""Five ways in which people write a network by hand."""

from collections.abc import Callable

from ..blueprint import Blueprint
from ..options import Chooser
from . import class_network, deep_class, free_columns, layer_objects, loss_and_grads, single_columns

# In each style several templates take turns.
STYLES: dict[str, tuple[Callable[[Chooser], Blueprint], ...]] = {
    "class": (class_network.three_layers, deep_class.lists, deep_class.objects),
    "loss and grads": (loss_and_grads.two_layers, loss_and_grads.deep),
    "one sample": (single_columns.one_sample,),
    "columns": (free_columns.two_layers, free_columns.deep),
    "layer objects": (layer_objects.layers,),
}

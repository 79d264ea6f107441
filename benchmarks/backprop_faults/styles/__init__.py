"""Five ways in which people write a network by hand."""

from collections.abc import Callable

from ..blueprint import Blueprint
from ..options import Chooser
from . import class_network, deep_class, free_columns, layer_objects, loss_and_grads, single_columns

Template = Callable[[Chooser], Blueprint]
# In each style several templates take turns; the test part has some that the development part has not.
STYLES: dict[str, tuple[Template, ...]] = {
    "class": (class_network.three_layers, deep_class.lists),
    "loss and grads": (loss_and_grads.two_layers, loss_and_grads.deep),
    "one sample": (single_columns.one_sample,),
    "columns": (free_columns.two_layers, free_columns.deep),
    "layer objects": (layer_objects.layers,),
}
TEST_ONLY: dict[str, tuple[Template, ...]] = {"class": (deep_class.objects,)}


def templates(style: str, part: str) -> tuple[Template, ...]:
    return STYLES[style] + (TEST_ONLY.get(style, ()) if part == "test" else ())

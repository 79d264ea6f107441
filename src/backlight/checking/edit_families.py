"""Which families of edits are tried for which mistake, and in which order."""

from backlight.checking.edits import Family
from backlight.checking.edits_added import (
    as_derivative,
    as_residual,
    as_sum,
    doubled,
    drawn,
    grown,
    indexed,
    inserted,
    scaled,
    squared_inside,
    with_labels,
    with_penalty,
    with_slope,
)
from backlight.checking.edits_exchanged import (
    another_constant,
    another_function,
    deleted,
    dropped,
    exchanged,
    renamed,
    reoperated,
    turned,
    unless,
    with_index,
)

# Which families mend which mistakes, by the beginning of the mistake's name; the others are tried after them.
CHEAP: tuple[Family, ...] = (
    dropped, deleted, reoperated, another_function, another_constant, doubled, turned, indexed, squared_inside, grown,
)  # fmt: skip
PREFERRED: dict[str, tuple[Family, ...]] = {
    "penalty": (dropped, doubled, deleted, reoperated, another_constant, with_penalty),
    "penalty-of": (renamed, with_index, another_constant),
    "penalty-sign": (reoperated, dropped, doubled, another_constant),
    "penalty-missing": (with_penalty, another_constant, reoperated),
    "loss-penalty": (dropped, doubled, squared_inside, grown, reoperated, another_constant),
    "loss": (dropped, doubled, indexed, another_function, reoperated, another_constant),
    "summed": (another_function, inserted, dropped, scaled),
    "averaged": (dropped, deleted, another_function, scaled),
    "mean": (another_function, dropped, scaled, inserted),
    "constant": (dropped, doubled, another_constant, deleted, reoperated),
    "slope-of-neighbour": (renamed, with_index, another_constant, another_function),
    "slope-missing": (with_slope, another_function, unless, as_derivative),
    "slope": (dropped, another_function, reoperated, another_constant, as_derivative, renamed, with_slope),
    "activation": (another_function, as_derivative, dropped, renamed, with_slope),
    "relu": (reoperated, another_function, another_constant, dropped, as_derivative, renamed),
    "labels": (indexed, with_labels, inserted, another_function, reoperated, renamed),
    "labels-shifted": (dropped, another_constant, reoperated, indexed),
    "output-slope-missing": (with_slope, another_function, as_derivative),
    "output-slope": (dropped, deleted, unless, another_function),
    "output-squared": (dropped, deleted, unless, another_function),
    "output-sign": (turned, reoperated, doubled, dropped),
    "one-from-all": (indexed, with_labels, another_constant, inserted, renamed),
    "softmax-diagonal": (with_labels, as_residual),
    "bias": (as_sum, another_constant, another_function, dropped, scaled),
    "weights-updated": (exchanged,),
    "weights-not": (turned,),
    "weights-transposed": (turned,),
    "wrong-weights": (with_index, renamed, another_constant),
    "input-in": (with_index, renamed, another_constant),
    "preactivation": (with_index, renamed, another_constant),
    "own-activation": (with_index, renamed, another_constant),
    "gradient-cut": (deleted, another_constant, grown, reoperated, dropped),
    "init": (another_function, deleted, drawn, another_constant, dropped, renamed),
    "accumulated": (reoperated, deleted),
}
COSTLY: tuple[Family, ...] = (
    inserted, with_labels, as_residual, unless, renamed, with_index, as_derivative, scaled, with_slope, with_penalty,
    as_sum, exchanged,
)  # fmt: skip


def stages_for(mistake: str) -> list[tuple[Family, ...]]:
    """All families: those that mend mistakes of this name, then those of few edits, then those of many."""
    fitting = [start for start in PREFERRED if mistake.startswith(start)]
    first = PREFERRED[max(fitting, key=len)] if fitting else ()
    rest = [tuple(family for family in families if family not in first) for families in (CHEAP, COSTLY)]
    return [first, *rest]


def families_for(mistake: str) -> list[Family]:
    """All families, in the order of their stages."""
    return [family for families in stages_for(mistake) for family in families]

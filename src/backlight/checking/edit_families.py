"""Which families of edits are tried for which mistake, and in which order."""

from backlight.checking.edits import Family
from backlight.checking.edits_added import (
    as_jacobian,
    as_residual,
    as_sum,
    completed,
    doubled,
    drawn,
    encoded,
    grown,
    indexed,
    inserted,
    scaled,
    squared_inside,
    summed_along,
    with_labels,
    with_penalty,
    wrapped,
)
from backlight.checking.edits_alike import like_another, repeated
from backlight.checking.edits_exchanged import (
    all_samples,
    another_constant,
    another_function,
    argument_renamed,
    deleted,
    dropped,
    exchanged,
    renamed,
    reoperated,
    turned,
    unless,
    with_index,
)
from backlight.checking.edits_slopes import as_chain, as_derivative, as_softmax, multiplied, powered, with_slope

# Which families mend which mistakes, by the beginning of the mistake's name; the others are tried after them.
CHEAP: tuple[Family, ...] = (
    like_another, dropped, deleted, reoperated, another_function, another_constant, doubled, turned, indexed,
    squared_inside, powered, grown, summed_along, repeated, argument_renamed, completed, encoded, renamed, exchanged,
    all_samples,
)  # fmt: skip
PREFERRED: dict[str, tuple[Family, ...]] = {
    "penalty": (like_another, dropped, doubled, deleted, reoperated, another_constant, with_penalty),
    "penalty-of": (like_another, renamed, with_index, another_constant),
    "penalty-sign": (like_another, reoperated, dropped, doubled, another_constant),
    "penalty-missing": (repeated, like_another, with_penalty, another_constant, reoperated),
    "loss-penalty": (dropped, doubled, squared_inside, powered, grown, reoperated, another_constant),
    "loss": (dropped, doubled, indexed, completed, encoded, another_function, reoperated, another_constant),
    "summed": (like_another, another_function, scaled, inserted, dropped),
    "averaged": (like_another, dropped, deleted, another_function, scaled),
    "mean": (like_another, another_function, dropped, scaled, inserted),
    "constant": (like_another, dropped, doubled, another_constant, deleted, reoperated),
    "slope-of-neighbour": (like_another, renamed, with_index, another_constant, another_function, argument_renamed),
    "slope-at": (like_another, renamed, with_index, argument_renamed, dropped, another_function, as_derivative),
    "slope-missing": (like_another, renamed, with_slope, another_function, unless, as_derivative),
    "slope": (
        like_another, dropped, powered, another_function, reoperated, another_constant, as_derivative, as_chain,
        multiplied, renamed, with_slope,
    ),
    "activation": (like_another, another_function, as_derivative, as_chain, dropped, renamed, with_slope),
    "activation-formula": (
        like_another, another_function, as_derivative, renamed, with_index, argument_renamed, dropped, with_slope,
    ),
    "relu": (
        like_another, reoperated, another_function, another_constant, dropped, as_derivative, as_chain, multiplied,
        renamed,
    ),
    "labels": (indexed, with_labels, inserted, another_function, reoperated, renamed, encoded),
    "labels-shifted": (dropped, another_constant, reoperated, indexed),
    "output-slope-missing": (with_slope, another_function, as_derivative),
    "output-slope": (dropped, deleted, unless, another_function),
    "output-squared": (dropped, deleted, unless, another_function),
    "output-sign": (turned, reoperated, doubled, dropped),
    "one-from-all": (indexed, with_labels, another_constant, inserted, renamed),
    "one-sample": (like_another, all_samples, summed_along, dropped, as_sum, another_constant),
    "softmax-diagonal": (as_jacobian, as_softmax, with_labels, as_residual),
    "softmax-axis": (another_constant,),
    "bias": (like_another, summed_along, as_sum, another_constant, another_function, dropped, scaled),
    "weights-updated": (exchanged,),
    "weights-not": (like_another, turned),
    "weights-transposed": (like_another, turned),
    "wrong-weights": (like_another, with_index, renamed, another_constant),
    "input-in": (like_another, with_index, renamed, another_constant),
    "preactivation": (like_another, with_index, renamed, another_constant),
    "own-activation": (like_another, with_index, renamed, another_constant),
    "gradient-cut": (deleted, dropped, another_constant, grown, reoperated),
    "init": (another_function, deleted, drawn, another_constant, dropped, renamed),
    "accumulated": (reoperated, deleted),
}  # fmt: skip
COSTLY: tuple[Family, ...] = (
    inserted, with_labels, as_residual, unless, with_index, as_derivative, multiplied, scaled, with_slope,
    with_penalty, as_sum, wrapped,
)  # fmt: skip


def stages_for(mistake: str) -> list[tuple[Family, ...]]:
    """All families: those that mend mistakes of this name, then those of few edits, then those of many."""
    fitting = [start for start in PREFERRED if mistake.startswith(start)]
    first = PREFERRED[max(fitting, key=len)] if fitting else ()
    rest = [tuple(family for family in families if family not in first) for families in (CHEAP, COSTLY)]
    return [first, *rest]

"""The catalogue: each mistake as a change of the backward pass, tried on the user's own parameters.

A mistake takes `Terms` and gives other `Terms`, so two mistakes are one after the other. What a mistake *is*,
in words, stands in `wording`; `catalogue` is only what it does to the numbers, a family a file.
"""

import re
from collections.abc import Iterator

from backlight.checking.catalogue.chain import chain_mistakes
from backlight.checking.catalogue.change import Hypothesis, in_turn
from backlight.checking.catalogue.factors import factor_mistakes, scale_mistakes
from backlight.checking.catalogue.outputs import output_mistakes
from backlight.checking.catalogue.penalties import penalty_mistakes
from backlight.checking.catalogue.samples import sample_mistakes
from backlight.checking.catalogue.slopes import scaled_slopes, slope_mistakes
from backlight.checking.catalogue.tensors import bias_mistakes, weight_mistakes
from backlight.checking.reference import Pass


def hypotheses(run: Pass) -> list[Hypothesis]:
    """All that apply to a network of this form, the likelier before the less likely."""
    families = (
        output_mistakes,
        scale_mistakes,
        slope_mistakes,
        penalty_mistakes,
        weight_mistakes,
        bias_mistakes,
        chain_mistakes,
        sample_mistakes,
        factor_mistakes,
        scaled_slopes,
    )
    single = [hypothesis for family in families for hypothesis in family(run)]
    return [*single, *repeated(single)]


def repeated(single: list[Hypothesis]) -> Iterator[Hypothesis]:
    """The same mistake in every layer, or in all but the last or the first: a line inside a loop."""
    groups: dict[tuple[str, str, str], list[Hypothesis]] = {}
    for hypothesis in single:
        if re.search(r"\d", hypothesis.site):
            key = (hypothesis.name, re.sub(r"\d", "", hypothesis.site), re.sub(r"\d", "", hypothesis.detail))
            groups.setdefault(key, []).append(hypothesis)
    for (name, site, _), members in groups.items():
        ranges = [members[:-1], members[1:]] if len(members) > 2 else []
        for chosen in [members, *ranges] if len(members) > 1 else []:
            where = f"every {site.strip()} of {chosen[0].site} … {chosen[-1].site}"
            yield Hypothesis(name, where, chosen[0].detail, in_turn(tuple(member.change for member in chosen)))

"""The benchmark's cases: programs with what is true of them, chosen from a seed and admitted by running them."""

import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .blueprint import Blueprint, Edit
from .operators import singles, unknowns
from .operators.unseen import ROUGH
from .options import Chooser
from .probe import GENERIC, Probe, difference
from .rewrites import rewrites
from .styles import STYLES, templates
from .template import changed_lines
from .truth import Case, Mistake
from .verify import agrees

SEEDS = {"dev": 1000, "test": 2000}
COUNTS = {
    "dev": {"correct": 160, "single": 250, "pair": 60, "unknown": 10},
    "test": {"correct": 320, "single": 350, "pair": 120, "unknown": 80},
}
VISIBLE = 1e-4  # least relative change of some tensor, or of the loss, for a mistake to count as one
NO_CURL, CURL = 1e-6, 1e-3  # a curl below the first is none, above the second is one


def cases(part: str, counts: Mapping[str, int] | None = None) -> list[Case]:
    """All cases of a part, always the same."""
    found: list[Case] = []
    counts = counts or COUNTS[part]
    for sort, count in counts.items():
        for index, style in enumerate(STYLES):
            share = count // len(STYLES) + (index < count % len(STYLES))
            made = correct(part, style, share) if sort == "correct" else faulty(part, style, sort, share)
            found += made
    return found


def blueprints(part: str, style: str, purpose: str) -> Iterator[tuple[Blueprint, random.Random]]:
    for number in range(2000):
        chance = random.Random(f"{SEEDS[part]} {style} {purpose} {number}")
        offered = templates(style, part)
        yield offered[number % len(offered)](Chooser(part, chance)), chance


def correct(part: str, style: str, count: int) -> list[Case]:
    found: dict[str, Case] = {}
    for blueprint, chance in blueprints(part, style, "correct"):
        offered = rewrites(blueprint, part)
        edits = chance.sample(offered, min(len(offered), chance.choice((0, 1, 2, 3))))
        slots: dict[str, str] = {}
        for edit in edits:
            if not slots.keys() & edit.slots.keys():
                slots |= edit.slots
        text = blueprint.render(slots).text
        name = f"{slug(style)}-right-{len(found):03}"
        found.setdefault(
            text, Case(name, part, "correct", style, text, blueprint, blueprint.acts[0], sizes_of(blueprint))
        )
        if len(found) == count:
            break
    return list(found.values())


def faulty(part: str, style: str, sort: str, count: int) -> list[Case]:
    """Mistakes take turns, so that each name comes about equally often in a style."""
    found: list[Case] = []
    used: dict[str, int] = {}
    for blueprint, chance in blueprints(part, style, sort):
        case = next_case(blueprint, chance, part, sort, used, f"{slug(style)}-{sort}-{len(found):03}")
        if case is not None:
            found.append(case)
        if len(found) == count:
            break
    return found


def next_case(
    b: Blueprint, chance: random.Random, part: str, sort: str, used: dict[str, int], name: str
) -> Case | None:
    """The least used mistake of this program that can be seen."""
    edits = unknowns(b, part) if sort == "unknown" else singles(b, part)
    chance.shuffle(edits)
    edits.sort(key=lambda edit: used.get(key_of(edit), 0))
    for first in edits[:8]:
        chosen = [first] if sort != "pair" else [first, *partner(first, edits)]
        case = admitted(b, chosen, part, sort, name) if sort != "pair" or len(chosen) == 2 else None
        for edit in chosen:  # also if it cannot be seen here, so that it does not block the way
            used[key_of(edit)] = used.get(key_of(edit), 0) + (1 if case else 0)
        if case is not None:
            return case
    return None


def key_of(edit: Edit) -> str:
    return edit.note or edit.names[0]


def partner(first: Edit, edits: Sequence[Edit]) -> list[Edit]:
    """Another mistake at another place."""
    for edit in edits[1:]:
        if not set(edit.names) & set(first.names) and not edit.slots.keys() & first.slots.keys():
            return [edit]
    return []


def admitted(b: Blueprint, edits: Sequence[Edit], part: str, sort: str, name: str) -> Case | None:
    slots = {slot: text for edit in edits for slot, text in edit.slots.items()}
    text, right = b.render(slots).text, b.render().text
    # without any one of its mistakes the program must be another; first weights are not seen at other weights
    others = [b.render(without(slots, edit)).text for edit in edits if edit.kind != "initialisation"]
    for sizes in (sizes_of(b), square_sizes(b)):
        for act in b.acts:
            if text == right or not visible(b, text, others, sizes, act):
                continue
            lines = [located(b, edit, slots) for edit in edits]
            mistakes = tuple(
                Mistake(edit.names, edit.kind, line, edit.harmful, edit.note)
                for edit, line in zip(edits, lines, strict=True)
            )
            tensors, of = unknown_truth(b, text, right, sizes, act) if sort == "unknown" else ((), "")
            of = "" if edits[0].note in ROUGH else of
            case = Case(name, part, sort, b.style, text, b, act, sizes, mistakes, tensors, of)
            # two mistakes may make up for each other: a loss and a gradient with the wrong sign
            return None if others and agrees(case, text) else case
    return None


def located(b: Blueprint, edit: Edit, slots: Mapping[str, str]) -> tuple[int, ...]:
    """Changed lines of this edit in the program that has all of them, and those that its `also` slots stand on."""
    after = b.render(slots)
    lines = changed_lines(b.render(without(slots, edit)), after)
    for slot in edit.also:
        lines |= after.lines_of(slot)
    return tuple(sorted(lines))


def without(slots: Mapping[str, str], edit: Edit) -> dict[str, str]:
    return {slot: text for slot, text in slots.items() if slot not in edit.slots}


def sizes_of(b: Blueprint) -> tuple[int, ...]:
    return GENERIC[b.depth] if b.classes > 1 else (*GENERIC[b.depth][:-1], 1)


def square_sizes(b: Blueprint) -> tuple[int, ...]:
    return (*(4,) * b.depth, 4 if b.classes > 1 else 1)


def visible(b: Blueprint, text: str, others: Sequence[str], sizes: tuple[int, ...], act: str) -> bool:
    """Whether it runs, and its loss and gradients are not those of any of the others."""
    try:
        mutant = numbers(b, text, sizes, act)
        return all(differ(mutant, numbers(b, other, sizes, act)) for other in others)
    except Exception:
        return False  # whatever a mistaken program raises, it is not what is asked for


def numbers(b: Blueprint, text: str, sizes: tuple[int, ...], act: str) -> list[object]:
    probe = Probe(text, b.driver_text(), b.feed, sizes, act)
    found: list[object] = []
    for _ in range(2):
        probe.move()
        found += [*probe.gradients(), *probe.gradients()]  # the second call shows what the first has left behind
        probe.set(probe.point)
        found.append(probe.loss())
    return found


def differ(mutant: Sequence[object], right: Sequence[object]) -> bool:
    arrays = [(np.asarray(a, dtype=float), np.asarray(b, dtype=float)) for a, b in zip(mutant, right, strict=True)]
    if any(not np.isfinite(a).all() for a, _ in arrays):
        raise ValueError("not finite")
    return any(difference(a, b) > VISIBLE for a, b in arrays)


def unknown_truth(b: Blueprint, text: str, right: str, sizes: tuple[int, ...], act: str) -> tuple[tuple[str, ...], str]:
    """The wrong tensors of the layer nearest to the output, and the gradient's class."""
    probes = [Probe(source, b.driver_text(), b.feed, sizes, act) for source in (text, right)]
    for probe in probes:
        probe.move()
    gradients = [probe.gradients() for probe in probes]
    names = [name for layer in probes[0].names for name in layer]
    wrong = [name for name, x, y in zip(names, *gradients, strict=True) if difference(x, y) > VISIBLE]
    for layer in reversed(probes[0].names):
        if first := tuple(name for name in layer if name in wrong):
            break
    curls = [probes[0].curl()]
    probes[0].move()
    curls.append(probes[0].curl())
    if max(curls) < NO_CURL and min(curls) > 0:
        return first, "other objective"
    return first, "broken chain rule" if max(curls) > CURL else ""


def slug(style: str) -> str:
    return style.replace(" ", "-")

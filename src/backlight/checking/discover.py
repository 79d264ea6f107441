"""Finding the network in somebody's file: by looking at names and by trying, not by asking for a rewrite."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from backlight.checking.binding import Pool
from backlight.checking.chain import RATE, chains
from backlight.checking.clearing import RESETS, forgotten
from backlight.checking.compose import Globals, Made, networks
from backlight.checking.construct import ACTIVATION_NAMES, PENALTY, Maker, activation_values, is_parameter_name
from backlight.checking.flat import Flat
from backlight.checking.flat_code import FlatCode, FlatSearch
from backlight.checking.inside import InsideCode
from backlight.checking.layers import methods
from backlight.checking.own_code import OwnCode, OwnMethod, Recipe, Reference
from backlight.checking.program import Program
from backlight.checking.roles import roles_of
from backlight.checking.search import Search
from backlight.checking.stages import NotFoundError, Stage
from backlight.checking.stepping import TrainingSearch
from backlight.checking.store import Slot, slots
from backlight.checking.subject import Subject

LOSSES = 3  # so many of the program's losses are tried with its backward pass


def subjects(program: Program, maker: Maker, target: str | None, training: bool = False) -> Iterator[Subject]:
    """Every reading of the program as one network, the likeliest first. Raises NotFoundError if there is none.

    With `training`, gradients are taken from one step of the program's own training function.
    """
    failures: list[Stage] = []
    found = False
    for made in networks(program, maker, target):
        for attempt in range(LOSSES):
            try:
                fresh = replace(made, network=made.build(program)) if attempt else made
                yield complete(program, maker, fresh, training, attempt)
                found = True
            except NotFoundError as error:
                failures.append(error.stage)
                break
    if not (training or found):
        for chain in chains(program, maker):
            found = True
            yield chain
    if not found:
        raise NotFoundError(max(failures, key=lambda stage: stage.depth, default=Stage(0, "no network was found")))


def complete(program: Program, maker: Maker, made: Made, training: bool, attempt: int) -> OwnCode:
    """The forward pass, loss and backward pass of a network that has been made; `attempt` counts losses."""
    assert maker.feed is not None
    network = made.network
    found = [slot for slot in slots(network) if may_be_parameter(slot, maker, isinstance(network, Globals))]
    extra = habits(program, maker, made)
    recipe = Recipe(
        maker.feed, made.shown, made.build, extra, as_argument=made.as_argument, resets=resets(program, network)
    )
    flat = isinstance(network, Flat) and not training
    subject = (FlatCode if flat else InsideCode)(program, recipe, network, found)
    search = (FlatSearch if flat else TrainingSearch if training else Search)(program, subject, network)
    search.find_forward()
    search.find_loss(attempt)
    search.find_gradient()
    search.drop_idle()
    if subject.recipe.forward is None and subject.has_loss and not training:
        with suppress(Exception):
            subject.look_inside()
    if subject.recipe.forward is None and not subject.has_loss:
        raise NotFoundError(Stage(1, "neither a forward pass nor a loss could be run", search.last))
    strength = strength_of(program, subject, made)
    subject.recipe = replace(subject.recipe, strength=strength)
    if maker.activation is not None and not takes_activation(subject.recipe, made, maker.activation):
        raise NotFoundError(Stage(4, "the program takes no activation by name"))
    return subject


def takes_activation(recipe: Recipe, made: Made, name: str) -> bool:
    steps = [step for step in (recipe.forward, recipe.loss, recipe.backward) if step]
    by_key = any(key.startswith("activation") for step in steps for _, key in step.plan)
    return by_key or any(isinstance(value, str) and value == name for value in made.arguments.values())


def strength_of(program: Program, subject: OwnCode, made: Made) -> float:
    """λ: what functions were handed for it, what the constructor was, what the object or the module keeps."""
    steps = [step for step in (subject.recipe.loss, subject.recipe.backward) if step]
    if any(key == "penalty" for step in steps for _, key in step.plan):
        return PENALTY
    kept = vars(made.network) if hasattr(made.network, "__dict__") else {}
    owners = [vars(type(made.network)), *(vars(kind) for kind in program.classes().values())]
    for values in (made.arguments, kept, program.namespace, *owners):
        for name, value in values.items():
            if isinstance(value, float) and 0 < value <= 0.5 and roles_of(name)[:1] == ("penalty",):
                return float(value)
    return PENALTY


def may_be_parameter(slot: Slot, maker: Maker, by_name: bool) -> bool:
    """A vector or matrix that is not the samples themselves, which some networks keep."""
    assert maker.feed is not None
    if by_name and not is_parameter_name(str(slot.path[0])):
        return False
    value = slot.read()
    samples = [np.asarray(part) for part in (maker.feed.inputs(), maker.feed.labels())]
    kept = any(value.shape == part.shape and np.array_equal(value, part) for part in samples)
    return value.dtype.kind == "f" and value.ndim <= 2 and not kept


def resets(program: Program, network: Any) -> tuple[Reference, ...]:
    """Methods that clear gradients, unless the program trains without them."""
    if forgotten(program):
        return ()
    return tuple(Reference("self", name) for name in RESETS if callable(getattr(network, name, None)))


def habits(program: Program, maker: Maker, made: Made) -> Pool:
    """Values that functions may ask for besides samples: activations, strengths, counts."""
    assert maker.feed is not None
    feed, network = maker.feed, made.network
    pool: Pool = {
        "penalty": PENALTY,
        "rate": RATE,
        "samples": 1 if feed.single else len(feed.X),
        "many": 1,
        "batch": len(feed.X),
        "quiet": False,
        "size_list": next((v for k, v in made.arguments.items() if is_list_of_sizes(k, v)), maker.sizes.all),
        "seed": 0,
    }
    kept = {} if isinstance(network, dict | list) else vars(network) if hasattr(network, "__dict__") else {}
    chosen = next((v for v in kept.values() if isinstance(v, str) and v.lower() in ACTIVATION_NAMES), maker.activation)
    values: list[Any] = [chosen] if chosen is not None else []
    for name in methods(type(network)):
        if "activation" in roles_of(name) and not name.startswith("__"):
            values.append(OwnMethod(name, chosen))
    values += activation_values(program, chosen)
    keys = ["activation:forced"] if maker.activation is not None else ["activation:0"]
    keys += [f"activation:{index}" for index in range(1, 4)]
    pool |= dict(zip(keys, values, strict=False))
    for name, value in program.namespace.items():  # a parameter with the name of a global constant
        plain = isinstance(value, list | dict | str | int | float) and not name.startswith("_")
        if plain and not {"input", "labels"} & set(roles_of(name)):
            pool[f"={name}"] = value
    pool |= {
        f"={name}": value for name, value in made.arguments.items() if not {"input", "labels"} & set(roles_of(name))
    }
    return pool


def is_list_of_sizes(name: str, value: Any) -> bool:
    return isinstance(value, list | tuple) and "size_list" in roles_of(name.strip("*"))


__all__ = ["NotFoundError", "Stage", "networks", "subjects"]

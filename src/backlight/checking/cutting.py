"""Where one round of a training loop is cut: which arrays are the parameters, what is the loss, where gradients are."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from backlight.checking.gradient_places import Candidate, Place, match
from backlight.checking.rehearsal import called
from backlight.checking.roles import LOSS, is_called
from backlight.checking.script import Cut, Script
from backlight.checking.subject import generic_values, seeded

LOSSES = 12  # so many expressions are tried as the loss


class Cutter:
    """Finds out about one script, by running its round at several parameters."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def keep_changing(self) -> None:
        """Leaves those arrays that one round changes. Raises ValueError if there is none."""
        script = self.script
        seeded(script.begin)
        seeded(partial(script.run, 0, len(script.codes)))
        flags = script.changed()
        if not flags and not script.warm:
            script.warm_up()
            return self.keep_changing()
        if not flags:
            raise ValueError("one round changes no array")
        return script.keep(flags)

    def cuts(self) -> Iterator[Cut]:
        """Expressions that depend on the arrays, each where it first does."""
        tables = []
        for seed in (1, 2):
            self.script.assign(generic_values(self.script, seed))
            tables.append(self.table())
        for expression in self.expressions:
            for at, (one, other) in enumerate(zip(*(table[expression] for table in tables), strict=True)):
                if one is not None and other is not None and np.isfinite([one, other]).all() and one != other:
                    yield Cut(expression, at, 0)
                    break

    def table(self) -> dict[str, list[float | None]]:
        """Each expression's value before the round and after each of its statements."""
        script = self.script
        seeded(script.begin)
        found: dict[str, list[float | None]] = {e: [script.value_of(e)] for e in self.expressions}
        for index in range(len(script.codes)):
            seeded(partial(script.run, index, index + 1))
            for expression, values in found.items():
                values.append(script.value_of(expression))
        return found

    @cached_property
    def expressions(self) -> list[str]:
        """What may be the loss: names that are assigned, and calls; those that sound like one first."""
        found: dict[str, None] = {}
        for statement in self.script.round.shown:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found[node.id] = None
                elif isinstance(node, ast.Call) and self.is_users(node):
                    found[ast.unparse(node)] = None
                elif isinstance(node, ast.Call) and called(node) == "append" and len(node.args) == 1:
                    found[ast.unparse(node.args[0])] = None
        return sorted(found, key=lambda text: not is_called(LOSS, text.split("(")[0].split(".")[-1]))[: 3 * LOSSES]

    def is_users(self, call: ast.Call) -> bool:
        with suppress(Exception):
            function = eval(ast.unparse(call.func), self.script.variables)
            return self.script.program.node_of(function) is not None
        return False

    def settled(self, cut: Cut) -> Iterator[Script]:
        """The script with one loss, with each way of reading its gradients."""
        script = self.script
        script.cut = cut
        felt = self.felt()
        kept_shapes = [value.shape for value, counts in zip(script.now, felt, strict=True) if counts]
        if not any(len(shape) == 2 and min(shape) > 1 for shape in kept_shapes):
            return  # no loss of a network
        kept, now = script.slots, script.now
        script.keep(felt)
        script.assign(generic_values(script, 1))
        update = script.first_change()
        returned = isinstance(script.round.statements[update], ast.Assign | ast.AugAssign | ast.Expr)
        if update >= cut.at - returned:  # what the update itself returns may be the loss before it
            for places in self.ways(update):
                yield self.with_rate(Cut(cut.loss, cut.at, update, places))
        script.slots, script.now = kept, now

    def with_rate(self, cut: Cut) -> Script:
        """What an update is divided by: the script's own number where a name tells, else what fits."""
        updated = any(place is not None and place.source == "update" for place in cut.places)
        rate = next(self.script.numbers("rate"), None) if updated else 1.0
        again = self.script.again(self.script.program, replace(cut, rate=rate or 1.0, named=rate is not None))
        if rate is None:
            again.calibrate()
        return again

    def felt(self) -> list[bool]:
        """Of which arrays the loss is a function."""
        script = self.script
        values, other = generic_values(script, 1), generic_values(script, 2)
        script.assign(values)
        reference, found = script.loss(), []
        for index in range(len(values)):  # a step so small that it changes no accuracy
            script.assign([v + 1e-4 * (other[i] - v) if i == index else v for i, v in enumerate(values)])
            found.append(script.loss() != reference)
        return found

    def ways(self, update: int) -> Iterator[tuple[Place | None, ...]]:
        """Arrays that look like the gradients before the update; else the update itself."""
        script = self.script
        script.cut = replace(script.cut, update=update)
        seeded(script.begin)
        before = {path: np.array(value) for path, value in script.arrays()}
        seeded(script.up_to_update)
        own = {slot.path for slot in script.slots}
        candidates = [
            Candidate(Place("state", path), path, np.asarray(value, dtype=float))
            for path, value in script.arrays()
            if path not in own and not (path in before and np.array_equal(before[path], value))
        ]
        found = match(script.slots, candidates)
        if all(place is not None for place in found):
            yield tuple(found)
        yield tuple(Place("update", slot.path) for slot in script.slots)

"""One step of a program's own training: what changes its parameters, and by how much."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.binding import Pool, one_step
from backlight.checking.chain import RATE
from backlight.checking.construct import PENALTY
from backlight.checking.gradient_places import Place
from backlight.checking.own_code import Reference, publish, return_names
from backlight.checking.roles import is_called
from backlight.checking.search import Search
from backlight.checking.stages import NotFoundError, Stage
from backlight.checking.step_size import step_size
from backlight.checking.store import arrays
from backlight.checking.subject import generic_values, seeded

TRAINS = r"_*.*(train|fit|learn|sgd|descent|optimi[sz]e|update_?mini_?batch|model|run_epoch).*"
APPLIES = r"_*.*(update|step|sgd|descent|apply|optimi[sz]e).*"
NOT_PLAIN = r".*(adam|rms_?prop|adagrad|momentum|nesterov|velocity|predict|plot|print|lr|rate|init).*"


class TrainingSearch(Search):
    """Looks for a training step where `Search` looks for a backward pass."""

    def find_gradient(self) -> None:
        """One step of training: a function that trains, or the backward pass and what applies its gradients."""
        for reference in self.candidates(TRAINS):
            if not is_called(NOT_PLAIN, reference.name) and self.try_training(reference):
                return
        self.find_backward()
        if self.subject.recipe.places[0] != Place("update", self.subject.slots[0].path):
            self.find_update()

    def try_training(self, reference: Reference) -> bool:
        """A function that goes through samples and changes the parameters that it is handed or keeps."""
        subject, feed = self.subject, self.subject.feed
        pool = self.step_pool(reference)
        for listed in (False, True) if feed.single else (False,):
            samples = {"input": [pool["input"]], "labels": [pool["labels"]]} if listed else {}
            step = self.try_step(reference, {**pool, **samples}, self.moved)
            self.restore(0)
            if step is None or not any(key in ("input", "pairs") for _, key in step.plan):
                continue
            own = {f"={key}" for key in self.network} if isinstance(self.network, dict) else set()
            if subject.recipe.as_argument and not any(key == "parameters" or key in own for _, key in step.plan):
                continue
            recipe = replace(subject.recipe, backward=step, rate=step_size(subject, step), listed=listed)
            subject.recipe = replace(recipe, extra={**recipe.extra, **{k: v for k, v in pool.items() if k[0] == "!"}})
            return self.settle_step(lambda: subject.run_backward(subject.fresh_pool(*subject.batches()[0])))
        return False

    def step_pool(self, reference: Reference) -> Pool:
        """What makes one plain step of a function; λ only where the loss has one."""
        subject, pool = self.subject, self.pool()
        self.restore(0)
        penalised = subject.recipe.loss is not None and any(key == "penalty" for _, key in subject.recipe.loss.plan)
        pool |= {"samples": len(subject.feed.X), "penalty": PENALTY if penalised else 0.0}
        plain = next((word for word in ("sgd", "gd", "SGD", "gradient_descent") if self.spelled(word)), None)
        function = reference.resolve(self.program, self.network)
        return pool | one_step(function, RATE, len(subject.feed.X), plain)

    def spelled(self, word: str) -> bool:
        return any(f"{quote}{word}{quote}" in text for text in self.program.sources.texts.values() for quote in "'\"")

    def moved(self, returned: Any) -> bool:
        before, after = generic_values(self.subject, 0), self.values_now()
        if any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
            return all(np.isfinite(a).all() for a in after)
        return self.new_values(returned) is not None

    def new_values(self, returned: Any) -> list[Place] | None:
        """Places of new parameters in what a step returned."""
        places = []
        for slot in self.subject.slots:
            fitting = [(path, value) for path, value in arrays(returned) if value.shape == slot.read().shape]
            named = [path for path, _ in fitting if path[-len(slot.path) :] == slot.path]
            if not named and isinstance(returned, tuple) and len(arrays(returned)) == len(self.subject.slots):
                named = [path for path, _ in fitting if path == (self.subject.slots.index(slot),)]
            if not named:
                return None
            places.append(Place("new", named[0]))
        return places

    def find_update(self) -> None:
        """The function that applies the gradients which the backward pass gave."""
        subject, backward = self.subject, self.subject.recipe.backward
        assert backward is not None
        for reference in self.candidates(APPLIES):
            if is_called(NOT_PLAIN, reference.name):
                continue
            pool = self.step_pool(reference)
            pool["gradients"] = seeded(partial(subject.run_backward, pool))
            publish(pool, pool["gradients"], return_names(self.program, backward.reference, self.network))
            step = self.try_step(reference, pool, self.moved)
            self.restore(0)
            if step is None or any(key in ("input", "pairs") for _, key in step.plan):
                continue
            extra = {
                **subject.recipe.extra,
                **{k: v for k, v in pool.items() if k[0] == "!" or k in ("samples", "penalty")},
            }
            subject.recipe = replace(subject.recipe, update=step, rate=step_size(subject, step), extra=extra)
            if self.settle_step(self.whole_step):
                return
        raise NotFoundError(Stage(4, "nothing that applies the gradients was found"))

    def whole_step(self) -> Any:
        pool = self.pool()
        return self.subject.run_update(pool, self.subject.run_backward(pool))

    def settle_step(self, run: Callable[[], Any]) -> bool:
        """Where the parameters change; False for what starts from values of its own."""
        subject, ends = self.subject, []
        for seed in (1, 2):
            subject.rewind()
            before = self.restore(seed)
            try:
                returned = seeded(run)
            except Exception as error:
                self.note(error)
                return False
            ends.append(self.values_now())
        self.restore(0)
        changed = any(not np.array_equal(a, b) for a, b in zip(before, ends[1], strict=True))
        own = changed and all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))
        new = self.new_values(returned)
        places = [Place("update", slot.path) for slot in subject.slots] if changed else new
        if places is None or own:
            return False
        subject.recipe = replace(subject.recipe, places=tuple(places), backward_gives_loss=False)
        return True

"""A network over one flat vector, asked like one with parameters of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from backlight.checking.binding import Pool
from backlight.checking.flat import Flat
from backlight.checking.flat_finding import vector_argument
from backlight.checking.flat_layout import cut
from backlight.checking.gradient_places import Place
from backlight.checking.inside import InsideCode
from backlight.checking.own_code import Reference, Step
from backlight.checking.roles import NOT_A_ROLE, is_called
from backlight.checking.search import Search
from backlight.checking.store import arrays

NUMERICAL = r"\w*(numeric|check|approx|estimate)\w*"


class FlatCode(InsideCode):
    """Functions are handed the vector; vectors that they return are cut into what they belong to."""

    network: Flat

    def fresh_pool(self, inputs: Any, labels: Any) -> Pool:
        return super().fresh_pool(inputs, labels) | self.network.sizes | {"parameters": self.network.vector}

    def call(self, step: Step, pool: Pool) -> Any:
        self.network.install()
        return self.cut(super().call(step, pool))

    def cut(self, returned: Any) -> Any:
        return cut(returned, len(self.network.vector), self.network.regions)


class FlatSearch(Search):
    """Whatever takes the vector may be any of the three, whatever its name; what is called so goes first."""

    subject: FlatCode
    network: Flat

    def candidates(self, pattern: str, elsewhere: bool = False) -> list[Reference]:
        """Of these names first: a slope `sigmoid_gradient(z)` may be handed the vector, too."""
        self.network.install()
        taking = self.network.functions if self.network.setter else self.network.names
        own = [Reference("self", name) for name in self.network.functions if name in taking]
        own += [Reference("", n) for n, f in self.program.functions().items() if vector_argument(f) is not None]
        own = [reference for reference in own if not is_called(NOT_A_ROLE, reference.name)]
        called = [reference for reference in own if is_called(pattern, reference.name)]
        others = [r for r in super().candidates(pattern, elsewhere) if not is_called(NUMERICAL, r.name)]
        return list(dict.fromkeys([*called, *own, *others]))

    def known(self, function: Callable[..., Any]) -> dict[str, str]:
        argument = self.network.names.get(getattr(function, "__name__", "")) or vector_argument(function)
        return {argument: "parameters"} if argument and argument not in self.network else super().known(function)

    def locate(self, returned: Any, reference: Reference) -> list[Place | None] | None:
        """Nothing in what is only cut out of the vector."""
        returned = self.subject.cut(returned)
        return None if self.is_part(returned) else super().locate(returned, reference)

    def gives_outputs(self, returned: Any) -> bool:
        return not self.is_part(returned) and super().gives_outputs(returned)

    def is_part(self, returned: Any) -> bool:
        found = [value for _, value in arrays(returned)]
        return bool(found) and all(np.isin(value, self.network.vector).all() for value in found)

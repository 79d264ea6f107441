"""A correct program as a template with slots, and what an operator must know to write a mistake into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .dialect import Dialect
from .forms import Gradients, Init, Loss, Output, Penalty, Place, Slope
from .template import Rendered, render

MISSING = "none"


@dataclass(frozen=True)
class Blueprint:
    """One correct program.

    Attributes:
        style, variant: which of the five ways of writing it, and which template.
        template, driver: the program, and code that is run after it to ask for parameters, loss and gradients.
        slots: default text of each.
        feed: how samples are handed over: "rows index", "rows one-hot", "rows binary", "columns one-hot",
            "columns binary", "single binary", "single one-hot".
        depth: weight layers that the driver builds.
        places: from the output backwards.
        acts: activations that a driver can ask for; one if the program has only one.
        separate: δ's two factors stand in different functions, slots `prop` and `slope`.
        definitions: activation -> slot of its derivative's expression, and the name of its argument.
        rate: the name of a step size that the backward pass could use, or a number.
        weights: expressions for each weight array, as the loss calls them, for penalties.
    """

    style: str
    variant: str
    template: str
    driver: str
    slots: Mapping[str, str]
    feed: str
    depth: int
    dialect: Dialect
    places: tuple[Place, ...]
    output: Output
    gradients: Gradients
    penalty: Penalty
    slope: Slope
    loss: Loss | None
    inits: tuple[Init, ...]
    acts: tuple[str, ...]
    separate: bool = False
    definitions: Mapping[str, str] = field(default_factory=dict)
    argument: str = "z"
    rate: str = "0.1"
    weights: tuple[str, ...] = ()
    classes: int = 4

    def filled(self) -> "Blueprint":
        """With the default text of all slots that the forms make."""
        made: dict[str, str] = {"out": self.output.statement()}
        if self.loss is not None:
            made |= {"loss": self.loss.statement(), "loss.pen": self.loss.penalty_statement()}
        for place in self.places:
            if place.dW:
                made[f"dW.{place.tag}"] = self.gradients.weight(place)
                made[f"db.{place.tag}"] = self.gradients.bias(place)
                made |= self.gradients.penalty_slots(place)
            if place.above:
                made |= self.hidden(place)
        for init in self.inits:
            made[f"init.{init.tag}"] = init.statement()
        return replace(self, slots={**made, **self.slots})

    def prop(self, place: Place, W: str = "", above: str = "", transposed: bool = True) -> str:
        return self.dialect.back(above or place.above, W or place.W_above, transposed)

    def hidden(self, place: Place, prop: str = "", slope: str = "") -> dict[str, str]:
        """δ of a hidden layer; `slope` "none" leaves f′ out."""
        prop = prop or self.prop(place)
        slope = slope or self.slope.of(place.z, place.a)
        if self.separate:
            return {"prop": prop, "slope": place.gate if slope == MISSING else f"{place.gate} * {slope}"}
        return {f"D.{place.tag}": place.delta_statement(prop, None if slope == MISSING else slope)}

    def with_slope(self, place: Place, slope: str) -> dict[str, str]:
        """The slots after which `slope` stands where f′ should; "none" leaves it out."""
        changed = self.hidden(place, slope=slope)
        return {"slope": changed["slope"]} if self.separate else changed

    def with_prop(self, place: Place, prop: str) -> dict[str, str]:
        """The slots after which `prop` stands where δ_{l+1} W_{l+1}ᵀ should."""
        changed = self.hidden(place, prop=prop)
        return {"prop": changed["prop"]} if self.separate else changed

    @property
    def weighted(self) -> tuple[Place, ...]:
        """Places with gradients of weights and biases."""
        return tuple(place for place in self.places if place.dW)

    @property
    def sloped(self) -> tuple[Place, ...]:
        """Places where f′ is multiplied to δ."""
        return tuple(place for place in self.places if place.above and place.a)

    @property
    def below(self) -> tuple[Place, ...]:
        """Places where δ comes from the layer above."""
        return tuple(place for place in self.places if place.above)

    def render(self, edits: Mapping[str, str] | None = None) -> Rendered:
        return render(self.template, {**self.slots, **(edits or {})})

    def driver_text(self) -> str:
        return render(self.driver, self.slots).text


@dataclass(frozen=True)
class Edit:
    """One mistake as other texts for some slots.

    Attributes:
        names: accepted names, the operator's own first.
        kind: "gradient", "loss", "initialisation" or "program".
        slots: the texts.
        also: slots whose lines, if unchanged, may rightly be named too.
        harmful: whether more than the step size is wrong.
        spelling: which way of writing it, for the record.
    """

    names: tuple[str, ...]
    kind: str
    slots: Mapping[str, str]
    also: tuple[str, ...] = ()
    harmful: bool = True
    note: str = ""

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.names[0], *sorted(self.slots))

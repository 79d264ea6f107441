"""What a tab may ask of its session; the tag of each is its `do` in the request."""

from typing import Annotated

from msgspec import Meta, Struct

from backlight.page.playground.settings import Place, PlaygroundSettings

MOST_AT_ONCE = 1_000_000  # steps of one request
MOST_SEEDS = 2_000
Step = Annotated[int, Meta(ge=0, le=10_000_000)]


class Command(Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    pass


class Play(Command, frozen=True, tag="play"):
    """At so many steps a second; as many as there can be if None."""

    speed: Annotated[float, Meta(gt=0, le=1e6)] | None = None


class Pause(Command, frozen=True, tag="pause"):
    pass


class Advance(Command, frozen=True, tag="step"):
    count: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 1


class Epoch(Command, frozen=True, tag="epoch"):
    pass


class Go(Command, frozen=True, tag="go"):
    """To a step of a branch, back or on."""

    branch: Annotated[int, Meta(ge=0)]
    step: Step


class Change(Command, frozen=True, tag="change"):
    """Other settings: a branch from here where the network can keep its weights, or else a new network."""

    settings: PlaygroundSettings


class Probe(Command, frozen=True, tag="probe"):
    """The point whose numbers are filled into the formulas."""

    point: tuple[Place, Place]


class OtherSeeds(Command, frozen=True, tag="seeds"):
    count: Annotated[int, Meta(ge=10, le=MOST_SEEDS)] = 1000


class StopSeeds(Command, frozen=True, tag="stop-seeds"):
    pass


AnyCommand = Play | Pause | Advance | Epoch | Go | Change | Probe | OtherSeeds | StopSeeds


class Leg(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the way to a moment: from `step` on under `settings`."""

    step: Step
    settings: PlaygroundSettings


class Start(Struct, frozen=True, forbid_unknown_fields=True):
    """What an address restores: settings, changes on the way, and the step that was looked at."""

    settings: PlaygroundSettings
    legs: Annotated[tuple[Leg, ...], Meta(max_length=20)] = ()
    step: Annotated[int, Meta(ge=0, le=10_000_000)] = 0

"""What tells the programs apart when they are killed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backlight.recording.run import Run

from . import programs
from .evidence import last_step


@dataclass(frozen=True)
class Kind:
    """One program.

    Attributes:
        name: its word in `programs`.
        progress: of a folder, how far it has come; `end` is where nothing is left to train.
        saves: folder of its checkpoints inside the run folder; "" if it has none.
        resumes: whether it can be gone on with. What only watches cannot: the loop is the user's.
    """

    name: str
    progress: Callable[[Path], int]
    end: int
    saves: str
    resumes: bool = True

    @property
    def program(self) -> Callable[[Path, bool], None]:
        return programs.PROGRAMS[self.name]


def blocks_done(folder: Path) -> int:
    done = len(list((folder / "blocks").glob("[!.]*.safetensors")))
    return done - 1  # as steps are: −1 while there is nothing


def networks_trained(folder: Path) -> int:
    """By the last process that finished a study."""
    details = [event.detail for event in Run.open(folder).events() if event.kind == "finished"]
    match = re.search(r"for (\d+) networks", details[-1])
    assert match is not None
    return int(match[1])


def networks_in(folder: Path, names: set[str]) -> int:
    """Networks whose blocks are finished."""
    from backlight.recording.checkpoint import load_checkpoint

    states = [load_checkpoint(folder / "blocks" / name)[1] for name in names]
    return sum(state["block"]["seeds"][1] for state in states)


KINDS = (
    Kind("mlp", last_step, programs.STEPS, "checkpoints"),
    Kind("cnn", last_step, programs.CNN_STEPS, "checkpoints"),
    Kind("study", blocks_done, -1, "blocks"),  # how many blocks there are an uninterrupted one says
    Kind("written", last_step, programs.WRITTEN - 1, ""),
    Kind("watched", last_step, programs.WRITTEN - 1, "", resumes=False),
)

"""Flags that several commands have."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

RunFolder = Annotated[
    Path | None, Parameter(name="--run", help="Run folder; the next free one under runs/ if not given.")
]
Resume = Annotated[bool, Parameter(negative=(), help="Go on with the run in --run, with its own settings.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print the result as JSON.")]
DataDir = Annotated[Path | None, Parameter(help="Folder with the full MNIST (MNIST/raw/*-ubyte[.gz]).")]

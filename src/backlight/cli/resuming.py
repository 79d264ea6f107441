"""Going on with a run."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from backlight.errors import RunError
from backlight.recording.run import Run


def resumed_settings(kind: type, run: Path | None, given: Any) -> Any:
    """The settings that a run folder holds; flags that say otherwise are an error."""
    from backlight.training.settings import settings_from_plain

    if run is None:
        raise RunError("--resume needs --run FOLDER, the run to go on with")
    stored = settings_from_plain(kind, Run.open(run).settings)
    changed = [
        name
        for name, value in asdict(given or kind()).items()
        if value not in (getattr(kind(), name), getattr(stored, name))
    ]
    if changed:
        raise RunError(f"{run}: a resumed run keeps its settings, but {', '.join(changed)} was given another value")
    return stored

"""The end of a recording: by hand, with the optimizer, or with the program."""

import json
import sys
from collections.abc import Callable, Sequence

from backlight.errors import RunError
from backlight.recording.run_writer import RunWriter
from backlight.watching.modes import TestObserver
from backlight.watching.schedule import Schedule
from backlight.watching.waiting import Waiting


def finish(
    writer: RunWriter | None, own: bool, schedule: Schedule, first_step: int, waiting: Waiting, tests: TestObserver,
    releases: Sequence[Callable[[], None]],
) -> None:  # fmt: skip
    """Takes the hooks away, lets go of memory, and completes the record."""
    for release in releases:
        release()
    if writer is None or writer.forked:
        return
    detail = {
        "steps": schedule.steps,
        "recorded": schedule.recorded,
        "seconds": round(schedule.watching, 3),
        "share": round(schedule.share, 4),
        "writer_seconds": round(writer.busy_seconds, 3),
        "longest_write": round(writer.longest_write, 3),
        "most_waiting": writer.most_waiting,
        **tests.counted,
    }
    message = (
        f"{schedule.recorded} of {schedule.steps} steps recorded in {writer.folder}; "
        f"watching took {schedule.share:.1%} of the training's own time"
    )
    if not own:
        tests.write(writer)
        waiting.write()
        writer.event(first_step + schedule.steps, "watched", json.dumps(detail))
        return
    try:
        with writer:
            tests.write(writer)
            waiting.write()
            writer.event(first_step + schedule.steps, "watched", json.dumps(detail))
    except RunError as error:
        message = f"the record is incomplete: {error}"
    sys.stderr.write(f"backlight: {message}\n")

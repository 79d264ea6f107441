"""Was the model in the mode that it should have been in?"""

import json
from collections.abc import Iterator

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import HELD_OUT, MissingError, Record
from backlight.recording.run import Event


def eval_mode_in_training(record: Record) -> Iterator[Finding]:
    """A step was made with all dropout and batch norm in evaluation mode."""
    for event in watched_events(record):
        if event.kind == "evaluation mode":
            detail = json.loads(event.detail)
            count, of = len(detail["evaluation mode"]), detail["of"]
            text = f"modules in evaluation mode in a training step, of {of} that behave otherwise in it"
            severity: Severity = "slows" if count == of else "note"
            yield Finding("eval-mode-in-training", severity, (Evidence(text, count, 0, "above", event.step),),
                          detail["evaluation mode"][0])  # fmt: skip
            return


def dropout_at_test(record: Record) -> Iterator[Finding]:
    """The model was tested in training mode, with dropout or batch norm that behave otherwise in it.

    A test is a forward pass without gradient, in a program that records a loss or an accuracy of a held-out part. One
    that also has tests in evaluation mode knows of it: the others are dropout on purpose, or running averages that are
    made anew.
    """
    events = {event.kind: event for event in watched_events(record)}
    found = events.get("training mode in a test")
    if found is None or "evaluation mode in a test" in events:
        return
    if not any(held in name.lower() for name in record.run.scalar_names() for held in HELD_OUT):
        raise MissingError("a loss or an accuracy of a held-out part")
    modules = json.loads(found.detail)["modules"]
    text = f"modules in training mode in a test, such as {modules[0]}"
    yield Finding("dropout-at-test", "slows", (Evidence(text, len(modules), 0, "above", found.step),))


def watched_events(record: Record) -> list[Event]:
    events = record.run.events()
    if not any(event.kind == "watch" for event in events):
        raise MissingError("a PyTorch model that was watched")
    return events

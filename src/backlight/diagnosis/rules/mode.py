"""Was the model in the mode that it should have been in?"""

import json
from collections.abc import Iterator

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record


def eval_mode_in_training(record: Record) -> Iterator[Finding]:
    """A step was made with all dropout and batch norm in evaluation mode."""
    events = record.run.events()
    if not any(event.kind == "watch" for event in events):
        raise MissingError("a PyTorch model that was watched")
    for event in events:
        if event.kind == "evaluation mode":
            detail = json.loads(event.detail)
            count, of = len(detail["evaluation mode"]), detail["of"]
            text = f"modules in evaluation mode in a training step, of {of} that behave otherwise in it"
            severity: Severity = "slows" if count == of else "note"
            yield Finding("eval-mode-in-training", severity, (Evidence(text, count, 0, "above", event.step),),
                          detail["evaluation mode"][0])  # fmt: skip
            return

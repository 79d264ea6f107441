"""What to do next, as commands: the run again with the likeliest cure, and the trial of all cures over many seeds."""

import shlex

from backlight.diagnosis.cures import Change, changes
from backlight.diagnosis.finding import Diagnosis
from backlight.diagnosis.retraining import RETRAINING
from backlight.errors import BacklightError
from backlight.recording.run import Run
from backlight.reports.html.fragments import text
from backlight.reports.html.settings import command_line
from backlight.training.settings import plain_settings, settings_from_plain


def cure_html(run: Run, diagnosis: Diagnosis) -> str:
    """ "" for a healthy run, and for a loop that is the user's own."""
    if diagnosis.healthy or run.command not in RETRAINING:
        return ""
    treat = f"backlight treat {shlex.quote(str(run.folder))}"
    parts = [f"<p>To try the cures on many seeds, beside the unchanged settings:</p><pre>{text(treat)}</pre>"]
    found = likeliest(run, diagnosis)
    if found:
        change, command = found
        parts.insert(0, f"<p>The first to try: {text(change)}.</p><pre>{text(command)}</pre>")
    return "".join(parts)


def likeliest(run: Run, diagnosis: Diagnosis) -> tuple[Change, str] | None:
    """The first cure that changes a setting, and the command line with it."""
    retraining = RETRAINING[run.command]
    try:
        settings = settings_from_plain(retraining.settings, run.settings)
        found = changes(retraining.cures, diagnosis.causes, settings)
        if not found:
            return None
        return found[0], command_line(run.command, plain_settings(found[0].applied(settings)))
    except BacklightError:
        return None

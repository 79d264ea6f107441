"""How objects show themselves in a notebook.

What draws them stands in `reports`, which imports the rooms that these objects live in. So it is found by its name,
when a notebook asks: the one arrow between rooms that goes by name.
"""

from html import escape
from importlib import import_module
from typing import Any, Literal

from backlight.errors import BacklightError

Kind = Literal["check", "diagnosis", "network", "run", "study", "treatment"]


def shown(kind: Kind, value: Any) -> str:
    """`value` as HTML, by `html` of reports/notebook/<kind>.py; what keeps it from being shown is said instead."""
    try:
        found: str = import_module(f"backlight.reports.notebook.{kind}").html(value)
    except (BacklightError, OSError) as error:
        return f"<pre>{escape(str(error))}</pre>"
    return found

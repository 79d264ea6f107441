"""What can be wrong with what a user handed in: one line that says what, where, and what to do.

The command line prints these without a traceback; every other exception is a defect of Backlight.
"""


class BacklightError(Exception):
    """Base of all errors whose message is written for the user."""


class DataError(BacklightError, ValueError):
    """A data set that cannot be used; the message names the file and the byte or row."""


class SettingsError(BacklightError, ValueError):
    """A setting outside its range, an unknown name, or two settings that contradict each other."""


class RunError(BacklightError, RuntimeError):
    """A run folder that cannot be opened, written or resumed."""


class DivergedError(BacklightError, ArithmeticError):
    """The loss became NaN or infinite; the run folder holds what led there."""


class MissingExtraError(BacklightError, ImportError):
    """An optional dependency that is not installed; the message names the command that installs it."""

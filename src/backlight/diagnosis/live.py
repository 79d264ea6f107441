"""Rules while a training goes on: a callback hears of what is wrong for certain, and may stop the training early."""

from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.diagnose import diagnose, names_of
from backlight.diagnosis.finding import Finding
from backlight.errors import RunError, SettingsError
from backlight.recording.run_writer import GATHER_SECONDS

FIRST_SECONDS = 10.0  # what asking costs is not known before
# Rules that do not wait for the end to see whether anything was learnt
AT_ANY_TIME = frozenset({
    "nonfinite-values", "not-in-optimizer", "gradient-cut", "unused-parameters", "wrong-gradient", "missing-zero-grad",
    "softmax-before-loss", "probabilities-into-nll", "labels-shifted", "split-overlap", "inputs-ignored",
    "constant-initialisation", "same-seed-in-layers", "eval-mode-in-training",
})  # fmt: skip


class LiveRules:
    """Asks a run that is being written, seldom enough to stay within a share of the training's time.

    Args:
        folder: of the run, such as `watching.folder`.
        on_finding: called once for each new finding; a true result asks for the training to be stopped.
        budget: share of the time that asking may take, above 0 and at most 1.
        mute: codes or names of rules that are not asked.

    Attributes:
        seconds: spent on asking so far.

    Raises:
        SettingsError: for a budget that is not a share, or an unknown name in `mute`.
    """

    def __init__(
        self,
        folder: Path | str,
        on_finding: Callable[[Finding], object],
        budget: float = 0.01,
        mute: Iterable[str] = (),
    ):
        if not 0 < budget <= 1:
            raise SettingsError(f"budget is a share of the training time above 0, such as 0.01, not {budget}")
        self.seconds: float = 0.0  # spent so far
        self._folder, self._on_finding, self._budget = Path(folder), on_finding, budget
        self._muted = (set(CAUSES) - AT_ANY_TIME) | names_of(mute)
        self._told: set[tuple[str, str]] = set()
        self._began = perf_counter()
        self._next = self._began + FIRST_SECONDS
        self._stop = False

    @property
    def share(self) -> float:
        """Of the time since it was made, the part that asking took."""
        return self.seconds / max(perf_counter() - self._began, 1e-9)

    def step(self) -> bool:
        """To be called after each step; whether the callback has asked to stop."""
        if perf_counter() >= self._next:
            self.ask()
        return self._stop

    def ask(self) -> None:
        """Asks now."""
        began = perf_counter()
        try:
            found = diagnose(self._folder, self._muted)
        except RunError:  # not yet there
            found = None
        for finding in found.findings + found.consequences if found else ():
            if finding.severity != "note" and (finding.name, finding.layer) not in self._told:
                self._told.add((finding.name, finding.layer))
                self._stop = bool(self._on_finding(finding)) or self._stop
        ended = perf_counter()
        self.seconds += ended - began
        # Not before what asking has cost, and will cost again, is within the budget
        paid_off = self._began + (self.seconds + ended - began) / self._budget
        self._next = max(paid_off, ended + GATHER_SECONDS)

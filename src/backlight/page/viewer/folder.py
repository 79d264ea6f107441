"""Names of runs, as the browser says them, and the folders that they stand for: below one folder and nowhere else."""

import os
from dataclasses import dataclass
from pathlib import Path

from backlight.errors import RunError
from backlight.files import file_stamp
from backlight.recording.run import Run

FILE = "run.sqlite"
PARTS = frozenset({"snapshots", "checkpoints", "tensorboard", "figures"})  # of a run folder: no run lies in them


@dataclass(frozen=True)
class RunsFolder:
    """The folder whose runs are shown. A run's name is its path below it, with slashes."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "RunsFolder":
        return cls(root.resolve())

    def found(self) -> dict[str, Path]:
        """Every run in and below the folder; links to folders are not followed."""
        runs, waiting = {}, [self.root]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError:  # gone meanwhile, or not for us to read
                continue
            is_run = any(entry.name == FILE for entry in entries)
            if is_run:
                runs[folder.relative_to(self.root).as_posix()] = folder
            waiting += [
                Path(entry.path)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not (is_run and entry.name in PARTS)
            ]
        return runs

    def folder(self, name: str) -> Path:
        """
        Raises:
            RunError: if the name, or a link in the run's folder, leads out of the folder; or if no run is there.
        """
        try:
            folder = (self.root / name).resolve()
            inside = folder.is_relative_to(self.root) and (folder / FILE).is_file() and not self._leads_out(folder)
        except (OSError, ValueError):  # such as a NUL, or a name that is too long
            inside = False
        if not inside:
            raise RunError(f"{name!r}: no run of that name in the runs folder")
        return folder

    def open(self, name: str) -> Run:
        return Run.open(self.folder(name))

    def _leads_out(self, folder: Path) -> bool:
        """Whether a link somewhere in the run's own files ends outside: a folder may come from anybody."""
        for parent, folders, files in os.walk(folder):
            if parent == str(folder):
                folders[:] = [each for each in folders if each in PARTS]
            for entry in (Path(parent, each) for each in (*folders, *files)):
                if entry.is_symlink() and not entry.resolve().is_relative_to(self.root):
                    return True
        return False


def stamp(folder: Path) -> str:
    """Another one whenever something was written into the run."""
    stamps = (file_stamp(folder / name) for name in (FILE, f"{FILE}-wal"))
    return "-".join(f"{time:x}.{size:x}" for time, size in filter(None, stamps))

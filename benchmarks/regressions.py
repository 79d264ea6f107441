"""Is Backlight still as fast beside its peers as the records say? The quick benchmarks again, held against them.

    make bench-check        # or: python benchmarks/regressions.py [engine watch cnn]

A ratio has fallen by more than its noise where all of its range now (what the record gives: quartiles, least and most,
or the interval of a mean) lies below that of the record. It is measured once more, and only what falls twice is said to
have. Ratios are to a peer that takes turns with Backlight in the same run, so a busy machine slows both; a machine of
another kind changes them, and is not held against the record.

Exits with 0 where nothing fell, 1 where something did, 2 where the record is of another kind of machine.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from backlight.recording.environment import describe_environment

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Ratio:
    """Backlight's speed over a peer's, higher is better: the median of n rounds, and the range they lie in."""

    median: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} … {self.high:.3g}, n = {self.n})"


def fallen(record: Ratio, now: Ratio) -> bool:
    """The ranges lie apart."""
    return now.high < record.low


@dataclass(frozen=True)
class Benchmark:
    """One that can be repeated quickly.

    Attributes:
        words: the program and its arguments; `--out FILE` is added.
        record: what it is held against, in records/.
        ratios: the ratios by name in a record, and in what `words` writes.
        environment: that of a record.
    """

    words: tuple[str, ...]
    record: str
    ratios: Callable[[Any], dict[str, Ratio]]
    environment: Callable[[Any], dict[str, Any]]


def engine_ratios(document: Any) -> dict[str, Ratio]:
    """Least and most of the rounds."""
    return {
        f"{each['sizes']} {each['activation']}: {name}": Ratio(r["median"], r["low"], r["high"], r["n"])
        for each in document["measurements"]
        for name, r in each["ratios"].items()
    }


def watch_ratios(document: Any) -> dict[str, Ratio]:
    """A bare step's time over a watched one's; quartiles of the rounds."""
    found = {}
    for name, each in document["steps"]["contenders"].items():
        if name.startswith("watch"):
            slower = each["ratio"]
            middle, low, high = (1 / slower[place] for place in ("median", "three_quarters", "quarter"))
            found[f"bare / {name}"] = Ratio(middle, low, high, slower["n"])
    return found


def cnn_ratios(document: Any) -> dict[str, Ratio]:
    """The mean of the blocks, with the interval of the mean."""
    each = document["ratio_per_block"]
    return {"bare / train cnn": Ratio(each["estimate"], each["low"], each["high"], each["n"])}


BENCHMARKS = {  # a new one is a row here
    "engine": Benchmark(("engine.py", "--quick"), "engine.json", engine_ratios, lambda d: d["environment"]),
    "watch": Benchmark(("watch.py", "--quick"), "watch.json", watch_ratios, lambda d: d["steps"]["environment"]),
    "cnn": Benchmark(("train_cnn.py",), "train_cnn.json", cnn_ratios, lambda d: d["environment"]),
}


def ratios_now(benchmark: Benchmark) -> dict[str, Ratio]:
    """It is run, and writes its record somewhere else."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "record.json"
        program, *rest = benchmark.words
        command = [sys.executable, str(HERE / program), *rest, "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return benchmark.ratios(json.loads(out.read_text(encoding="utf-8")))


def fell(record: dict[str, Ratio], now: dict[str, Ratio]) -> list[str]:
    """Names of the ratios that did; what one of the two lacks cannot."""
    return [name for name in now if name in record and fallen(record[name], now[name])]


def fell_twice(record: dict[str, Ratio], measure: Callable[[], dict[str, Ratio]]) -> list[str]:
    """Ratios that fell when they were measured, and again when they were measured once more."""
    first = measure()
    for name, ratio in first.items():
        if name in record:
            print(f"  {name}: {ratio}; record {record[name]}", flush=True)
    suspects = fell(record, first)
    if not suspects:
        return []
    print(f"  once more, for {', '.join(suspects)}", flush=True)
    second = fell(record, measure())
    return [name for name in suspects if name in second]


def same_kind(record: dict[str, Any], here: dict[str, Any]) -> bool:
    return all(record[key] == here[key] for key in ("processor", "cores", "machine", "system"))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    ended = 0
    for name in parser.parse_args(words).names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        record = json.loads((HERE / "records" / benchmark.record).read_text(encoding="utf-8"))
        print(name, flush=True)
        if not same_kind(benchmark.environment(record), describe_environment()):
            print(f"  records/{benchmark.record} is of another kind of machine: not held against it")
            ended = ended or 2
            continue
        for each in fell_twice(benchmark.ratios(record), partial(ratios_now, benchmark)):
            print(f"  FELL: {each}")
            ended = 1
    return ended


if __name__ == "__main__":
    sys.exit(main())

"""When a ratio is said to have fallen below its record, on made-up measurements and on the records themselves."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "benchmarks" / "records").glob("*.json"))


@pytest.fixture(scope="module")
def regressions():
    """Its neighbours are programs, not a package."""
    specification = importlib.util.spec_from_file_location("regressions", ROOT / "benchmarks" / "regressions.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["regressions"] = module  # where its dataclasses look for it
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("record", "now", "fell"),
    [
        ((10, 9, 11), (10, 9, 11), False),
        ((10, 9, 11), (12, 11.5, 13), False),  # faster
        ((10, 9, 11), (9.2, 8, 9.9), False),  # within the record's range
        ((10, 9, 11), (8.5, 7, 10.5), False),  # below it, but so uncertain that the record's median is possible
        ((10, 5, 15), (6, 5.8, 6.2), False),  # a record that was uncertain itself
        ((10, 9, 11), (8.5, 8, 8.9), True),
        ((1.01, 1.0, 1.02), (0.9, 0.88, 0.92), True),
    ],
)
def test_a_fall_is_where_the_ranges_lie_apart(regressions, record, now, fell):
    assert regressions.fallen(regressions.Ratio(*record, 9), regressions.Ratio(*now, 9)) is fell


def ratio(regressions, values):
    return regressions.Ratio(median(values), *np.quantile(values, [0.25, 0.75]), len(values))


def test_the_same_speed_seldom_falls_twice_and_a_fifth_less_does(regressions):
    """Rounds that scatter by 5 %: quartiles of 15 against those of 7, as in the benchmark of watching."""
    rng = np.random.default_rng(0)

    def falls(speed):
        record = {"a": ratio(regressions, rng.normal(1, 0.05, 15))}
        return bool(regressions.fell_twice(record, lambda: {"a": ratio(regressions, rng.normal(speed, 0.05, 7))}))

    assert sum(falls(1.0) for _ in range(500)) <= 10
    assert sum(falls(0.8) for _ in range(200)) >= 190


def test_what_falls_only_once_is_not_said_to_have(regressions):
    record = {"a": regressions.Ratio(10, 9, 11, 9), "b": regressions.Ratio(10, 9, 11, 9)}
    slow, fast = regressions.Ratio(5, 4, 6, 9), regressions.Ratio(10, 9, 11, 9)
    turns = iter([{"a": slow, "b": slow, "new": slow}, {"a": fast, "b": slow, "new": slow}])
    assert regressions.fell_twice(record, lambda: next(turns)) == ["b"]
    assert regressions.fell_twice(record, lambda: {"a": fast}) == []


def test_ratios_of_the_records(regressions):
    """Each has some, all above 0, with its median in its range."""
    for benchmark in regressions.BENCHMARKS.values():
        document = json.loads((ROOT / "benchmarks" / "records" / benchmark.record).read_text(encoding="utf-8"))
        found = benchmark.ratios(document)
        assert found
        for each in found.values():
            assert 0 < each.low <= each.median <= each.high
        assert benchmark.environment(document)["processor"]


def test_watching_twice_as_costly_falls(regressions):
    document = json.loads((ROOT / "benchmarks" / "records" / "watch.json").read_text(encoding="utf-8"))
    record = regressions.watch_ratios(document)
    for each in document["steps"]["contenders"].values():
        each["ratio"] = {k: v if k == "n" else 2 * v for k, v in each["ratio"].items()}
    assert set(regressions.fell(record, regressions.watch_ratios(document))) == set(record)


def test_another_machine_is_not_held_against_the_record(regressions, monkeypatch, capsys):
    monkeypatch.setattr(regressions, "describe_environment", lambda: dict.fromkeys(
        ("processor", "cores", "machine", "system"), "another"))  # fmt: skip
    assert regressions.main(["watch", "cnn"]) == 2
    assert "another kind of machine" in capsys.readouterr().out


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_record_says_of_which_machine_and_versions_it_is(path):
    text = path.read_text(encoding="utf-8")
    for fact in ("python", "processor", "cores", "versions"):
        assert re.search(rf'"{fact}": ', text)


def test_every_benchmark_of_the_makefile_has_a_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.search(r"^BENCHMARKS := (.*)$", makefile, flags=re.MULTILINE)[1].split():
        assert re.search(rf"^bench-{name}: ", makefile, flags=re.MULTILINE)

"""What two installs made is held against each other in every number."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.install.twice import differences
from safetensors.numpy import load_file, save_file

from backlight.recording.run_writer import RunWriter


@pytest.fixture
def results(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with the same results, of the kinds that a reproduction leaves."""
    one, other = tmp_path / "a", tmp_path / "b"
    (one / "population").mkdir(parents=True)
    save_file({"correct": np.arange(5), "loss": np.full(5, np.nan)}, one / "population" / "block.safetensors")
    (one / "claims.json").write_text(json.dumps({"claims": [{"code": "C1"}], "environment": {"python": "a"}}))
    with RunWriter(one / "runs" / "x", settings={"seed": 0}) as writer:
        writer.scalars(1, {"train/loss": 0.5})
    shutil.copytree(one, other)
    return one, other


def another_claim(folder: Path) -> None:
    (folder / "claims.json").write_text(json.dumps({"claims": [{"code": "C2"}]}))


def a_bit(folder: Path) -> None:
    path = folder / "population" / "block.safetensors"
    arrays = load_file(path)
    arrays["loss"][3] = 0.0
    save_file(arrays, path)


def a_file_less(folder: Path) -> None:
    (folder / "population" / "block.safetensors").unlink()


def a_record(folder: Path) -> None:
    shutil.rmtree(folder / "runs")
    with RunWriter(folder / "runs" / "x", settings={"seed": 0}) as writer:
        writer.scalars(1, {"train/loss": 0.25})


def test_the_same_results_have_no_difference(results: tuple[Path, Path]) -> None:
    assert list(differences(*results)) == []


@pytest.mark.parametrize("change", [another_claim, a_bit, a_file_less, a_record])
def test_one_difference_is_seen(results: tuple[Path, Path], change: Callable[[Path], None]) -> None:
    change(results[1])
    assert len(list(differences(*results))) == 1

"""Many summaries at once against one at a time."""

from itertools import pairwise

import numpy as np
import pytest

from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import Units, summarise_arrays
from backlight.recording.tensor_summary import merge

SHARES = (0, 0.05, 0.25, 0.5, 0.95, 1)
STEPS = 37


@pytest.fixture
def run(tmp_path, rng):
    with RunWriter(tmp_path / "run") as writer:
        for step in range(STEPS):
            values = rng.normal(size=(40, 5)).astype(np.float32) * step
            values[:, 2] = -1
            if step in (7, 20):
                values[0, 0] = 1e30
            if step == 30:
                values[3, 3] = np.nan
            broken = np.full((4, 5), np.nan if step % 2 else np.inf, np.float32)
            units = {"act/a": Units(5, 1)}
            writer.tensors(3 * step, summarise_arrays({"act/a": values, "act/broken": broken}, units))
    return Run.open(tmp_path / "run")


@pytest.mark.parametrize("name", ["act/a", "act/broken"])
def test_a_series_holds_what_the_summaries_hold(run, name):
    series, (steps, summaries) = run.series(name), run.tensor(name)
    np.testing.assert_array_equal(series.steps, steps)
    for field in ("count", "nan", "zeros", "minimum", "maximum", "mean", "variance", "passing", "finite", "deviation"):
        np.testing.assert_array_equal(getattr(series, field), [getattr(each, field) for each in summaries])
    for field in ("dead_share", "saturated_share", "norm"):
        np.testing.assert_allclose(getattr(series, field), [getattr(each, field) for each in summaries])
    np.testing.assert_array_equal(series.quantiles(SHARES), [each.quantiles(SHARES) for each in summaries])
    counts = series.cell_counts()
    for row, summary in zip(counts, summaries, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(row), summary.cells)
        np.testing.assert_array_equal(row[row > 0], summary.cell_counts)


@pytest.mark.parametrize("most", [1, 5, 36, 100])
def test_fewer_stretches_say_what_all_their_steps_say(run, most):
    series = run.series("act/a").merged(most)
    _, summaries = run.tensor("act/a")
    assert len(series) == min(most, STEPS)
    assert series.nan.sum() == 1
    assert np.nanmax(series.maximum) == np.float32(1e30)
    ends = [*np.searchsorted(run.series("act/a").steps, series.steps), STEPS]
    for place, (start, end) in enumerate(pairwise(ends)):
        merged = merge(summaries[start:end])
        for field in ("count", "nan", "zeros", "minimum", "maximum", "passing"):
            assert getattr(series, field)[place] == getattr(merged, field), field
        assert series.mean[place] == pytest.approx(merged.mean, rel=1e-9)
        assert series.variance[place] == pytest.approx(merged.variance, rel=1e-9)
        np.testing.assert_array_equal(series.live[place], merged.live)
        np.testing.assert_allclose(series.quantiles(SHARES)[place], merged.quantiles(SHARES))


def test_a_tensor_that_was_never_recorded_gives_an_empty_series(run):
    assert len(run.series("act/none")) == 0
    assert run.series("act/none").quantiles([0.5]).shape == (0, 1)


@pytest.mark.parametrize("shares", [[0.5, 0.1], [-0.1], [1.5]])
def test_shares_that_make_no_sense(run, shares):
    with pytest.raises(ValueError, match="ascend"):
        run.series("act/a").quantiles(shares)

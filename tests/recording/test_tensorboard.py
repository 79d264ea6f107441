"""Event files, read back with TensorBoard's own reader."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from backlight.recording.summarise import summarise
from backlight.recording.tensorboard import EventFile
from backlight.training.settings import CNNSettings
from backlight.training.train_cnn import train_cnn
from tests.training.test_train_cnn import few_images

EVERYTHING = {"scalars": 0, "histograms": 0}


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance=EVERYTHING)
    accumulator.Reload()
    return accumulator


def test_scalars_and_histograms(tmp_path, rng):
    values = rng.normal(size=10_000).astype(np.float32)
    with EventFile(tmp_path) as events:
        events.scalars(0, {"train/loss": 2.5})
        events.tensors(7, {"config/param/W": summarise(values).packed()})
    accumulator = read(tmp_path)
    (loss,) = accumulator.Scalars("train/loss")
    assert (loss.step, loss.value) == (0, 2.5)
    for name, expected in [
        ("min", values.min()),
        ("max", values.max()),
        ("mean", values.mean()),
        ("std", values.std()),
    ]:
        (scalar,) = accumulator.Scalars(f"config/param/W/{name}")
        assert scalar.value == pytest.approx(expected, rel=1e-5, abs=1e-7)
    (event,) = accumulator.Histograms("config/param/W/hist")
    histogram = event.histogram_value
    assert (event.step, histogram.num, sum(histogram.bucket)) == (7, 10_000, 10_000)
    assert histogram.sum_squares == pytest.approx(np.square(values.astype(float)).sum(), rel=1e-6)
    limits = np.array(histogram.bucket_limit)
    assert (np.diff(limits) > 0).all()
    for limit in np.quantile(limits, [0.3, 0.5, 0.8], method="lower"):  # counts up to a limit are those of the values
        below = sum(count for edge, count in zip(limits, histogram.bucket, strict=True) if edge <= limit)
        assert below == pytest.approx((values < limit).sum(), abs=1)


def test_nothing_finite_gives_no_histogram_but_says_nan(tmp_path):
    with EventFile(tmp_path) as events:
        events.tensors(0, {"W": summarise([np.nan, np.inf]).packed()})
    accumulator = read(tmp_path)
    assert "W/hist" not in accumulator.Tags()["histograms"]
    assert np.isnan(accumulator.Scalars("W/mean")[0].value)


def test_after_a_resume_the_curve_does_not_go_back_on_itself(tmp_path):
    with EventFile(tmp_path) as events:
        for step in range(6):
            events.scalars(step, {"loss": float(step)})
    with EventFile(tmp_path, resume_step=3) as events:
        for step in range(3, 8):
            events.scalars(step, {"loss": -float(step)})
    assert [(s.step, s.value) for s in read(tmp_path).Scalars("loss")] == [
        (0, 0), (1, 1), (2, 2), (3, -3), (4, -4), (5, -5), (6, -6), (7, -7)
    ]  # fmt: skip


def test_a_training_run_writes_the_tags_of_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr("backlight.training.train_cnn.load_images", few_images)
    settings = CNNSettings(
        epochs=1, batch_size=48, record_every=1, conv_activation="tanh", optimizer="momentum", threads=1
    )
    run = train_cnn(settings, tmp_path / "run")
    accumulator = read(run.folder / "tensorboard")
    scalars, histograms = accumulator.Tags()["scalars"], accumulator.Tags()["histograms"]
    assert {"train/loss", "train/acc", "train/error", "validation/accuracy"} <= set(scalars)
    for name in ("act/z1", "act/p2", "act/a3", "param/conv1.weight", "param/fc2.bias"):
        tag = f"tanh-relu-momentum/{name}"
        assert f"{tag}/hist" in histograms
        assert {f"{tag}/{statistic}" for statistic in ("min", "max", "mean", "std")} <= set(scalars)
    recorded = run.scalar("train/loss")[1]
    np.testing.assert_allclose([event.value for event in accumulator.Scalars("train/loss")], recorded, rtol=1e-6)

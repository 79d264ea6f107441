"""Reading on a device, tried on the CPU, against the kernels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import backlight as bl
from backlight.recording.openmp import gomp_parallel, own_threads, shared_threads
from backlight.recording.run import Run
from backlight.recording.summarise import job_of, summarise_jobs
from backlight.watching import watch as watch_module
from backlight.watching.reading import DeviceReading, HostReading, Request, fetch
from backlight.watching.tensors import without_gaps
from tests.watching.models import Functional, made, same_weights, train, weights

# A device may take subnormal numbers for 0.
VALUES = st.one_of(
    st.floats(width=32, allow_subnormal=False),
    st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 3.4028234663852886e38]),
)


def assert_alike(one, other):
    for name in one._fields:
        if name in ("mean", "variance"):
            scale = np.nan_to_num(max(abs(one.minimum), abs(one.maximum))) ** (2 if name == "variance" else 1)
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-12 * scale)
        else:
            np.testing.assert_equal(getattr(one, name), getattr(other, name), err_msg=name)


def assert_same_reading(requests):
    on_host, on_device = fetch(HostReading().read(requests)), fetch(DeviceReading().read(requests))
    for one, other in zip(on_host, on_device, strict=True):
        assert_alike(one, other)


@given(arrays(np.float32, array_shapes(min_dims=0, max_dims=3, max_side=5), elements=VALUES))
def test_any_values(array):
    assert_same_reading([Request(torch.from_numpy(array))])


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool]
)
def test_any_type(dtype):
    assert_same_reading([Request((torch.randn(3, 40, generator=torch.manual_seed(0)) * 3).abs().to(dtype))])


@pytest.mark.parametrize("gate", ["relu", "tanh", "sigmoid", "relu6"])
@pytest.mark.parametrize("layout", ["rows", "images", "channels last", "sliced"])
def test_units_in_any_layout(gate, layout):
    values = torch.randn(4, 5, 6, 7, generator=torch.manual_seed(0))
    values[:, 2] = -50
    if layout == "rows":
        values = values.flatten(1)
    elif layout == "channels last":
        values = values.contiguous(memory_format=torch.channels_last)
    elif layout == "sliced":
        values = values[:, :, ::2]
    rectified = gate == "relu"
    request = Request(values, gate=gate, axis=1, rectified=rectified)
    assert_same_reading([request])
    summary = fetch(HostReading().read([request]))[-1]
    assert summary.units == values.shape[1]


def test_copies_differences_and_empty_tensors():
    before, after = torch.randn(50, 60), torch.randn(50, 60)
    kept = torch.empty_like(before)
    requests = [Request(before, "copy", kept), Request(after, "minus", before), Request(torch.empty(0, 3))]
    assert_same_reading(requests)
    assert torch.equal(kept, before)


def test_without_gaps_nothing_is_copied():
    values = torch.randn(6, 5)
    for view in (values, values.t(), values.reshape(3, 2, 5).permute(2, 0, 1)):
        assert fetch(HostReading().read([Request(view)])) == fetch(HostReading().read([Request(values)]))
    assert without_gaps(values.t()).data_ptr() == values.data_ptr()
    assert without_gaps(values[:, ::2]).data_ptr() != values.data_ptr()


def test_a_training_that_is_read_as_on_a_device_gives_the_same_record(tmp_path, monkeypatch):
    runs = []
    for name, reading in (("host", HostReading), ("device", DeviceReading)):
        monkeypatch.setattr(watch_module, "HostReading", reading)
        model, optimizer = made(Functional)
        with bl.watch(model, optimizer, run=tmp_path / name, budget=None):
            train(model, optimizer)
        runs.append((Run.open(tmp_path / name), weights(model)))
    (host, trained), (device, other) = runs
    assert same_weights(trained, other)
    assert host.tensor_order() == device.tensor_order()
    for name in host.tensor_names():
        one, two = host.series(name), device.series(name)
        for field in ("count", "zeros", "minimum", "maximum", "passing", "live"):
            np.testing.assert_array_equal(getattr(one, field), getattr(two, field))
        np.testing.assert_allclose(one.variance, two.variance, rtol=1e-6)
        assert list(one.histograms) == list(two.histograms)


def test_threads_of_pytorch_and_our_own(rng):
    job, kept = job_of(rng.normal(size=200_000).astype(np.float32))
    alone = summarise_jobs([job])
    folder = torch.__file__.rsplit("/", 2)[0]
    for threads in (
        shared_threads(folder, 2),
        own_threads(2),
        shared_threads("/nowhere", 2),
        shared_threads(folder, 1),
    ):
        assert summarise_jobs([job], threads) == alone
    assert gomp_parallel("/nowhere") is None
    del kept

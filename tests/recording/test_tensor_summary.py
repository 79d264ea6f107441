"""The blockwise summary against a slow twin that follows the definitions value by value."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from backlight.recording import tensor_summary
from backlight.recording.tensor_summary import cell_edges, summarise

WILD = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4028234663852886e38]),
)


def slow_cell(value):
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    return bits >> 21


def slow_summary(values):
    values = [float(value) for value in np.asarray(values).ravel()]
    finite = [value for value in values if math.isfinite(value)]
    cells = {}
    for value in finite:
        cells[slow_cell(value)] = cells.get(slow_cell(value), 0) + 1
    mean = math.fsum(finite) / len(finite) if finite else math.nan
    return {
        "count": len(values),
        "nan": sum(math.isnan(value) for value in values),
        "positive_infinity": values.count(math.inf),
        "negative_infinity": values.count(-math.inf),
        "zeros": values.count(0.0),
        "minimum": min(finite, default=math.nan) + 0.0,
        "maximum": max(finite, default=math.nan) + 0.0,
        "mean": mean,
        "variance": math.fsum((value - mean) ** 2 for value in finite) / len(finite) if finite else math.nan,
        "cells": dict(sorted(cells.items())),
    }


def assert_equal_to_twin(array):
    summary, twin = summarise(array), slow_summary(array)
    assert dict(zip(summary.cells.tolist(), summary.cell_counts.tolist(), strict=True)) == twin.pop("cells")
    largest = max(abs(twin["minimum"]), abs(twin["maximum"])) if summary.finite else 0
    for name in ("mean", "variance"):
        scale = largest if name == "mean" else largest**2
        np.testing.assert_allclose(getattr(summary, name), twin.pop(name), rtol=1e-9, atol=1e-13 * scale)
    for name, value in twin.items():
        np.testing.assert_equal(getattr(summary, name), value, err_msg=name)
    assert summary.finite == sum(summary.cell_counts)


@given(arrays(np.float32, array_shapes(min_dims=0, max_dims=3, max_side=6), elements=WILD))
def test_equal_to_the_slow_twin(array):
    assert_equal_to_twin(array)


@given(arrays(np.float32, st.integers(0, 40), elements=WILD), st.integers(1, 7))
def test_blocks_do_not_show(array, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_summary, "BLOCK", block)
        assert_equal_to_twin(array)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.int8, np.uint8, np.bool_])
def test_other_types(dtype):
    assert_equal_to_twin(np.array([0, 1, 1, 3, 100]).astype(dtype))


def test_layouts_and_empty_ones():
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for view in (array.transpose(2, 0, 1), array[:, ::2], np.asfortranarray(array[0]), np.float32(3.0), array[:0]):
        assert_equal_to_twin(view)


def test_a_mean_far_from_zero_costs_no_digits():
    values = (1e6 + np.random.default_rng(0).integers(0, 5, 100_000)).astype(np.float32)
    assert summarise(values).variance == pytest.approx(values.astype(np.float64).var(), rel=1e-9)


def test_float64_beyond_float32_counts_in_the_outermost_cell():
    summary = summarise(np.array([1e300, -1e300, 1e-300]))
    assert (summary.maximum, summary.minimum, summary.positive_infinity) == (1e300, -1e300, 0)
    assert summary.finite == 3


@given(arrays(np.float32, st.integers(1, 60), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_edges_enclose_their_values_and_quantiles_are_right_to_a_cell(array):
    summary = summarise(array)
    left, right, counts = summary.histogram()
    assert (left[1:] >= right[:-1]).all()
    assert counts.sum() == array.size
    for value in array:
        low, high = (edge[0] for edge in cell_edges(np.array([slow_cell(value)])))
        assert low <= value <= high
    assert summary.quantiles([0, 1]).tolist() == [array.min(), array.max()]
    ranks = np.unique([0, array.size // 10, array.size // 2, array.size - 1])
    estimates = summary.quantiles((ranks + 0.5) / array.size)
    exact = np.sort(array.astype(np.float64))[ranks]
    width = np.array(
        [np.subtract(*(edge[0] for edge in reversed(cell_edges(np.array([slow_cell(v)]))))) for v in exact]
    )
    assert (np.abs(estimates - exact) <= width * (1 + 1e-9)).all()


def test_quantiles_without_a_finite_value():
    assert np.isnan(summarise([np.nan, np.inf]).quantiles([0.5])).all()

"""The compiled summary against a slow twin that follows the definitions value by value."""

import math
import struct
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from backlight.recording import summarise as module
from backlight.recording.histogram import cell_edges, decode, encode
from backlight.recording.kernels import blocks, work
from backlight.recording.openmp import own_threads
from backlight.recording.summarise import DTYPE_CODES, Job, Units, job_of, summarise, summarise_jobs
from backlight.recording.tensor_summary import TensorSummary, merge

WILD = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4028234663852886e38]),
)


def slow_cell(value):
    """Zero of either sign is in cell 0; what float32 cannot hold counts with its largest number."""
    largest = 3.4028234663852886e38
    (bits,) = struct.unpack("<I", struct.pack("<f", min(max(value, -largest), largest) + 0.0))
    return 0 if bits == 1 << 31 else bits >> 21


def slow_summary(values):
    values = [float(value) for value in np.asarray(values).ravel().tolist()]
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
    assert_agrees(summarise(array), slow_summary(array))


def assert_agrees(summary, twin):
    """All counts and extremes to the bit, mean and variance to rounding."""
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


@pytest.mark.parametrize("size", [1, 2047, 2048, 2049, 40_000, 100_003])
@pytest.mark.parametrize("kind", ["normal", "broken", "constant", "zeros", "huge"])
def test_blocks_chunks_and_threads_do_not_show(rng, size, kind):
    """Sizes around those of a block (2,048) and over several chunks (32,768), on one thread and on three."""
    values = rng.normal(size=size).astype(np.float32)
    if kind == "broken":
        values[rng.integers(0, size, size // 10 + 1)] = rng.choice([np.nan, np.inf, -np.inf, -0.0], size // 10 + 1)
    elif kind in ("constant", "zeros"):
        values[: size // 2 + 1] = -3.5 if kind == "constant" else -0.0
    elif kind == "huge":
        values = np.clip(values, -3, 3) * np.float32(1e38)
    job, kept = job_of(values)
    (alone,), (together,) = summarise_jobs([job]), summarise_jobs([job], own_threads(3))
    assert alone == together or np.isnan(alone.mean)
    assert_agrees(TensorSummary.unpacked(alone), slow_summary(kept))


@given(arrays(np.float64, st.integers(0, 30), elements=st.floats(allow_nan=True, allow_infinity=True)))
@example(np.full(3, np.finfo(np.float64).max))
def test_float64(array):
    with np.errstate(over="ignore"):
        summary = summarise(array)
    finite = array[np.isfinite(array)]
    assert summary.nan == np.isnan(array).sum()
    assert summary.zeros == (array == 0).sum()
    if len(finite):
        assert (summary.minimum, summary.maximum) == (finite.min(), finite.max())
        exact = float(sum(map(Fraction, finite.tolist())) / len(finite))
        assert summary.mean == pytest.approx(exact, rel=1e-9, abs=1e-12 * np.abs(finite).max())
    cells = {}
    for value in finite:
        cells[slow_cell(value)] = cells.get(slow_cell(value), 0) + 1
    assert dict(zip(summary.cells.tolist(), summary.cell_counts.tolist(), strict=True)) == cells


@pytest.mark.parametrize(
    "dtype",
    [
        np.float64,
        np.float16,
        np.longdouble,
        np.int64,
        np.uint64,
        np.int32,
        np.uint32,
        np.int16,
        np.uint16,
        np.int8,
        np.uint8,
        np.bool_,
        ">f4",
    ],
)
def test_other_types(dtype):
    assert_equal_to_twin(np.array([0, 1, 1, 3, 100]).astype(dtype))


def test_every_half_precision_number():
    """All 65,536 bit patterns of float16 and of bfloat16."""
    patterns = np.arange(1 << 16, dtype=np.uint16)
    assert_equal_to_twin(patterns.view(np.float16))
    wide = (patterns.astype(np.uint32) << 16).view(np.float32)
    job = Job(patterns.ctypes.data, patterns.size, "bfloat16")
    assert_agrees(TensorSummary.unpacked(summarise_jobs([job])[0]), slow_summary(wide))


def test_what_is_no_real_number_is_refused():
    with pytest.raises(TypeError, match="complex"):
        summarise(np.ones(3, np.complex64))


FINITE32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(arrays(np.float32, st.integers(0, 20), elements=WILD), min_size=1, max_size=4))
def test_merging_is_summarising_both(parts):
    merged, whole = merge([summarise(part) for part in parts]), summarise(np.concatenate(parts))
    largest = max(abs(whole.minimum), abs(whole.maximum)) if whole.finite else 0
    for name, value in vars(whole).items():
        found = getattr(merged, name)
        if name in ("mean", "variance"):
            scale = largest if name == "mean" else largest**2
            np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-13 * scale)
        else:
            np.testing.assert_equal(found, value, err_msg=name)


@given(arrays(np.float32, st.integers(0, 60), elements=WILD))
def test_the_summary_of_relu_follows_from_that_of_its_input(array):
    """One read gives both, to the bit what reading the ReLU's output gives."""
    job = Job(array.ctypes.data, array.size, "float32", units=Units(1, 1), rectified=True)
    _, derived = summarise_jobs([job])
    rectified = np.where(array < 0, np.float32(0), array)
    direct_job = Job(rectified.ctypes.data, rectified.size, "float32", units=Units(1, 1))
    (direct,) = summarise_jobs([direct_job])
    for name in direct._fields:
        if name in ("mean", "variance"):
            scale = np.nan_to_num(direct.maximum) ** (2 if name == "variance" else 1)
            np.testing.assert_allclose(getattr(derived, name), getattr(direct, name), rtol=1e-9, atol=1e-13 * scale)
        else:
            np.testing.assert_equal(getattr(derived, name), getattr(direct, name), err_msg=name)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 5)), elements=FINITE32),
    FINITE32, FINITE32,
)  # fmt: skip
def test_live_units_and_passing_values(array, one, other):
    low, high = sorted((one, other))
    job, kept = job_of(array, Units(array.shape[1], array.shape[2], low, high))
    summary = TensorSummary.unpacked(summarise_jobs([job])[0])
    inside = (kept > low) & (kept < high)
    np.testing.assert_array_equal(summary.live, inside.any(axis=(0, 2)))
    assert summary.passing == inside.sum()
    assert summary.dead_share == pytest.approx(1 - inside.any(axis=(0, 2)).mean())
    assert summary.saturated_share == pytest.approx(1 - inside.mean())


@pytest.mark.parametrize(("shape", "inner"), [((70, 1000), 1), ((9, 16, 900), 900), ((40, 3, 700), 700)])
def test_units_of_tensors_of_several_chunks(rng, shape, inner):
    array = rng.normal(size=shape).astype(np.float32)
    array[:, 1] = -np.abs(array[:, 1])
    for threads in (module.ALONE, own_threads(2)):
        job, kept = job_of(array, Units(shape[1], inner))
        summary = TensorSummary.unpacked(summarise_jobs([job], threads)[0])
        np.testing.assert_array_equal(summary.live, (kept > 0).reshape(shape[0], shape[1], -1).any(axis=(0, 2)))
        assert summary.passing == (kept > 0).sum()


@pytest.mark.parametrize("name", ["float32", "float64", "float16", "int32"])
@pytest.mark.parametrize("size", [0, 1, 5000, 70_000])
def test_copies_and_differences(rng, name, size):
    now, before = (rng.normal(size=size).astype(name) for _ in range(2))
    kept = np.full_like(now, 7)
    copying = Job(now.ctypes.data, now.size, name, "copy", kept.ctypes.data)
    difference = Job(now.ctypes.data, now.size, name, "minus", before.ctypes.data)
    copied, changed = (TensorSummary.unpacked(each) for each in summarise_jobs([copying, difference], own_threads(2)))
    np.testing.assert_array_equal(kept, now)
    assert_agrees(copied, slow_summary(now))
    wide = np.float64 if name == "int32" else name
    assert_agrees(changed, slow_summary(now.astype(wide) - before.astype(wide) if name != "float16" else
                                        now.astype(np.float32) - before.astype(np.float32)))  # fmt: skip


def test_many_tensors_in_one_call(rng):
    """Empty ones among them, of all types, and in the order in which they were handed over."""
    arrays = [rng.integers(0, 100, size).astype(name)
              for size in (0, 3, 40_000) for name in DTYPE_CODES if name != "bfloat16"]  # fmt: skip
    jobs, kept = zip(*map(job_of, arrays), strict=True)
    for packed, array in zip(summarise_jobs(jobs, own_threads(2)), kept, strict=True):
        assert_agrees(TensorSummary.unpacked(packed), slow_summary(array))
    assert summarise_jobs([]) == []


@given(st.dictionaries(st.integers(0, 2047), st.integers(1, 1 << 40), max_size=40))
def test_histograms_survive_their_bytes(counts):
    cells = np.array(sorted(counts), np.int64)
    filled = np.array([counts[cell] for cell in cells.tolist()], np.int64)
    read = decode(encode(cells, filled))
    np.testing.assert_array_equal(read[0], cells)
    np.testing.assert_array_equal(read[1], filled)


@given(arrays(np.float32, st.integers(0, 200), elements=WILD))
def test_the_kernels_write_the_same_bytes(array):
    summary = summarise(array)
    job, _ = job_of(array)
    assert summarise_jobs([job])[0].histogram == encode(summary.cells, summary.cell_counts)


def test_damaged_histograms_are_refused():
    with pytest.raises(ValueError, match="damaged"):
        decode(b"\x80")
    with pytest.raises(ValueError, match="damaged"):
        decode(bytes([0, 255, 127, 1]))


def test_the_cache_on_disk_knows_when_a_kernel_has_changed():
    """Numba looks at the file of `work_entry` only: whoever edits its neighbours puts this digest there."""
    own = Path(work.__file__)
    digest = sha256(b"".join(path.read_bytes() for path in sorted(own.parent.glob("*.py")) if path != own))
    assert digest.hexdigest()[:12] == work.REVISION


HOT = {"deviations": (np.ones(64, np.float32), 64, 1.0), "extremes32": (np.ones(64, np.int32), 64)}


@pytest.mark.parametrize("name", HOT)
def test_inner_loops_are_vector_instructions(name):
    """The compiler's own code, not hope."""
    hot = getattr(blocks, name)
    hot(*HOT[name])
    code = "".join(hot.inspect_llvm().values())
    assert any(f"<{lanes} x {kind}>" in code for lanes in (2, 4, 8, 16) for kind in ("float", "double", "i32"))


def test_the_norm_is_that_of_all_values():
    assert summarise([3.0, 4.0]).norm == pytest.approx(5.0)


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


def test_squares_that_float64_cannot_hold_are_infinite():
    assert summarise([1e200, -2e200]).norm == np.inf

import contextlib
import gzip
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from backlight.data.idx import parse_idx, read_idx
from backlight.errors import DataError


def idx_bytes(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=3)))
def test_round_trip(array):
    np.testing.assert_array_equal(parse_idx(idx_bytes(array), array.ndim, "memory"), array)


@given(arrays(np.uint8, (3, 4, 5)), st.integers(0, 75))
def test_every_truncation_is_an_error(array, length):
    with pytest.raises(DataError, match="memory"):
        parse_idx(idx_bytes(array)[:length], 3, "memory")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(DataError):
        parse_idx(content, 3, "memory")


@pytest.mark.parametrize("compress", [False, True])
def test_plain_and_gzipped(tmp_path, compress):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx_bytes(array)) if compress else idx_bytes(array))
    np.testing.assert_array_equal(read_idx(path, 3), array)


def test_errors_name_file_and_byte(tmp_path):
    path = tmp_path / "images"
    content = idx_bytes(np.zeros((2, 3, 4), np.uint8))
    for damaged, words in [
        (content[:-1], "has 39"),
        (content + b"x", "has 41"),
        (b"\x00\x00\x09\x03" + content[4:], "magic number 00000903 at byte 0, expected 00000803"),
        (content[:9], "ends at byte 9"),
        (content[:4] + b"\xff" * 8 + bytes(4), "no array has"),
        (b"", "magic number missing"),
        (gzip.compress(content)[:-9], "gzip stream"),
        (gzip.compress(content)[:-4] + b"abcd", "gzip stream"),
    ]:
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=f"{re.escape(str(path))}.*{words}"):
            read_idx(path, 3)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "absent", 3)

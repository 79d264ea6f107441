"""IDX files, gzipped or not: the format of MNIST.

Two zero bytes, a type code (0x08: unsigned byte), the number of dimensions, each dimension as a big-endian
32-bit integer, then the values, last dimension fastest (LeCun, Cortes & Burges, the MNIST page).
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backlight.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes with the given number of dimensions.

    Raises:
        DataError: naming the file and the byte where it stops being one.
    """
    return parse_idx(unpacked(path), dimensions, path)


def unpacked(path: Path) -> bytes:
    """Raises DataError if the file cannot be read, or its gzip stream is damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return decompressed(content, path)


def decompressed(content: bytes, path: Path) -> bytes:
    if content[:2] != GZIP_MAGIC:
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path}: gzip stream of {len(content)} bytes is damaged: {error}") from None


def parse_idx(content: bytes, dimensions: int, path: Path) -> NDArray[np.uint8]:
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, UNSIGNED_BYTE, dimensions])
    if content[:4] != magic:
        raise DataError(f"{path}: magic number {content[:4].hex() or 'missing'} at byte 0, expected {magic.hex()}")
    if len(content) < header:
        raise DataError(f"{path}: ends at byte {len(content)}, inside the header of {header} bytes")
    shape = tuple(int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(dimensions))
    expected = header + prod(shape)
    if len(content) != expected:
        raise DataError(
            f"{path}: the header announces shape {shape}, so {expected} bytes, but the file has {len(content)}"
        )
    try:
        return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
    except ValueError:  # one dimension is 0, and the others are more than an array may have
        raise DataError(f"{path}: the header announces shape {shape}, which no array has") from None

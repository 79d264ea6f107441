"""An array as a PNG inside the page (PNG specification, W3C 2003: signature, IHDR, IDAT, IEND)."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

KINDS = {1: 0, 3: 2, 4: 6}  # colour type by the number of channels


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Of (H, W) greys, (H, W, 3) colours or (H, W, 4) with opacity."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels, np.uint8).reshape(height, -1)
    lines = np.zeros((height, rows.shape[1] + 1), np.uint8)  # each line begins with its filter: 0, none
    lines[:, 1:] = rows
    header = struct.pack(">IIBBBBB", width, height, 8, KINDS[rows.shape[1] // width], 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def data_uri(pixels: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")

"""Sizes, and which column of which table holds what: Python fills some of them, the kernels the others."""

import numpy as np

from backlight.recording.histogram import CELLS

CHUNK = 1 << 15  # values; small enough to share out evenly, large enough for its overhead not to count
BLOCK = 2048  # values; 8 KB of float32 in a first cache of 32 KB
# Histograms of a chunk: equal values that follow each other go to different tables and need not wait for each other. A
# row is longer than the table in it, since the processor confuses addresses that are a multiple of 4,096 bytes apart.
TABLES, ROW = 8, CELLS + 16
MOST_COUNTED = 1 << 30  # values in a table of int32
FLOAT32_MAX = np.finfo(np.float32).max

# columns of a job (int64)
(
    ADDRESS, OTHER, COUNT, DTYPE, TASK, UNITS, INNER, RELU, FIRST_CHUNK, LIVE_AT, CHUNK_LIVE_AT, JOB_COLUMNS,
) = range(12)  # fmt: skip
READ, COPY, MINUS = range(3)  # tasks: read; read and copy to OTHER; the difference to what lies at OTHER
# columns of a chunk and of a result: whole numbers and real ones
FINITE, NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY, ZEROS, PASSING, WHOLE_COLUMNS = range(7)
MINIMUM, MAXIMUM, MEAN, SQUARES, RELU_MEAN, RELU_SQUARES, REAL_COLUMNS = range(7)  # SQUARES: Σ(x − mean)²
# header: ARRIVED counts threads that have begun, the rest are numbers and addresses
(
    ARRIVED, THREADS, COUNTERS, CHUNKS, JOBS, JOB_TABLE, LIMITS, CHUNK_WHOLE, CHUNK_REAL, CHUNK_LIVE, THREAD_CELLS,
    THREAD_USED, SCRATCH, WHOLE, REAL, LIVE, BYTES, OFFSETS, HEADER_SIZE,
) = range(19)  # fmt: skip
SCRATCH_BYTES = 4 * TABLES * ROW + 3 * 4 * BLOCK + 2 * 8 * BLOCK  # of a thread: tables, float32 and float64 blocks
LINE = 8  # int64 of a cache line: no two counters share one
MOST_BYTES = 4 * CELLS  # of an encoded histogram: a count below 2^28 takes four bytes, a gap fewer than its two cells

FLOAT32, FLOAT64, FLOAT16, BFLOAT16, BOOL, UINT8, INT8, INT16, UINT16, INT32, UINT32, INT64, UINT64 = range(13)
ITEM_SIZES = np.array([4, 8, 2, 2, 1, 1, 1, 2, 2, 4, 4, 8, 8], np.int64)

"""Summaries of many tensors from one read of each, compiled.

Tensors are cut into chunks that depend on their size alone. Each thread begins with a stretch of chunks of its own, as
PyTorch's operations do, so that it often finds in its cache what it has just written; then it helps the others. A chunk
is gone through in blocks that stay in the first cache: several simple loops pass over a block, each of which becomes
vector instructions, where a single loop that did everything would not. The parts are put together in the order of the
chunks, so the result does not depend on the number of threads; counts of cells are whole numbers, and each thread keeps
its own for as long as it works on the same tensor.

Only the two functions at the end are called from outside, and kept on disk with all that they call. Numba takes them as
outdated when *this* file changes; REVISION makes it change with its neighbours, and a test says so.

Everything is reached through addresses in one array of int64, the `header`, so that the same function can be called
from Python, by our own threads, and by the OpenMP threads that PyTorch keeps at hand.
"""

import numpy as np
from numba import carray, cfunc, njit, types

from backlight.recording.histogram import CELLS, SIGN_CELL
from backlight.recording.kernels.blocks import add_block32, add_block64, add_units, pool
from backlight.recording.kernels.layout import (
    ADDRESS,
    ARRIVED,
    BLOCK,
    BYTES,
    CHUNK,
    CHUNK_LIVE,
    CHUNK_LIVE_AT,
    CHUNK_REAL,
    CHUNK_WHOLE,
    CHUNKS,
    COPY,
    COUNT,
    COUNTERS,
    DTYPE,
    FINITE,
    FIRST_CHUNK,
    FLOAT32,
    HEADER_SIZE,
    INNER,
    ITEM_SIZES,
    JOB_COLUMNS,
    JOB_TABLE,
    JOBS,
    LIMITS,
    LINE,
    LIVE,
    LIVE_AT,
    MAXIMUM,
    MEAN,
    MINIMUM,
    MINUS,
    MOST_BYTES,
    MOST_COUNTED,
    OFFSETS,
    OTHER,
    PASSING,
    REAL,
    REAL_COLUMNS,
    RELU,
    RELU_MEAN,
    RELU_SQUARES,
    ROW,
    SCRATCH,
    SCRATCH_BYTES,
    SQUARES,
    TABLES,
    TASK,
    THREAD_CELLS,
    THREAD_USED,
    THREADS,
    UNITS,
    WHOLE,
    WHOLE_COLUMNS,
    ZEROS,
)
from backlight.recording.kernels.loading import copy_bytes, fits_float32, load32, load64
from backlight.recording.kernels.primitives import OPTIONS, PART, pointer_to, take_next
from backlight.recording.kernels.results import complete, put_histogram, rectify

REVISION = "c02dcc8bf1c0"


@njit(**PART)
def summarise_chunk(job, limits, start, size, whole, real, tables, live, work32, work64):
    """Fills `whole`, `real` and `tables` of a chunk that begins at value `start` of the job's tensor."""
    dtype, item = job[DTYPE], ITEM_SIZES[job[DTYPE]]
    task, units, relu = job[TASK], job[UNITS], job[RELU] != 0
    low, high = limits[0], limits[1]
    for place in range(start, start + size, BLOCK):
        n = min(BLOCK, start + size - place)
        address, other = job[ADDRESS] + place * item, job[OTHER] + place * item
        ahead, other_ahead = address + BLOCK * item, other + BLOCK * item if job[OTHER] else 0
        if fits_float32(dtype):
            x = work32[0]
            if task == MINUS and dtype == FLOAT32:
                now = carray(pointer_to(np.float32(0), address), n)
                before = carray(pointer_to(np.float32(0), other), n)
                for i in range(n):
                    x[i] = now[i] - before[i]
            elif task == MINUS:
                before = work32[1]
                load32(address, dtype, n, x)
                load32(other, dtype, n, before)
                for i in range(n):
                    x[i] -= before[i]
            elif dtype == FLOAT32:
                x = carray(pointer_to(np.float32(0), address), n)
            else:
                load32(address, dtype, n, x)
            add_block32(x, n, whole, real, tables, relu, work32[2], ahead, other_ahead, item)
            if units:
                low32, high32 = np.float32(low), np.float32(high)
                whole[PASSING] += add_units(x, place, n, units, job[INNER], low32, high32, live)
        else:
            y = work64[0]
            load64(address, dtype, n, y)
            if task == MINUS:
                earlier = work64[1]
                load64(other, dtype, n, earlier)
                for i in range(n):
                    y[i] -= earlier[i]
            add_block64(y, n, whole, real, tables, relu, work64[1], work32[0], ahead, other_ahead, item)
            if units:
                whole[PASSING] += add_units(y, place, n, units, job[INNER], low, high, live)
        if task == COPY:
            copy_bytes(address, other, n * item)


@njit(**PART)
def job_table_of(header):
    return carray(pointer_to(np.int64(0), header[JOB_TABLE]), (header[JOBS], JOB_COLUMNS))


@njit(**PART)
def job_of_chunk(table, chunk):
    """The last job that begins at this chunk or before; jobs without values share their chunk with the next."""
    low, high = 0, table.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if table[middle, FIRST_CHUNK] <= chunk:
            low = middle
        else:
            high = middle
    return low


@njit(**PART)
def do_chunk(header, number, job, chunk, work32, work64, tables):
    """One chunk of job `number` into the tables and its place in the results."""
    chunks = header[CHUNKS]
    limits = carray(pointer_to(np.float64(0), header[LIMITS]), (header[JOBS], 2))[number]
    whole = carray(pointer_to(np.int64(0), header[CHUNK_WHOLE]), (chunks, WHOLE_COLUMNS))[chunk]
    real = carray(pointer_to(np.float64(0), header[CHUNK_REAL]), (chunks, REAL_COLUMNS))[chunk]
    place = chunk - job[FIRST_CHUNK]
    live_at = header[CHUNK_LIVE] + job[CHUNK_LIVE_AT] + place * job[UNITS]
    live = carray(pointer_to(np.uint8(0), live_at), job[UNITS])
    whole[:], real[:], live[:] = 0, 0.0, 0
    real[MINIMUM], real[MAXIMUM] = np.inf, -np.inf
    size = min(CHUNK, job[COUNT] - place * CHUNK)
    summarise_chunk(job, limits, place * CHUNK, size, whole, real, tables, live, work32, work64)


@njit(**PART)
def store_tables(header, thread, number, tables):
    """Adds a thread's tables to what it has counted for job `number`, and empties them."""
    threads, jobs = header[THREADS], header[JOBS]
    used = carray(pointer_to(np.uint8(0), header[THREAD_USED]), (threads, jobs))
    cells = carray(pointer_to(np.int64(0), header[THREAD_CELLS]), (threads, jobs, CELLS))[thread, number]
    if not used[thread, number]:
        used[thread, number] = 1
        cells[:] = 0
    for cell in range(CELLS):
        count = np.int64(0)
        for table in range(TABLES):
            count += tables[table, cell]
        cells[cell] += count
    tables[:] = 0


@njit(**OPTIONS)
def work(header):
    """Does chunks until none is left: first those of the thread's own stretch, then of those that come behind it."""
    threads, chunks = header[THREADS], header[CHUNKS]
    counters = carray(pointer_to(np.int64(0), header[COUNTERS]), threads * LINE)
    job_table = job_table_of(header)
    thread = take_next(header, ARRIVED)
    scratch = header[SCRATCH] + thread * SCRATCH_BYTES
    tables = carray(pointer_to(np.int32(0), scratch), (TABLES, ROW))  # all zero, as they are left behind
    scratch += 4 * TABLES * ROW
    work32 = carray(pointer_to(np.float32(0), scratch), (3, BLOCK))
    work64 = carray(pointer_to(np.float64(0), scratch + 3 * 4 * BLOCK), (2, BLOCK))
    number = counted = 0
    for distance in range(threads):
        stretch = (thread + distance) % threads
        first, last = stretch * chunks // threads, (stretch + 1) * chunks // threads
        chunk = first + take_next(counters, stretch * LINE)
        while chunk < last:
            following = job_of_chunk(job_table, chunk)
            if counted and (following != number or counted > MOST_COUNTED):
                store_tables(header, thread, number, tables)
                counted = 0
            number = following
            do_chunk(header, number, job_table[number], chunk, work32, work64, tables)
            counted += CHUNK
            chunk = first + take_next(counters, stretch * LINE)
    if counted:
        store_tables(header, thread, number, tables)


@njit(**OPTIONS)
def finish(header):
    """Puts chunks together: a result per job, and behind all jobs one per rectified job, in their order."""
    chunks, jobs, threads = header[CHUNKS], header[JOBS], header[THREADS]
    job_table = job_table_of(header)
    chunk_whole = carray(pointer_to(np.int64(0), header[CHUNK_WHOLE]), (chunks, WHOLE_COLUMNS))
    chunk_real = carray(pointer_to(np.float64(0), header[CHUNK_REAL]), (chunks, REAL_COLUMNS))
    limits = carray(pointer_to(np.float64(0), header[LIMITS]), (jobs, 2))
    thread_used = carray(pointer_to(np.uint8(0), header[THREAD_USED]), (threads, jobs))
    thread_cells = carray(pointer_to(np.int64(0), header[THREAD_CELLS]), (threads, jobs, CELLS))
    results = jobs
    for job in range(jobs):
        results += job_table[job, RELU]
    wholes = carray(pointer_to(np.int64(0), header[WHOLE]), (results, WHOLE_COLUMNS))
    reals = carray(pointer_to(np.float64(0), header[REAL]), (results, REAL_COLUMNS))
    offsets = carray(pointer_to(np.int64(0), header[OFFSETS]), (results, 2))
    out = carray(pointer_to(np.uint8(0), header[BYTES]), results * MOST_BYTES)
    cells = np.empty(CELLS, np.int64)
    at, rectified = 0, jobs
    for job in range(jobs):
        whole, real, units = wholes[job], reals[job], job_table[job, UNITS]
        live = carray(pointer_to(np.uint8(0), header[LIVE] + job_table[job, LIVE_AT]), units)
        whole[:], real[:], cells[:], live[:] = 0, 0.0, 0, 0
        real[MINIMUM], real[MAXIMUM] = np.inf, -np.inf
        for thread in range(threads):
            if thread_used[thread, job]:
                for cell in range(CELLS):
                    cells[cell] += thread_cells[thread, job, cell]
        first = job_table[job, FIRST_CHUNK]
        for chunk in range(first, first + (job_table[job, COUNT] + CHUNK - 1) // CHUNK):
            part, moments = chunk_whole[chunk], chunk_real[chunk]
            real[MINIMUM] = min(real[MINIMUM], moments[MINIMUM])
            real[MAXIMUM] = max(real[MAXIMUM], moments[MAXIMUM])
            for mean, squares in ((MEAN, SQUARES), (RELU_MEAN, RELU_SQUARES)):
                pool(real, mean, squares, whole[FINITE], moments[mean], moments[squares], part[FINITE])
            for column in range(WHOLE_COLUMNS):
                whole[column] += part[column]
            address = header[CHUNK_LIVE] + job_table[job, CHUNK_LIVE_AT] + (chunk - first) * units
            marks = carray(pointer_to(np.uint8(0), address), units)
            for unit in range(units):
                live[unit] |= marks[unit]
        if units and limits[job, 0] == 0.0 and limits[job, 1] == np.inf:
            whole[PASSING] = cells[:SIGN_CELL].sum() - whole[ZEROS]  # the values above 0
        offsets[job, 0] = at
        at = offsets[job, 1] = put_histogram(out, at, cells)
        if job_table[job, RELU]:
            wholes[rectified], reals[rectified] = whole, real
            rectify(wholes[rectified], reals[rectified], cells)
            offsets[rectified, 0] = at
            at = offsets[rectified, 1] = put_histogram(out, at, cells)
            complete(wholes[rectified], reals[rectified])
            rectified += 1
        complete(whole, real)


# What is called through its address: by PyTorch's threads, by our own, or by none but the caller's.
@cfunc(types.void(types.CPointer(types.int64)), cache=True, error_model="numpy")
def work_entry(header):
    work(carray(header, HEADER_SIZE))


@cfunc(types.void(types.CPointer(types.int64)), cache=True, error_model="numpy")
def finish_entry(header):
    finish(carray(header, HEADER_SIZE))

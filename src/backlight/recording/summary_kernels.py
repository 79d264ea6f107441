"""Summaries of many tensors from one read of each, compiled.

Tensors are cut into chunks that depend on their size alone. Each thread begins with a stretch of chunks of its own, as
PyTorch's operations do, so that it often finds in its cache what it has just written; then it helps the others. A chunk
is gone through in blocks that stay in the first cache: several simple loops pass over a block, each of which becomes
vector instructions, where a single loop that did everything would not. The parts are put together in the order of the
chunks, so the result does not depend on the number of threads; counts of cells are whole numbers, and each thread keeps
its own for as long as it works on the same tensor.

Everything is reached through addresses in one array of int64, the `header`, so that the same function can be called
from Python, by our own threads, and by the OpenMP threads that PyTorch keeps at hand.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from backlight.recording.histogram import CELLS, SHIFT, SIGN_CELL

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
    THREAD_USED, WHOLE, REAL, LIVE, BYTES, OFFSETS, HEADER_SIZE,
) = range(18)  # fmt: skip
LINE = 8  # int64 of a cache line: no two counters share one
MOST_BYTES = 4 * CELLS  # of an encoded histogram: a count below 2^28 takes four bytes, a gap fewer than its two cells

FLOAT32, FLOAT64, FLOAT16, BFLOAT16, BOOL, UINT8, INT8, INT16, UINT16, INT32, UINT32, INT64, UINT64 = range(13)
ITEM_SIZES = np.array([4, 8, 2, 2, 1, 1, 1, 2, 2, 4, 4, 8, 8], np.int64)

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
PART: dict[str, Any] = {**OPTIONS, "forceinline": True}
REORDERED = {"contract", "arcp", "nsz", "reassoc"}  # sums may be reordered; NaN and infinity keep their meaning


@intrinsic
def pointer_to(typing_context, kind, address):  # type: ignore[no-untyped-def]
    """A pointer to items of `kind` (an array's first element gives it) from an address."""
    pointer = types.CPointer(kind)

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[1], context.get_value_type(pointer))

    return pointer(kind, types.int64), generate


@intrinsic
def take_next(typing_context, array, index):  # type: ignore[no-untyped-def]
    """array[index]++ as one indivisible step; the value before."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(array, types.intp), generate


@intrinsic
def prefetch(typing_context, address):  # type: ignore[no-untyped-def]
    """Asks for the cache line at `address`, which may lie beyond the end; nothing waits for it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        line = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        read, keep, data = (ir.Constant(ir.IntType(32), value) for value in (0, 3, 1))
        kinds = [each.type for each in (line, read, keep, data)]
        function = builder.module.declare_intrinsic("llvm.prefetch", [line.type], ir.FunctionType(ir.VoidType(), kinds))
        builder.call(function, [line, read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@njit(**PART)
def ordered(bits):  # type: ignore[no-untyped-def]
    """Bits of a float as an integer in the order of the floats; the inverse of itself. NaN lies beyond ±∞."""
    return bits ^ ((bits >> type(bits)(31)) & type(bits)(0x7FFFFFFF))


@njit(**PART)
def extremes32(bits, n):  # type: ignore[no-untyped-def]
    """Smallest and largest of n float32, given as int32, in the order of `ordered`."""
    low, high = np.int32(0x7FFFFFFF), np.int32(-0x7FFFFFFF)
    for i in range(n):
        key = ordered(bits[i])
        low = key if key < low else low
        high = key if key > high else high
    return low, high


@njit(**PART)
def count_zeros32(bits, n):  # type: ignore[no-untyped-def]
    """Zeros of either sign, and those that are −0."""
    zeros, negative = np.int32(0), np.int32(0)
    for i in range(n):
        zeros += np.int32(1) if (bits[i] & np.int32(0x7FFFFFFF)) == np.int32(0) else np.int32(0)
        negative += np.int32(1) if bits[i] == np.int32(-0x80000000) else np.int32(0)
    return zeros, negative


@njit(fastmath=REORDERED, **PART)
def deviations(x, n, pivot):  # type: ignore[no-untyped-def]
    """Σ(x − pivot) and Σ(x − pivot)² in float64.

    With one of the values as pivot, (mean − pivot)² is at most n times the variance: nothing is lost to cancellation.
    """
    total, squares = 0.0, 0.0
    for i in range(n):
        deviation = np.float64(x[i]) - pivot
        total += deviation
        squares += deviation * deviation
    return total, squares


@njit(fastmath=REORDERED, **PART)
def both_deviations(x, n, pivot, rectified_pivot):  # type: ignore[no-untyped-def]
    """The same of x, and of max(x, 0)."""
    total, squares, rectified_total, rectified_squares = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        value = np.float64(x[i])
        deviation = value - pivot
        rectified = (value if value > 0.0 else 0.0) - rectified_pivot
        total += deviation
        squares += deviation * deviation
        rectified_total += rectified
        rectified_squares += rectified * rectified
    return total, squares, rectified_total, rectified_squares


@njit(**PART)
def add_cells(bits, n, tables, ahead, other_ahead, item):  # type: ignore[no-untyped-def]
    """Histogram of n finite float32, given as uint32; the number of zeros, which all go to cell 0, −0 as well.

    While this loop keeps the processor busy, the memory that is read next is fetched: n items at `ahead`, and at
    `other_ahead` where that is an address.
    """
    near_zero = tables[:, 0].sum() + tables[:, SIGN_CELL].sum()
    whole = n // 16 * 16
    for start in range(0, whole, 16):
        prefetch(ahead + item * start)
        if other_ahead:
            prefetch(other_ahead + item * start)
        for i in range(start, start + 16, TABLES):
            tables[0, bits[i] >> np.uint32(SHIFT)] += 1
            tables[1, bits[i + 1] >> np.uint32(SHIFT)] += 1
            tables[2, bits[i + 2] >> np.uint32(SHIFT)] += 1
            tables[3, bits[i + 3] >> np.uint32(SHIFT)] += 1
            tables[4, bits[i + 4] >> np.uint32(SHIFT)] += 1
            tables[5, bits[i + 5] >> np.uint32(SHIFT)] += 1
            tables[6, bits[i + 6] >> np.uint32(SHIFT)] += 1
            tables[7, bits[i + 7] >> np.uint32(SHIFT)] += 1
    for i in range(whole, n):
        tables[0, bits[i] >> np.uint32(SHIFT)] += 1
    if tables[:, 0].sum() + tables[:, SIGN_CELL].sum() == near_zero:
        return np.int32(0)
    zeros, negative = count_zeros32(bits.view(np.int32), n)
    tables[0, SIGN_CELL] -= negative
    tables[0, 0] += negative
    return zeros


@njit(**PART)
def pool(real, mean_at, squares_at, count, mean, squares, added):  # type: ignore[no-untyped-def]
    """Adds `added` values of this mean and Σ(x − mean)² to `count` ones (Chan, Golub & LeVeque 1979)."""
    both = count + added
    if added == 0:
        return
    if count == 0:
        real[mean_at], real[squares_at] = mean, squares
        return
    between = mean - real[mean_at]
    real[squares_at] += squares + between * between * (count / both) * added
    real[mean_at] = real[mean_at] * (count / both) + mean * (added / both)


@njit(**PART)
def finite_only(x, n, whole, kept):  # type: ignore[no-untyped-def]
    """Counts NaN and infinities and copies the rest to `kept`; how many those are."""
    finite = 0
    for i in range(n):
        value = x[i]
        if value != value:
            whole[NAN] += 1
        elif value == np.inf:
            whole[POSITIVE_INFINITY] += 1
        elif value == -np.inf:
            whole[NEGATIVE_INFINITY] += 1
        else:
            kept[finite] = value
            finite += 1
    return finite


@njit(**PART)
def pool_block(x, n, real, count, relu):  # type: ignore[no-untyped-def]
    """Adds the moments of n finite values, and those of max(x, 0) if asked for."""
    pivot = np.float64(x[0])
    if not relu:
        total, squares = deviations(x, n, pivot)
        pool(real, MEAN, SQUARES, count, pivot + total / n, max(squares - total * (total / n), 0.0), n)
        return
    above = max(pivot, 0.0)
    total, squares, rectified_total, rectified_squares = both_deviations(x, n, pivot, above)
    pool(real, MEAN, SQUARES, count, pivot + total / n, max(squares - total * (total / n), 0.0), n)
    rectified_squares = max(rectified_squares - rectified_total * (rectified_total / n), 0.0)
    pool(real, RELU_MEAN, RELU_SQUARES, count, above + rectified_total / n, rectified_squares, n)


@njit(**PART)
def add_block32(x, n, whole, real, tables, relu, kept, ahead, other_ahead, item):  # type: ignore[no-untyped-def]
    """Adds n float32 to the statistics of a chunk."""
    low, high = extremes32(x.view(np.int32), n)
    if high >= np.int32(0x7F800000) or low <= ordered(np.int32(-0x800000)):  # a NaN or an infinity among them
        n = finite_only(x, n, whole, kept)
        x = kept
        if n == 0:
            return
        low, high = extremes32(x.view(np.int32), n)
    ends = np.empty(2, np.int32)
    ends[0], ends[1] = ordered(low), ordered(high)
    floats = ends.view(np.float32)
    real[MINIMUM], real[MAXIMUM] = min(real[MINIMUM], floats[0]), max(real[MAXIMUM], floats[1])
    if low == high:  # all the same: rows of zeros, most of all
        value = np.float64(floats[0])
        pool(real, MEAN, SQUARES, whole[FINITE], value, 0.0, n)
        pool(real, RELU_MEAN, RELU_SQUARES, whole[FINITE], max(value, 0.0), 0.0, n)
        if value == 0.0:
            whole[ZEROS] += n
            tables[0, 0] += n
        else:
            tables[0, x.view(np.uint32)[0] >> np.uint32(SHIFT)] += n
        whole[FINITE] += n
        return
    pool_block(x, n, real, whole[FINITE], relu)
    whole[ZEROS] += add_cells(x.view(np.uint32), n, tables, ahead, other_ahead, item)
    whole[FINITE] += n


@njit(**PART)
def add_block64(x, n, whole, real, tables, relu, kept, narrow, ahead, other_ahead, item):  # type: ignore[no-untyped-def]
    """Adds n float64; one beyond the range of float32 counts in the outermost cell of its sign."""
    n = finite_only(x, n, whole, kept)
    if n == 0:
        return
    largest, zeros = 0.0, 0
    for i in range(n):
        value = kept[i]
        real[MINIMUM], real[MAXIMUM] = min(real[MINIMUM], value), max(real[MAXIMUM], value)
        largest = max(largest, abs(value))
        zeros += value == 0.0
        narrow[i] = min(max(value, -FLOAT32_MAX), FLOAT32_MAX)
    if largest < 1e150:
        pool_block(kept, n, real, whole[FINITE], relu)
    else:  # sums would overflow: the mean of parts, and no finite variance
        mean, rectified = 0.0, 0.0
        for i in range(n):
            mean += kept[i] / n
            rectified += max(kept[i], 0.0) / n
        pool(real, MEAN, SQUARES, whole[FINITE], mean, np.inf, n)
        pool(real, RELU_MEAN, RELU_SQUARES, whole[FINITE], rectified, np.inf, n)
    add_cells(narrow.view(np.uint32), n, tables, ahead, other_ahead, item)
    whole[ZEROS] += zeros
    whole[FINITE] += n


@njit(**PART)
def add_units(x, start, n, units, inner, low, high, live, passing_before):  # type: ignore[no-untyped-def]
    """Marks the units of which a value lies between `low` and `high`; the number of values that do.

    The n values begin at place `start` of a tensor (outer, units, inner).
    """
    passing = passing_before
    place = 0
    while place < n:
        run = (start + place) // inner
        unit = run % units
        if inner == 1:  # neighbours are of neighbouring units
            length = min(n - place, units - unit)
            values, marks = x[place : place + length], live[unit : unit + length]
            through = np.int32(0)
            for i in range(length):
                inside = np.uint8(values[i] > low) & np.uint8(values[i] < high)
                marks[i] |= inside
                through += np.int32(inside)
        else:
            length = min(n - place, (run + 1) * inner - start - place)
            values = x[place : place + length]
            through = np.int32(0)
            for i in range(length):
                through += np.int32(np.uint8(values[i] > low) & np.uint8(values[i] < high))
            if through > 0:
                live[unit] = 1
        passing += through
        place += length
    return passing


@njit(**PART)
def widen_halves(halves, n, out):  # type: ignore[no-untyped-def]
    """float16, given as uint16, to float32, exactly; by way of bits and of whole numbers, for no mode to interfere."""
    bits = out.view(np.uint32)
    for i in range(n):
        half = np.uint32(halves[i])
        sign, magnitude = (half & np.uint32(0x8000)) << np.uint32(16), half & np.uint32(0x7FFF)
        if magnitude < np.uint32(0x0400):  # zero or subnormal: a multiple of 2^−24
            out[i] = np.float32(magnitude) * np.float32(2.0**-24)
            bits[i] |= sign
        elif magnitude >= np.uint32(0x7C00):
            bits[i] = sign | np.uint32(0x7F800000) | (magnitude << np.uint32(13))
        else:
            bits[i] = sign | ((magnitude << np.uint32(13)) + np.uint32((127 - 15) << 23))


@njit(**PART)
def load32(address, dtype, n, out):  # type: ignore[no-untyped-def]
    """n values of a type that float32 holds exactly."""
    if dtype == FLOAT32:
        source32 = carray(pointer_to(np.float32(0), address), n)
        for i in range(n):
            out[i] = source32[i]
    elif dtype == FLOAT16:
        widen_halves(carray(pointer_to(np.uint16(0), address), n), n, out)
    elif dtype == BFLOAT16:
        bits, brains = out.view(np.uint32), carray(pointer_to(np.uint16(0), address), n)
        for i in range(n):
            bits[i] = np.uint32(brains[i]) << np.uint32(16)
    elif dtype in (BOOL, UINT8):
        bytes_ = carray(pointer_to(np.uint8(0), address), n)
        for i in range(n):
            out[i] = bytes_[i]
    elif dtype == INT8:
        signed = carray(pointer_to(np.int8(0), address), n)
        for i in range(n):
            out[i] = signed[i]
    elif dtype == INT16:
        shorts = carray(pointer_to(np.int16(0), address), n)
        for i in range(n):
            out[i] = shorts[i]
    else:
        words = carray(pointer_to(np.uint16(0), address), n)
        for i in range(n):
            out[i] = words[i]


@njit(**PART)
def load64(address, dtype, n, out):  # type: ignore[no-untyped-def]
    if dtype == FLOAT64:
        doubles = carray(pointer_to(np.float64(0), address), n)
        for i in range(n):
            out[i] = doubles[i]
    elif dtype == INT32:
        ints = carray(pointer_to(np.int32(0), address), n)
        for i in range(n):
            out[i] = ints[i]
    elif dtype == UINT32:
        unsigned = carray(pointer_to(np.uint32(0), address), n)
        for i in range(n):
            out[i] = unsigned[i]
    elif dtype == INT64:
        longs = carray(pointer_to(np.int64(0), address), n)
        for i in range(n):
            out[i] = longs[i]
    else:
        wide = carray(pointer_to(np.uint64(0), address), n)
        for i in range(n):
            out[i] = wide[i]


@njit(**PART)
def fits_float32(dtype):  # type: ignore[no-untyped-def]
    return dtype != FLOAT64 and dtype < INT32


@njit(**PART)
def copy_bytes(source, target, n):  # type: ignore[no-untyped-def]
    read, written = carray(pointer_to(np.uint8(0), source), n), carray(pointer_to(np.uint8(0), target), n)
    for i in range(n):
        written[i] = read[i]


@njit(**PART)
def summarise_chunk(job, limits, start, size, whole, real, tables, live, work32, work64):  # type: ignore[no-untyped-def]
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
                whole[PASSING] = add_units(x, place, n, units, job[INNER], low32, high32, live, whole[PASSING])
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
                whole[PASSING] = add_units(y, place, n, units, job[INNER], low, high, live, whole[PASSING])
        if task == COPY:
            copy_bytes(address, other, n * item)


@njit(**PART)
def job_table_of(header):  # type: ignore[no-untyped-def]
    return carray(pointer_to(np.int64(0), header[JOB_TABLE]), (header[JOBS], JOB_COLUMNS))


@njit(**PART)
def job_of_chunk(table, chunk):  # type: ignore[no-untyped-def]
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
def do_chunk(header, number, job, chunk, work32, work64, tables):  # type: ignore[no-untyped-def]
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
def store_tables(header, thread, number, tables):  # type: ignore[no-untyped-def]
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
def work(header):  # type: ignore[no-untyped-def]
    """Does chunks until none is left: first those of the thread's own stretch, then of those that come behind it."""
    threads, chunks = header[THREADS], header[CHUNKS]
    counters = carray(pointer_to(np.int64(0), header[COUNTERS]), threads * LINE)
    job_table = job_table_of(header)
    work32, work64 = np.empty((3, BLOCK), np.float32), np.empty((2, BLOCK), np.float64)
    tables = np.zeros((TABLES, ROW), np.int32)
    thread = take_next(header, ARRIVED)
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


@njit(**PART)
def put_number(out, at, number):  # type: ignore[no-untyped-def]
    """LEB128 at out[at]; the place after it."""
    while number > 127:
        out[at] = np.uint8(number & 127 | 128)
        number >>= 7
        at += 1
    out[at] = np.uint8(number)
    return at + 1


@njit(**PART)
def put_histogram(out, at, cells):  # type: ignore[no-untyped-def]
    """`recording.histogram.encode` at out[at]; the place after it."""
    following = 0
    for cell in range(CELLS):
        if cells[cell]:
            if cell > following:
                out[at] = 0
                at = put_number(out, at + 1, cell - following)
            at = put_number(out, at, cells[cell])
            following = cell + 1
    return at


@njit(**PART)
def rectify(whole, real, cells):  # type: ignore[no-untyped-def]
    """Makes the results for x those for max(x, 0); passing values are the finite ones above 0."""
    negative_infinities, finite = whole[NEGATIVE_INFINITY], whole[FINITE]
    positive = whole[PASSING]
    real[MEAN], real[SQUARES] = real[RELU_MEAN], real[RELU_SQUARES]
    pool(real, MEAN, SQUARES, finite, 0.0, 0.0, negative_infinities)
    if finite:
        real[MINIMUM], real[MAXIMUM] = max(real[MINIMUM], 0.0), max(real[MAXIMUM], 0.0)
    if negative_infinities:
        real[MINIMUM], real[MAXIMUM] = 0.0, max(real[MAXIMUM], 0.0)
    whole[NEGATIVE_INFINITY] = 0
    whole[FINITE] = finite + negative_infinities
    whole[ZEROS] = whole[FINITE] - positive
    cells[0] += negative_infinities
    for cell in range(SIGN_CELL, CELLS):
        cells[0] += cells[cell]
        cells[cell] = 0


@njit(**PART)
def complete(whole, real):  # type: ignore[no-untyped-def]
    """Σ(x − mean)² to the variance, and NaN where there is no finite value."""
    if whole[FINITE]:
        real[SQUARES] /= whole[FINITE]
        real[MINIMUM] += 0.0  # never −0
        real[MAXIMUM] += 0.0
    else:
        real[:] = np.nan


@njit(**OPTIONS)
def finish(header):  # type: ignore[no-untyped-def]
    """Puts chunks together: a result per job, and behind all jobs one per rectified job, in their order."""
    chunks, jobs, threads = header[CHUNKS], header[JOBS], header[THREADS]
    job_table = job_table_of(header)
    chunk_whole = carray(pointer_to(np.int64(0), header[CHUNK_WHOLE]), (chunks, WHOLE_COLUMNS))
    chunk_real = carray(pointer_to(np.float64(0), header[CHUNK_REAL]), (chunks, REAL_COLUMNS))
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
def work_entry(header):  # type: ignore[no-untyped-def]
    work(carray(header, HEADER_SIZE))


@cfunc(types.void(types.CPointer(types.int64)), cache=True, error_model="numpy")
def finish_entry(header):  # type: ignore[no-untyped-def]
    finish(carray(header, HEADER_SIZE))

"""What this machine can do at most: operations a second, and bytes a second from memory.

    python benchmarks/limits.py [--rounds 9]

*Arithmetic*: chains of fused multiply-adds of float32 that stay in registers. *Memory*: the triad a = b + s · c of
STREAM (McCalpin 1995) over arrays that no cache holds, three of them read or written, and a sum that only reads. The
best of some seconds is what a busy machine shows of itself; the quartiles say how busy it was.
"""

import argparse
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import quantiles
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from backlight.engine.threads import thread_count

VALUES = 1 << 24  # float32: 64 MiB an array
SECONDS = 2.0  # of looking for the peak: cores are slow to wake, and others use them


@njit(nogil=True, fastmath={"contract"}, error_model="numpy")
def multiply_and_add(a, x, y, repeats):  # type: ignore[no-untyped-def]  # compiled
    """Four independent chains of 24 fused multiply-adds for each number, which stay in registers."""
    for _ in range(repeats):
        for n in range(a.size):
            p = q = r = s = a[n]
            for _link in range(24):
                p = p * x + y
                q = q * y + x
                r = r * x + x
                s = s * y + y
            a[n] = (p + q) + (r + s)


def measured_peak() -> dict[str, Any]:
    """Most float32 operations a second of all threads together; a fused multiply-add is two."""
    threads, repeats, size = thread_count(), 20_000, 1024
    arrays, x, y = [np.ones(size, np.float32) for _ in range(threads)], np.float32(0.5), np.float32(0.25)
    multiply_and_add(arrays[0], x, y, 1)
    assembly = next(iter(multiply_and_add.inspect_asm().values()))
    found = {register: len(re.findall(rf"vfmadd\w+ps.*%{register}", assembly)) for register in ("zmm", "ymm", "xmm")}
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            list(pool.map(lambda a: multiply_and_add(a, x, y, repeats), arrays))
            best = max(best, threads * size * repeats * 4 * 24 * 2 / (time.perf_counter() - began) / 1e9)
    return {"gflops": best, "threads": threads, "packed_fused_multiply_adds_in_the_assembly": found}


@njit(nogil=True, fastmath=True, error_model="numpy")
def triad(a, b, c, s):  # type: ignore[no-untyped-def]  # compiled
    for n in range(a.size):
        a[n] = b[n] + s * c[n]


@njit(nogil=True, fastmath=True, error_model="numpy")
def total(b):  # type: ignore[no-untyped-def]  # compiled
    sums = np.float32(0)
    for n in range(b.size):
        sums += b[n]
    return sums


def bandwidth(threads: int, rounds: int) -> dict[str, Any]:
    """Thousand million bytes a second of all threads together, each on a part of its own."""
    a, b, c = (np.ones(VALUES, np.float32) for _ in range(3))
    parts = np.array_split(np.arange(VALUES), threads)
    slices = [slice(int(part[0]), int(part[-1]) + 1) for part in parts]
    programs: dict[str, tuple[Callable[[slice], Any], int]] = {
        "triad": (lambda part: triad(a[part], b[part], c[part], np.float32(0.5)), 3),
        "read": (lambda part: total(b[part]), 1),
    }
    with ThreadPoolExecutor(threads) as pool:
        return {
            name: measured(partial(every, pool, program, slices), arrays * a.nbytes, rounds)
            for name, (program, arrays) in programs.items()
        }


def every(pool: ThreadPoolExecutor, program: Callable[[slice], Any], slices: list[slice]) -> None:
    list(pool.map(program, slices))


def measured(call: Callable[[], Any], size: int, rounds: int) -> dict[str, float]:
    call()
    rates: NDArray[np.float64] = np.empty(rounds)
    for number in range(rounds):
        began = time.perf_counter()
        call()
        rates[number] = size / (time.perf_counter() - began) / 1e9
    low, middle, high = quantiles(rates.tolist(), n=4)
    return {"best": float(rates.max()), "median": middle, "quarter": low, "three_quarters": high, "n": rounds}


def limits(rounds: int) -> dict[str, Any]:
    memory = {f"{threads} threads": bandwidth(threads, rounds) for threads in sorted({1, thread_count()})}
    return {"peak_float32": measured_peak(), "gigabytes_a_second": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    found = limits(parser.parse_args().rounds)
    peak = found["peak_float32"]
    print(f"float32 operations: {peak['gflops']:.0f} thousand million a second on {peak['threads']} threads")
    for threads, programs in found["gigabytes_a_second"].items():
        for name, rate in programs.items():
            print(f"{threads}, {name}: best {rate['best']:.1f} GB/s, median {rate['median']:.1f} "
                  f"[{rate['quarter']:.1f}, {rate['three_quarters']:.1f}], n = {rate['n']}")  # fmt: skip


if __name__ == "__main__":
    main()

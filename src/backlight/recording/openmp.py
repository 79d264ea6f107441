"""The threads that PyTorch keeps at hand, for our own compiled code.

They wait for work in a busy loop, so waking them costs two microseconds where a thread of ours costs thirty and would
have to share a core with them. GOMP_parallel is what compiled OpenMP programs call; LLVM's OpenMP has it as well.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from backlight.recording.summarise import ALONE, MOST_THREADS, Threads, callable_at

GompParallel = Callable[[ctypes.c_void_p, ctypes.c_void_p, int, int], None]


def shared_threads(near: str, count: int) -> Threads:
    """`count` threads: those of the OpenMP library under the folder `near`, else own ones."""
    count = min(count, MOST_THREADS)
    if count == 1:
        return ALONE
    parallel = gomp_parallel(near)
    if parallel is None:
        return own_threads(count)

    def run(function: int, argument: int) -> None:
        parallel(ctypes.c_void_p(function), ctypes.c_void_p(argument), count, 0)

    return Threads(count, run)


def gomp_parallel(near: str) -> GompParallel | None:
    """GOMP_parallel of the OpenMP library that is loaded from the folder `near`, if there is one."""
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["user_api"] == "openmp" and library["filepath"].startswith(near):
            found: GompParallel | None = getattr(ctypes.CDLL(library["filepath"]), "GOMP_parallel", None)
            if found is not None:
                return found
    return None


def own_threads(count: int) -> Threads:
    """`count` − 1 threads of our own and the caller's."""
    pool = ThreadPoolExecutor(count - 1, thread_name_prefix="backlight")

    def run(function: int, argument: int) -> None:
        others = [pool.submit(callable_at(function), argument) for _ in range(count - 1)]
        callable_at(function)(argument)
        for other in others:
            other.result()

    return Threads(count, run)

"""Kernels run without the interpreter's lock, so plain threads share a machine's cores."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

POLL_SECONDS = 0.1
SLICES_PER_THREAD = 8

Task = Callable[[], None]


def thread_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def slices(count: int, threads: int | None) -> list[slice]:
    """`count` things in slices, several for each thread, so that none waits long for the last."""
    size = max(1, count // (SLICES_PER_THREAD * (threads or thread_count())))
    return [slice(start, start + size) for start in range(0, count, size)]


def run_tasks(
    tasks: Sequence[Task],
    threads: int | None = None,
    stop: NDArray[np.int64] | None = None,
    tick: Callable[[], object] = lambda: None,
) -> None:
    """Runs all tasks; `tick` now and then. On Ctrl-C or a task that fails, sets the flag `stop` and waits."""
    count = min(threads or thread_count(), len(tasks))
    with ThreadPoolExecutor(count, thread_name_prefix="backlight") as pool:
        futures = [pool.submit(task) for task in tasks]
        try:
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, POLL_SECONDS, FIRST_EXCEPTION)
                for future in done:
                    future.result()
                tick()
        except BaseException:
            if stop is not None:
                stop[0] = 1
            for future in futures:
                future.cancel()
            raise


class BlasLimit:
    """Within it BLAS keeps to the calling thread; several threads may be in it at once.

    The limit is one of the whole process: who comes first sets it, who goes last lifts it.
    """

    def __init__(self) -> None:
        self.lock, self.inside, self.limiter = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.limiter.enter_context(blas_libraries().limit(limits=1, user_api="blas"))
            self.inside += 1

    def __exit__(self, *raised: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self.limiter.close()


@cache
def blas_libraries() -> "ThreadpoolController":
    """Those of this process; finding them takes a millisecond."""
    import scipy.linalg.cython_blas  # noqa: F401  # the one that kernels call; loaded, so that it is found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


BLAS_LIMIT = BlasLimit()  # one, as there is one process


def one_blas_thread(needed: bool) -> AbstractContextManager[None]:
    """BLAS keeps to the calling thread, where it is used at all: the threads are the parallelism."""
    return BLAS_LIMIT if needed else nullcontext()

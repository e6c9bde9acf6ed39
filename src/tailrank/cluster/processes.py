"""The cores of this machine: a process each, started fresh, with one thread for every library."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from typing import TypeVar

from tailrank.cluster.attempt import Outcome, attempt_afar
from tailrank.core import SetupError

__all__ = ["on_processes"]

C = TypeVar("C")
R = TypeVar("R")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def on_processes(function: Callable[[C], R], cells: Mapping[int, C], workers: int) -> Generator[tuple[int, Outcome[R]]]:
    """Yield the outcome of each numbered cell as it comes; closing the generator kills what still runs.

    Processes are spawned, not forked: this one may have threads and locks (numba's, torch's) that do not survive
    a fork. Raises `SetupError` where a process dies, which is what a host without memory does to them.
    """
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_obey_the_parent)
    done = 0
    try:
        with _one_thread_each():  # processes start while cells are handed in, and read this before any library does
            futures = {pool.submit(attempt_afar, function, cell): number for number, cell in cells.items()}
        for future in as_completed(futures):
            outcome = _taken(future)
            done += 1
            yield futures[future], outcome
    except BrokenProcessPool as error:
        raise SetupError(
            f"a process of the sweep died with {done} of {len(cells)} cells done",
            hint="memory is the usual reason: use fewer workers; a sweep with a folder goes on where it stopped",
        ) from error
    finally:
        if done < len(cells):
            for process in set(active_children()) - others:
                process.terminate()
        pool.shutdown(cancel_futures=True)


def _taken(future: Future[Outcome[R]]) -> Outcome[R]:
    """Return the outcome; a cell or a result that cannot travel between processes is an error of that cell."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenProcessPool) or not isinstance(error, Exception):
        raise error
    return Outcome(None, 0.0, error)


def _obey_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal: leave the answer to the parent, and end when it ends.

    Without the second a parent that is killed leaves idle processes behind, each with its copies of everything.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started inside use one thread: as many threads as cores in each would fight."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

"""Timing: one thread on one core, processor time of the process, cold rows, every way in turn.

Processor time, since a neighbour that takes the core must not count. Of the whole process, since a library may score
on a thread of its own; what it waits for that thread is then not counted, in its favour. Two workers are timed in wall
time: how they hinder each other is what is asked.
"""

import gc
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rivals.way import Way
from tailrank.core import stream
from tailrank.models import Inputs, Model

__all__ = ["Feed", "differences", "interleaved", "on_one_core", "spread", "two_workers"]

CACHES = 8  # how many times the last level of cache the rows of the prepared items fill
MOST_ITEMS, LEAST_ITEMS = 1 << 18, 1 << 13
MOST_CALLS = 2000  # in one block
ASSUMED_CACHE_BYTES = 32 << 20


def cache_bytes() -> int:
    """Return the size of the last level of cache, as Linux says it."""
    with suppress(OSError, ValueError, IndexError):
        text = max(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")).joinpath("size").read_text().strip()
        return int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}[text[-1]]
    return ASSUMED_CACHE_BYTES


class Feed:
    """Batches that have not been seen for long: prepared items, taken in turn by whoever is timed.

    Items are enough for their rows to fill the cache several times, where memory for the inputs allows.
    """

    def __init__(self, model: Model) -> None:
        assert model.network is not None
        wanted = CACHES * cache_bytes() // max(model.network.embedding_bytes_per_item, 1)
        self.items = int(np.clip(wanted, LEAST_ITEMS, MOST_ITEMS))
        self.inputs, self._at = model.inputs(self.items), 0

    def next(self, items: int) -> Inputs:
        if self._at + items > self.items:
            self._at = 0
        self._at += items
        return tuple(tensor[self._at - items : self._at] for tensor in self.inputs)


def _block(way: Way, feed: Feed, items: int, calls: int) -> float:
    """Return the microseconds a call of `calls` in a row, after one that is not counted."""
    torch.set_float32_matmul_precision(way.matmul)
    run, (first, *rest) = way.run, [way.prepare(feed.next(items)) for _ in range(calls + 1)]
    run(first)
    began = time.process_time_ns()
    for each in rest:
        run(each)
    return (time.process_time_ns() - began) / calls / 1e3


def _calls(way: Way, feed: Feed, items: int, block_s: float) -> int:
    for _ in range(3):  # TorchScript settles after its second run
        _block(way, feed, items, 1)
    return int(np.clip(block_s * 1e6 / max(_block(way, feed, items, 3), 0.1), 1, MOST_CALLS))


def interleaved(
    ways: dict[str, Way], feed: Feed, items: int, *, rounds: int, block_s: float, budget_s: float
) -> dict[str, list[float]]:
    """Return microseconds a batch in each round, of each way; each round takes all in an order of its own.

    Stops after `budget_s`, though not before three rounds.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode(), _no_collection():
        calls = {name: _calls(way, feed, items, block_s) for name, way in ways.items()}
        order, draw, began = list(ways), stream(0, "order", items), time.monotonic()
        for number in range(rounds):
            if number >= 3 and time.monotonic() - began > budget_s:
                break
            draw.shuffle(order)
            for name in order:
                found[name].append(_block(ways[name], feed, items, calls[name]))
    return found


def two_workers(
    ways: dict[str, Way], feed: Feed, items: int, *, rounds: int, block_s: float
) -> dict[str, list[tuple[float, float]]]:
    """Return (items a second of one thread, of two) in each round, each thread on a core of its own."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return {}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    with _no_collection():
        for number in range(rounds):
            for name, way in ways.items():
                torch.set_float32_matmul_precision(way.matmul)
                first = [cores[number % 2]]
                rates = {
                    len(where): _rate(way, feed, items, where, block_s)
                    for where in ((first, cores) if number % 2 else (cores, first))
                }
                found[name].append((rates[1], rates[2]))
    return found


def _rate(way: Way, feed: Feed, items: int, cores: Sequence[int], block_s: float) -> float:
    """Return items a second of one thread a core, all together; each works until the time is over."""
    done, ready = [0.0] * len(cores), threading.Barrier(len(cores))
    prepared = [[way.prepare(feed.next(items)) for _ in range(64)] for _ in cores]

    def work(number: int) -> None:
        os.sched_setaffinity(0, {cores[number]})
        torch.set_num_threads(1)
        run, batches, calls = way.run, prepared[number], 0
        with torch.inference_mode():
            for each in batches[:3]:
                run(each)
            ready.wait()
            began = time.perf_counter()
            while (spent := time.perf_counter() - began) < block_s:
                run(batches[calls % len(batches)])
                calls += 1
        done[number] = calls * items / spent

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(cores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


@contextmanager
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def on_one_core(core: int) -> Iterator[None]:
    """Bind every thread that this process has to `core`, and let them all go afterwards.

    Libraries start threads while they build; a compiler may use all cores.
    """
    everywhere = os.sched_getaffinity(0)
    _bind({core})
    try:
        yield
    finally:
        _bind(everywhere)


def _bind(cores: set[int]) -> None:
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # one that has just ended
            os.sched_setaffinity(int(thread.name), cores)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median and quartiles of what the rounds gave."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return {"us": middle, "q1_us": low, "q3_us": high, "rounds": len(values)}


def differences(ways: dict[str, Way], inputs: Inputs, expected: NDArray[np.float32]) -> dict[str, float]:
    """Return the largest absolute difference of each way's scores from `expected`."""
    with torch.inference_mode():
        return {name: float(np.abs(way.scores(inputs) - expected).max()) for name, way in ways.items()}

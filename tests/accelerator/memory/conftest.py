"""Caches written down as their names say, one access at a time: the oracles."""

import os
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


def lru(keys: Sequence[int], capacity: int, measured_from: int = 0) -> int:
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for time, key in enumerate(keys):
        if key in cache:
            hits += time >= measured_from
            cache.move_to_end(key)
        elif capacity:
            cache[key] = None
            if len(cache) > capacity:
                cache.popitem(last=False)
    return hits


def fifo(keys: Sequence[int], capacity: int, measured_from: int = 0) -> int:
    queue: deque[int] = deque()
    hits = 0
    for time, key in enumerate(keys):
        if key in queue:
            hits += time >= measured_from
        elif capacity:
            queue.append(key)
            if len(queue) > capacity:
                queue.popleft()
    return hits


def static(keys: Sequence[int], capacity: int, measured_from: int = 0) -> int:
    trained = keys[:measured_from] if measured_from else keys
    hot = {key for key, _ in Counter(trained).most_common(capacity)}  # equal counts: the one met first
    return sum(key in hot for key in keys[measured_from:])


NAIVE = {"lru": lru, "fifo": fifo, "static": static}


@pytest.fixture(scope="session")
def naive_hits() -> Callable[..., int]:
    return lambda policy, keys, capacity, measured_from=0: NAIVE[policy](keys, capacity, measured_from)


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets, or a skip."""
    default = Path(__file__).parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("TAILRANK_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set TAILRANK_DATA to its folder")
    return folder

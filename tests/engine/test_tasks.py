"""The queues in front of Python threads: first in, first out; gathered batches leave when they should."""

import threading
import time

import pytest

from tailrank.engine.tasks import GatheredTasks, SingleTasks, Task, Tasks


def task(query: int, size: int, queued_ns: int = 0, stage: int = 0) -> Task:
    return Task(query, stage, 0, size, 0, None, 1 << 60, queued_ns, 0, stage)


def queries(batch: tuple[Task, ...]) -> list[int]:
    return [each.query for each in batch]


@pytest.fixture(params=["single", "gathered"])
def tasks(request: pytest.FixtureRequest) -> Tasks:
    return SingleTasks() if request.param == "single" else GatheredTasks((1,), (0,), lambda: 0)


def test_first_in_first_out(tasks: Tasks) -> None:
    for number in range(5):
        tasks.put(task(number, 1))
    assert tasks.waiting() == 5
    assert [queries(tasks.take()) for _ in range(5)] == [[0], [1], [2], [3], [4]]
    assert tasks.waiting() == 0


def test_closing_sends_every_worker_home(tasks: Tasks) -> None:
    found: list[tuple[Task, ...]] = []
    workers = [threading.Thread(target=lambda: found.append(tasks.take())) for _ in range(3)]
    for worker in workers:
        worker.start()
    tasks.close()
    for worker in workers:
        worker.join(timeout=30)
    assert found == [(), (), ()]


def test_a_batch_is_gathered_up_to_its_limit() -> None:
    tasks = GatheredTasks((10,), (0,), lambda: 0)
    for number, size in enumerate([4, 6, 3, 8, 20]):
        tasks.put(task(number, size))
    assert [queries(tasks.take()) for _ in range(4)] == [[0, 1], [2], [3], [4]]


def test_stages_that_share_no_batch_are_served_one_by_one() -> None:
    tasks = GatheredTasks((10, 10), (-1, 0), lambda: 0)
    for number, stage in enumerate([0, 0, 1, 1, 0]):
        tasks.put(task(number, 2, stage=stage))
    assert [queries(tasks.take()) for _ in range(4)] == [[0], [1], [2, 3], [4]]


def test_a_batch_that_may_grow_waits_for_its_time() -> None:
    began_ns = time.perf_counter_ns()
    tasks = GatheredTasks((10,), (30_000_000,), lambda: time.perf_counter_ns() - began_ns)
    tasks.put(task(0, 4))
    assert queries(tasks.take()) == [0]
    assert time.perf_counter_ns() - began_ns >= 30_000_000


def test_a_batch_that_becomes_full_leaves_at_once() -> None:
    tasks = GatheredTasks((10,), (1 << 60,), lambda: 0)
    later = threading.Timer(0.02, tasks.put, (task(1, 6),))
    tasks.put(task(0, 4))
    later.start()
    assert queries(tasks.take()) == [0, 1]  # or the test's own time limit ends it
    later.join()

"""A worker: take a slice, score it, note the times, merge."""

import threading
import time

from tailrank.engine.run import Run, Task, Worked
from tailrank.engine.scorer import Scorer

__all__ = ["start_workers"]


def start_workers(run: Run) -> list[threading.Thread]:
    """Start the threads of every pool of the plan and return once each is ready to take a slice."""
    count = sum(pool.workers for pool in run.plan.pools.values())
    ready = threading.Barrier(count + 1)
    threads = [
        threading.Thread(target=_work, args=(run, name, number, ready), name=f"{name}-{number}", daemon=True)
        for name, pool in run.plan.pools.items()
        for number in range(pool.workers)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    return threads


def _work(run: Run, pool: str, number: int, ready: threading.Barrier) -> None:
    scorers = [run.scorers[stage.model] for stage in run.plan.stages]
    for scorer in set(scorers):
        scorer.prepare()
    log: list[Worked] = []
    run.worked.append((pool, number, log))
    take, now_ns = run.queues[pool].get, run.clock.now_ns
    ready.wait()
    began = time.thread_time_ns()
    while (task := take()) is not None:
        if run.stopping or task.query in run.errors:
            continue
        start_ns = now_ns()
        try:
            _score(run, scorers[task.stage], task)
        except Exception as error:  # a model that raises fails its query, never the run
            run.fail(task.query, f"{type(error).__name__}: {error}")
            continue
        finish_ns = now_ns()
        log.append(Worked(task, start_ns, finish_ns))
        run.slice_done(task)
    run.meta[f"cpu_ns.{pool}.{number}"] = float(time.thread_time_ns() - began)


def _score(run: Run, scorer: Scorer, task: Task) -> None:
    base = run.base[task.query]
    if task.rows is None:
        scores = scorer.score(task.row + task.first, task.row + task.stop)
    else:
        scores = scorer.score_rows(task.rows)
    run.scores[base + task.first : base + task.stop] = scores

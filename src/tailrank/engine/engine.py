"""The engine: a trace served on this host, in wall time, by real workers.

The dispatcher is the walk: wait for the scheduled instant, split, route, queue; workers score and merge; a
stage that is not the last keeps the best and the query goes round again. The main loop is `_play`.
"""

import gc
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Query, Records, Trace
from tailrank.engine.clock import WallClock, punctual
from tailrank.engine.run import Run, StageDone, Task
from tailrank.engine.scorer import Scorer
from tailrank.engine.worker import start_workers
from tailrank.scheduler import split

__all__ = ["Engine"]

LEAD_NS = 2_000_000  # the trace begins this long after the workers are ready
SWITCH_S = 0.0005  # a thread computing in Python yields the GIL this soon to the dispatcher


class Engine:
    """A `System` of worker threads that share one copy of the weights.

    `scorers` maps the stages' model names to scorers. At most `queue_limit` slices wait in a pool; a query
    that would exceed it is refused and counts as failed, since an open-loop generator must never block.
    `patience_s` bounds the wait for stragglers after the last arrival; what is left then has failed.
    """

    def __init__(
        self,
        scorers: Mapping[str, Scorer],
        *,
        seed: int = 0,
        queue_limit: int = 1 << 18,
        patience_s: float = 10.0,
    ) -> None:
        self.scorers = dict(scorers)
        self.seed = seed
        self.queue_limit = queue_limit
        self.patience_s = patience_s

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve `trace` under `plan` in real time and return what happened.

        Raises `BadInputError` when the plan names a model this engine has no scorer for, or a query has more
        candidates than the scorer has rows.
        """
        return self.serve_scored(trace, plan)[0]

    def serve_scored(self, trace: Trace, plan: Plan) -> tuple[Records, list[NDArray[np.int64]]]:
        """Like `serve`, and also return each query's candidates (positions in the query), best first.

        The answer of a query that failed is empty.
        """
        self._check(trace, plan)
        scorers = {stage.model: self.scorers[stage.model] for stage in plan.stages}
        run = Run(trace, plan, scorers, WallClock(), self.seed)
        with _quiet_interpreter():
            threads = start_workers(run)
            try:
                with punctual() as real_time:
                    run.meta["real_time"] = float(real_time)
                    self._play(run)
                    self._drain(run)
            finally:
                self._stop(run, threads)
        return run.records(), _ranked(run)

    def _play(self, run: Run) -> None:
        """Dispatch every query at its scheduled instant, and stages that follow as they become ready."""
        began_cpu, last_stage = time.thread_time_ns(), len(run.plan.stages) - 1
        run.clock.origin_ns = time.perf_counter_ns() + LEAD_NS
        for query in run.trace:
            if last_stage:
                self._follow_until(run, query.arrival_ns)
            else:
                run.clock.wait_until(query.arrival_ns)
            run.dispatch_ns[query.number] = run.clock.now_ns()
            self._dispatch(run, query, 0, None)
        run.meta["dispatcher_cpu_ns"] = float(time.thread_time_ns() - began_cpu)

    def _dispatch(self, run: Run, query: Query, number: int, rows: NDArray[np.int64] | None) -> None:
        """Split and queue one query's stage; `rows` are the prepared rows an earlier stage kept."""
        stage = run.plan.stages[number]
        slices = split(query.number, query.size, stage, number)
        queue = run.queues[slices[0].pool]
        if queue.qsize() + len(slices) > self.queue_limit:
            run.fail(query.number, f"refused: {self.queue_limit} slices were waiting already")
            return
        with run.lock:
            run.merge.expect(query.number, len(slices))
        row, now_ns, put = run.row[query.number], run.clock.now_ns, queue.put
        for _, _, first, stop, _ in slices:
            part = None if rows is None else rows[first:stop]
            put(Task(query.number, number, first, stop, row, part, now_ns()))

    def _follow_until(self, run: Run, instant_ns: int) -> None:
        """Send queries on to their next stage until `instant_ns`."""
        while (left_ns := instant_ns - run.clock.now_ns()) > 0:
            try:
                self._follow(run, run.inbox.get(timeout=left_ns * 1e-9))
            except Empty:
                return

    def _follow(self, run: Run, done: StageDone) -> None:
        run.kept[done.query] = run.best(done.query, done.stage)
        arrival_ns = int(run.trace.arrival_ns[done.query])
        query = Query(done.query, arrival_ns, len(run.kept[done.query]))
        self._dispatch(run, query, done.stage + 1, run.kept[done.query] + run.row[done.query])

    def _drain(self, run: Run) -> None:
        """Wait for what is still out, at most `patience_s`."""
        until_ns = run.clock.now_ns() + int(self.patience_s * 1e9)
        while not run.idle.is_set() and run.clock.now_ns() < until_ns:
            if len(run.plan.stages) > 1:
                self._follow_until(run, min(until_ns, run.clock.now_ns() + 1_000_000))
            else:
                run.idle.wait(min(0.1, self.patience_s))

    def _stop(self, run: Run, threads: list[threading.Thread]) -> None:
        run.stopping = True
        for name, pool in run.plan.pools.items():
            for _ in range(pool.workers):
                run.queues[name].put(None)
        for thread in threads:
            thread.join()
        for number in np.flatnonzero(run.finish_ns < 0).tolist():
            run.errors.setdefault(number, f"not finished {self.patience_s:g} s after the last arrival")

    def _check(self, trace: Trace, plan: Plan) -> None:
        for number, stage in enumerate(plan.stages):
            if stage.model not in self.scorers:
                raise BadInputError(
                    f"stages.{number}.model: this engine does not hold `{stage.model}`",
                    hint=f"it holds: {', '.join(sorted(self.scorers))}",
                )
            rows = self.scorers[stage.model].rows
            if len(trace) and int(trace.size.max()) > rows:
                raise BadInputError(
                    f"a query of {int(trace.size.max())} candidates is larger than the {rows} prepared",
                    hint="lower the sizes' max_size",
                )
        for name, pool in plan.pools.items():
            if pool.device != "cpu":
                raise BadInputError(
                    f"pools.{name}.device: this engine has no `{pool.device}`", hint="use cpu, or simulate the plan"
                )


def _ranked(run: Run) -> list[NDArray[np.int64]]:
    """Return each query's surviving candidates, best first."""
    last, none = len(run.plan.stages) - 1, np.empty(0, dtype=np.int64)
    return [run.best(number, last) if end >= 0 else none for number, end in enumerate(run.finish_ns.tolist())]


@contextmanager
def _quiet_interpreter() -> Iterator[None]:
    """Keep the garbage collector out of the run and let threads take turns quickly."""
    collecting, switch_s = gc.isenabled(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(switch_s)
        gc.unfreeze()
        if collecting:
            gc.enable()

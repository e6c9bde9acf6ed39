"""The engine: a trace served on this host, in wall time, by real workers.

The dispatcher is the walk: wait for the scheduled instant, route, split, queue; workers score and merge; a stage that
is not the last keeps the best and the query goes round again. Native crews do the latter by themselves (`relayed`), off
the interpreter. The main loop is `_play`.
"""

import gc
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Query, Records, Trace
from tailrank.engine.board import NEVER_NS
from tailrank.engine.clock import punctual
from tailrank.engine.early import Sending
from tailrank.engine.hire import CrewKind, hire, native_pools
from tailrank.engine.relay import relayed
from tailrank.engine.run import Answer, Run, Scorers, taken
from tailrank.engine.scorer import Scorer
from tailrank.engine.thread_crew import ThreadCrew
from tailrank.engine.watch import Watch
from tailrank.scheduler import Choice, decide, route
from tailrank.timing import ServiceTime

__all__ = ["Engine"]

LEAD_NS = 2_000_000  # the trace begins this long after the workers are ready
LONGEST_WAIT_NS = 50_000_000  # off the interpreter at a time, so that an interrupt is heard
SWITCH_S = 0.0005  # a thread computing in Python yields the GIL this soon to the dispatcher


class Engine:
    """A `System` of worker threads that share one copy of the weights.

    `scorers` maps the stages' model names to scorers, and (model, device) where a pool's device is not the CPU. At
    most `queue_limit` slices wait in a pool; a query that would exceed it is refused and counts as failed, since an
    open-loop generator must never block. A slice that has not started `deadline_ms` after the query's arrival fails
    the query. `patience_s` bounds the wait for stragglers after the last arrival; what is left then has failed.

    `crew` is `native` (threads off the GIL), `threads` (Python's) or `auto` (native where the scorers can). `pin` gives
    each worker a core of its own; `spin_ns` is how long a native worker without work may spin (see `NativeCrew`).

    Plans that decide by the state of the pools (docs/decisions/0009) and plans whose stages feed early (0011) are
    served by Python's threads. `services`, by (model, pool), say how long batches of the former should take; without,
    the engine learns it while it serves.
    """

    def __init__(
        self,
        scorers: Mapping[str | tuple[str, str], Scorer] | Mapping[str, Scorer],
        *,
        seed: int = 0,
        queue_limit: int = 1 << 18,
        patience_s: float = 10.0,
        deadline_ms: float | None = None,
        crew: CrewKind = "auto",
        pin: bool = False,
        spin_ns: int | None = None,
        services: Mapping[tuple[str, str], ServiceTime] | None = None,
    ) -> None:
        self.scorers: dict[str | tuple[str, str], Scorer] = dict(scorers.items())
        self.seed = seed
        self.queue_limit = queue_limit
        self.patience_s = patience_s
        self.deadline_ns = NEVER_NS if deadline_ms is None else round(deadline_ms * 1e6)
        self.crew: CrewKind = crew
        self.pin = pin
        self.spin_ns = spin_ns
        self.services = dict(services or {})

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve `trace` under `plan` in real time and return what happened.

        Raises `BadInputError` when the plan names a model or device this engine has no scorer for, or takes more
        candidates of a query than the scorer has rows.
        """
        return self._serve(trace, plan, None, answered=False)[0]

    def serve_scored(
        self, trace: Trace, plan: Plan, starts: NDArray[np.int64] | None = None
    ) -> tuple[Records, list[Answer]]:
        """Like `serve`, and also return each query's answer: its best candidates, best first, with their scores.

        `starts` (n,) are the prepared rows at which each query's candidates begin (absent: drawn by `seed`); all
        stages' scorers number rows alike. Candidates with equal scores rank in the order of the query. Raises
        `BadInputError` where candidates would lie beyond the rows.
        """
        records, run = self._serve(trace, plan, starts, answered=True)
        return records, run.answers()

    def _serve(
        self, trace: Trace, plan: Plan, starts: NDArray[np.int64] | None, *, answered: bool
    ) -> tuple[Records, Run]:
        scorers = self._scorers(taken(trace, plan), plan)
        native = native_pools(plan, scorers, self.crew)
        on = relayed(plan, native)
        run = Run(
            trace, plan, scorers, self.seed, native_board=bool(native), starts=starts, relayed=on, answered=answered
        )
        run.meta |= {f"native.{name}": float(name in native) for name in plan.pools} | {"relayed": float(on)}
        run.crews = hire(run, native, pin=self.pin, spin_ns=self.spin_ns, queue_limit=self.queue_limit)
        if plan.dynamic:
            crews = {name: crew for name, crew in run.crews.items() if isinstance(crew, ThreadCrew)}
            run.watch = Watch(plan, run.taken, crews, self.services)
        with _quiet_interpreter():
            try:
                for crew in run.crews.values():
                    crew.start()
                with punctual() as real_time:
                    run.meta["real_time"] = float(real_time)
                    self._play(run)
                    self._drain(run)
            finally:
                for crew in run.crews.values():
                    crew.stop()
        return run.records(unfinished=f"not finished {self.patience_s:g} s after the last arrival"), run

    def _play(self, run: Run) -> None:
        """Dispatch every query at its scheduled instant, and stages that follow as they become ready.

        Not those where the workers themselves send queries on: then the dispatcher only sleeps until the next instant.
        """
        began_cpu, follows = time.thread_time_ns(), len(run.plan.stages) > 1 and not run.relayed
        run.begin(LEAD_NS)
        for query in run.taken:
            if follows:
                self._follow_until(run, query.arrival_ns)
            else:
                run.clock.wait_until(query.arrival_ns)
            run.dispatch_ns[query.number] = run.clock.now_ns()
            if run.course is None:
                self._dispatch(run, query, 0, None)
            else:
                self._send(run, run.course.begin(query.number))
        run.meta["dispatcher_cpu_ns"] = float(time.thread_time_ns() - began_cpu)

    def _dispatch(self, run: Run, query: Query, stage: int, rows: NDArray[np.int64] | None) -> None:
        """Queue one query's stage; `rows` are the prepared rows an earlier stage kept."""
        number, size, plan, watch = query.number, query.size, run.plan.stages[stage], run.watch
        deadline_ns = min(query.arrival_ns + self.deadline_ns, NEVER_NS)
        if watch is None:
            taken = run.crews[route(size, plan)].submit(number, stage, size, rows, deadline_ns)
        else:
            choice = decide(size, stage, plan, watch)
            taken = watch.crews[choice.pool].submit_as(number, stage, size, rows, deadline_ns, choice)
        if not taken:
            run.board.fail(query.number, self._refusal())

    def _send(self, run: Run, sending: Sending) -> None:
        """Queue a group of candidates, in a plan whose stages feed early."""
        number, stage, pool, first, size, step, ticket, candidates = sending
        rows = None if candidates is None else candidates + run.row[number]
        deadline_ns = min(int(run.trace.arrival_ns[number]) + self.deadline_ns, NEVER_NS)
        crew = run.crews[pool]
        assert isinstance(crew, ThreadCrew)
        choice = Choice(pool, step)
        if not crew.submit_as(number, stage, size, rows, deadline_ns, choice, begin=first, ticket=ticket):
            run.board.fail(number, self._refusal())

    def _refusal(self) -> str:
        return f"refused: {self.queue_limit} slices were waiting already"

    def _follow_until(self, run: Run, instant_ns: int) -> None:
        """Send queries on to their next stage until `instant_ns`."""
        while (left_ns := instant_ns - run.clock.now_ns()) > 0:
            self._follow_for(run, min(left_ns, LONGEST_WAIT_NS))

    def _follow_for(self, run: Run, timeout_ns: int) -> None:
        """Wait until queries, or parts of them, have been through a stage, and send them on."""
        if run.course is None:
            for number, stage in run.board.wait(timeout_ns):
                self._follow(run, number, stage)
        else:
            for sending in run.course.wait(timeout_ns):
                self._send(run, sending)

    def _follow(self, run: Run, number: int, stage: int) -> None:
        """Send a query on that has been through `stage`."""
        best = run.send_on(number, stage)
        query = Query(number, int(run.trace.arrival_ns[number]), len(best))
        self._dispatch(run, query, stage + 1, best + run.row[number])

    def _drain(self, run: Run) -> None:
        """Wait for what is still out, at most `patience_s`."""
        until_ns = run.clock.now_ns() + int(self.patience_s * 1e9)
        while not run.board.idle and (left_ns := until_ns - run.clock.now_ns()) > 0:
            self._follow_for(run, min(left_ns, LONGEST_WAIT_NS))

    def _scorers(self, trace: Trace, plan: Plan) -> Scorers:
        """Return the scorer of each stage on each pool it may go to."""
        largest, scorers = int(trace.size.max(initial=0)), {}
        for number, stage in enumerate(plan.stages):
            for pool in (stage.pool, stage.offload_pool):
                if pool is None:
                    continue
                scorer = self._scorer(number, stage.model, pool, plan.pools[pool].device)
                if largest > scorer.rows:
                    raise BadInputError(
                        f"a query of {largest} candidates is larger than the {scorer.rows} prepared",
                        hint="lower the sizes' max_size",
                    )
                scorers[number, pool] = scorer
        return scorers

    def _scorer(self, stage: int, model: str, pool: str, device: str) -> Scorer:
        scorer = self.scorers.get(model if device == "cpu" else (model, device))
        if scorer is not None:
            return scorer
        models = sorted({key if isinstance(key, str) else key[0] for key in self.scorers})
        if model not in models:
            raise BadInputError(
                f"stages.{stage}.model: this engine does not hold `{model}`", hint=f"it holds: {', '.join(models)}"
            )
        raise BadInputError(
            f"pools.{pool}.device: this engine has no `{device}` for `{model}`", hint="use cpu, or simulate the plan"
        )


@contextmanager
def _quiet_interpreter() -> Iterator[None]:
    """Keep the garbage collector out of the run and let threads take turns quickly."""
    collecting, switch_s = gc.isenabled(), sys.getswitchinterval()
    gc.collect()
    gc.disable()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(switch_s)
        if collecting:
            gc.enable()

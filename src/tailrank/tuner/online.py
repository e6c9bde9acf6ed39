"""Serving with a plan that changes between windows, and the account of how that went.

`Controlled` is a `System` around any other: the engine, the simulator, a fake. The policy knows the past only.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Records, SliceRecords, System, Trace
from tailrank.metrics import SLATarget, percentile
from tailrank.metrics.saturation import busy_ns
from tailrank.tuner.controller import Policy, Seen
from tailrank.tuner.plan_table import Power

__all__ = ["Account", "Controlled", "Step", "account", "window_loads"]

I64 = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
ROWS = ("query", "stage", "first", "size", "pool", "worker", "queued_ns", "start_ns", "finish_ns")


@dataclass(frozen=True)
class Step:
    """Windows `first` to `stop` (excluded) were served under `plan`, which took over `ready_ns` into the trace."""

    first: int
    stop: int
    plan: Plan
    ready_ns: int


class Controlled:
    """Serves a trace in windows of `window_s`; before each, `policy` may change the plan.

    A change waits until the old plan's queries are done, and queries that arrive meanwhile wait for it: that wait is
    in their latency. While the plan stays, nothing waits. The policy sees of a window what has happened by its end.

    Give `repeatable` systems (the simulator: the same trace and plan give the same records, and later queries do not
    change earlier ones) and windows of one plan are served as one piece, exactly as if it ran on: they are served
    again with more windows behind them, three to four times in all. Other systems (the engine) serve each window
    once, and the system runs empty at the end of every window. `steps` tells which plan served when.

    A plan that cannot keep up is replaced at the end of a window, and its queue is served to the end under it: the
    longer the window, the longer the queue. Some tenths of a second are usual: as short as still hold the hundred
    queries that tell a load from noise.
    """

    def __init__(
        self, system: System, policy: Policy, target: SLATarget, *, window_s: float = 0.25, repeatable: bool = True
    ) -> None:
        if not 1e-6 <= window_s <= 1e9:
            raise BadInputError(
                f"a window lasts from a microsecond up, not {window_s:g} s", hint="some tenths of a second are usual"
            )
        self.system, self.policy, self.target = system, policy, target
        self.window_ns, self.repeatable = round(window_s * 1e9), repeatable
        self.steps: tuple[Step, ...] = ()

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve `trace`; the policy is asked first, and `plan` is what it may begin with.

        `Records.meta` holds `windows`, `changes`, and `utilisation.p` of each pool p as the simulator's does.
        """
        walk = _Walk(trace, self.window_ns, self.target)
        steps, first, ready_ns = [], 0, 0
        plan = self.policy.start(plan)
        while first < walk.windows:
            steps.append(Step(first, first, plan, ready_ns))
            stop, after = self._step(walk, steps[-1])
            steps[-1] = Step(first, stop, plan, ready_ns)
            walk.keep()
            first, plan, ready_ns = stop, after, walk.idle_ns
        self.steps = tuple(steps)
        return walk.records(steps)

    def _step(self, walk: "_Walk", step: Step) -> tuple[int, Plan]:
        """Serve windows under one plan until the policy changes it; return the first window left and its plan."""
        judged, ahead = step.first, 1
        while True:
            stop = min(step.first + ahead, walk.windows)
            walk.serve(self.system, step, stop)
            for window in range(judged, stop):
                after = self.policy.observe(walk.seen(window))
                if after != step.plan:
                    if window + 1 < stop:
                        walk.serve(self.system, step, window + 1)
                    return window + 1, after
            if stop == walk.windows or not self.repeatable:
                return stop, step.plan
            judged, ahead = stop, 2 * ahead


class _Walk:
    """What has been served so far; the piece being tried replaces itself until it is kept."""

    def __init__(self, trace: Trace, window_ns: int, target: SLATarget) -> None:
        self.trace, self.window_ns, self.target = trace, window_ns, target
        self.windows = trace.duration_ns // window_ns + 1 if len(trace) else 0
        self.edges = np.searchsorted(trace.arrival_ns, np.arange(self.windows + 1, dtype=np.int64) * window_ns)
        self.finish_ns = np.full(len(trace), -1, dtype=np.int64)
        self.dispatch_ns = trace.arrival_ns.copy()
        self.idle_ns = 0  # when the last of all kept queries was done
        self.longest_ns = 0
        self._kept: list[_Piece] = []
        self._piece: _Piece | None = None

    def serve(self, system: System, step: Step, stop: int) -> None:
        """Serve windows `step.first` to `stop` (excluded) as one piece."""
        low, high = int(self.edges[step.first]), int(self.edges[stop])
        base_ns = step.first * self.window_ns
        arrival_ns = np.maximum(self.trace.arrival_ns[low:high], step.ready_ns) - base_ns
        self._piece = None
        if low == high:
            return
        records = system.serve(Trace(arrival_ns, self.trace.size[low:high]), step.plan)
        self._piece = _Piece(records, step.plan, low, base_ns)
        self.dispatch_ns[low:high] = records.dispatch_ns + base_ns
        self.finish_ns[low:high] = np.where(records.ok, records.finish_ns + base_ns, -1)

    def keep(self) -> None:
        """The piece last served is how it was."""
        if self._piece is not None:
            self._kept.append(self._piece)
            low, count = self._piece.low, len(self._piece.records)
            finish_ns = self.finish_ns[low : low + count]
            self.idle_ns = max(self.idle_ns, int(finish_ns.max()))
            self.longest_ns = max(self.longest_ns, int((finish_ns - self.trace.arrival_ns[low : low + count]).max()))
        self._piece = None

    def seen(self, window: int) -> Seen:
        """Return what can be known when `window` ends. A query that fails is known, as endless, as it arrives."""
        low, high = int(self.edges[window]), int(self.edges[window + 1])
        start_ns, end_ns = window * self.window_ns, (window + 1) * self.window_ns
        oldest = low if self._piece is None else min(low, self._piece.low)
        oldest = min(oldest, int(np.searchsorted(self.trace.arrival_ns, start_ns - self.longest_ns)))
        arrival_ns, finish_ns = self.trace.arrival_ns[oldest:high], self.finish_ns[oldest:high]
        failed = (finish_ns < 0) & (arrival_ns >= start_ns)
        mine = failed | ((finish_ns > start_ns) & (finish_ns <= end_ns))
        latency_ns = np.where(failed, NEVER, finish_ns - arrival_ns)[mine]
        tail_ns = percentile(latency_ns, self.target.percentile) if len(latency_ns) else 0
        return Seen(
            window=window,
            offered_qps=(high - low) / self.window_ns * 1e9,
            finished=len(latency_ns),
            tail_ms=math.inf if tail_ns == NEVER else tail_ns / 1e6,
        )

    def records(self, steps: list[Step]) -> Records:
        """Return everything kept as one run."""
        slices = _joined(self._kept)
        changes = sum(step.plan != before.plan for before, step in pairwise(steps))
        meta = {"windows": float(self.windows), "changes": float(changes), **self._utilisation()}
        errors = {piece.low + query: why for piece in self._kept for query, why in piece.records.errors.items()}
        return Records(self.trace.arrival_ns, self.trace.size, self.dispatch_ns, self.finish_ns, slices, errors, meta)

    def _utilisation(self) -> dict[str, float]:
        if not self._kept:
            return {}
        whole_ns = max(1, self.idle_ns - int(self.trace.arrival_ns[0]))
        busy: dict[str, float] = {}
        for piece in self._kept:
            for name, worked_ns in piece.worked_ns().items():
                busy[name] = busy.get(name, 0.0) + worked_ns / piece.plan.pools[name].workers
        return {f"utilisation.{name}": share / whole_ns for name, share in busy.items()}


@dataclass(frozen=True, eq=False)
class _Piece:
    """Records of the queries from number `low`, on a clock that began `base_ns` into the trace."""

    records: Records
    plan: Plan
    low: int
    base_ns: int

    def worked_ns(self) -> dict[str, float]:
        """Return worker time spent in each pool; noted by the simulator, else read off the slices."""
        records = self.records
        whole_ns = max(1, int(records.finish_ns.max()) - int(records.arrival_ns[0]))
        noted = {name: records.meta.get(f"utilisation.{name}") for name in self.plan.pools}
        found = {n: share * self.plan.pools[n].workers * whole_ns for n, share in noted.items() if share is not None}
        if found or len(records.slices) == 0:
            return found
        return {
            name: float(busy) for name, (busy, _) in zip(records.slices.pools, busy_ns(records.slices), strict=True)
        }


def _joined(pieces: list[_Piece]) -> SliceRecords:
    """Return the slices of all pieces on the trace's clock; pieces without slices add none."""
    parts = [piece for piece in pieces if len(piece.records.slices)]
    pools = parts[0].records.slices.pools if parts else ("cpu",)
    if any(piece.records.slices.pools != pools for piece in parts):
        raise BadInputError(
            "plans with different pools served one trace", hint="give plans that differ in batch sizes and thresholds"
        )
    columns: dict[str, list[I64]] = {name: [] for name in ROWS}
    for piece in parts:
        for name in ROWS:
            shift = piece.low if name == "query" else piece.base_ns if name.endswith("_ns") else 0
            columns[name].append(getattr(piece.records.slices, name) + shift)
    empty = np.zeros(0, dtype=np.int64)
    query, stage, first, size, pool, worker, queued, start, finish = (
        np.concatenate([empty, *columns[name]]) for name in ROWS
    )
    return SliceRecords(query, stage, first, size, pool, worker, queued, start, finish, pools)


@dataclass(frozen=True)
class Account:
    """How a day went: who was late, how late, and at what energy.

    A window counts as late when the target's percentile of the queries that arrived in it exceeds the target; windows
    with fewer than 20 queries are left out of `windows`. `tail_ms` is of all queries, `window_tail_ms` the median
    over windows. `power_w` is the mean over the run, None without a power model.
    """

    windows: int
    late_windows: int
    queries: int
    late_queries: int
    tail_ms: float
    window_tail_ms: float
    p50_ms: float
    changes: int
    power_w: float | None
    energy_j: float | None

    @property
    def late_window_share(self) -> float:
        """Share of the windows that were late."""
        return self.late_windows / self.windows if self.windows else 0.0

    @property
    def late_query_share(self) -> float:
        """Share of the queries beyond the target's latency."""
        return self.late_queries / self.queries if self.queries else 0.0


FEW = 20


def account(records: Records, target: SLATarget, *, window_s: float, power: Power | None = None) -> Account:
    """Judge `records` window by window; a query that failed is infinitely late."""
    if len(records) == 0:
        raise BadInputError("the run has no queries", hint="ask for at least one query")
    latency_ns: I64 = np.where(records.ok, records.finish_ns - records.arrival_ns, NEVER)
    window = records.arrival_ns // round(window_s * 1e9)
    edges = np.flatnonzero(np.diff(window, prepend=-1, append=int(window[-1]) + 1))
    parts = [latency_ns[low:high] for low, high in pairwise(edges) if high - low >= FEW]
    tails_ms = [_ms(percentile(part, target.percentile)) for part in parts]
    shares = {key.removeprefix("utilisation."): v for key, v in records.meta.items() if key.startswith("utilisation.")}
    power_w = None if power is None else power({name: min(share, 1.0) for name, share in shares.items()})
    run_s = (int(records.finish_ns.max()) - int(records.arrival_ns[0])) / 1e9
    return Account(
        windows=len(parts),
        late_windows=sum(tail > target.latency_ms for tail in tails_ms),
        queries=len(records),
        late_queries=int(np.count_nonzero(latency_ns > target.latency_ns)),
        tail_ms=_ms(percentile(latency_ns, target.percentile)),
        window_tail_ms=float(np.median(tails_ms)) if tails_ms else math.nan,
        p50_ms=_ms(percentile(latency_ns, 50)),
        changes=int(records.meta.get("changes", 0)),
        power_w=power_w,
        energy_j=None if power_w is None else power_w * run_s,
    )


def window_loads(trace: Trace, window_s: float) -> tuple[float, ...]:
    """Return the queries per second that arrive in each window of `window_s`, the last one short or not."""
    if len(trace) == 0:
        return ()
    window_ns = round(window_s * 1e9)
    counts = np.bincount(trace.arrival_ns // window_ns)
    return tuple((counts / window_ns * 1e9).tolist())


def _ms(latency_ns: int) -> float:
    return math.inf if latency_ns == NEVER else latency_ns / 1e6

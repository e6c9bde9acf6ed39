"""The way the papers and most teams serve, as a `System`: processes with model copies of their own, and queues."""

import multiprocessing as mp
import threading
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Records, SliceRecords, Trace, stream
from tailrank.engine.clock import WallClock, punctual
from tailrank.scheduler import split

__all__ = ["Collected", "PapersWay"]

LEAD_NS = 2_000_000  # as our engine: the trace begins this long after the workers are ready


class Batch(NamedTuple):
    """What a queue carries to a worker: the arrays of one slice's inputs."""

    run: int
    query: int
    first: int
    inputs: tuple[NDArray[Any], ...]


class Scored(NamedTuple):
    """What comes back."""

    run: int
    query: int
    first: int
    worker: int
    start_ns: int
    finish_ns: int
    scores: NDArray[np.float32] | None  # None: dropped; of no query: a worker is ready, or a run ends


def work(
    network: str, memory_bytes: int, seed: int, merged: bool, number: int, current: Any, tasks: Any, results: Any
) -> None:
    """Be a worker: build a model, then score what comes; batches of a run that was given up are dropped."""
    import torch

    from tailrank.models import build as build_model

    torch.set_num_threads(1)
    model = build_model(network, memory_bytes=memory_bytes, seed=seed)
    if not merged:
        tables_apart(model)
    for items in (1, 64, 1000):
        inputs = tuple(each.numpy() for each in model.inputs(items))
        model.score(tuple(torch.from_numpy(each) for each in (inputs if merged else ids_apart(model, inputs))))
    results.put(Scored(-1, -1, 0, number, 0, 0, None))
    while (batch := tasks.get()) is not None:
        if batch.run != current.value:
            results.put(Scored(batch.run, batch.query, batch.first, number, 0, 0, None))
            continue
        start_ns = time.perf_counter_ns()
        scores = model.score(tuple(torch.from_numpy(each) for each in batch.inputs)).numpy()
        finish_ns = time.perf_counter_ns()
        results.put(Scored(batch.run, batch.query, batch.first, number, start_ns, finish_ns, scores))


def tables_apart(model: Any) -> None:
    """Let `model` look up as DLRM's public code does, and most teams': one embedding bag a table, int64 ids of its own.

    Tables stay where they are; a lookup over several of them becomes a call for each.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own name for it

    from tailrank.models.layers import Lookup

    for block in model.module.modules():
        if not isinstance(block, Lookup) or block.sequence:
            continue
        weights = torch.split(block.weight.data, _rows_of(model.network, block.weight.shape[0]))

        def apart(ids: Any, weights: Any = weights, pooling: int = block.pooling) -> Any:
            bags = [
                F.embedding_bag(ids[:, number * pooling : (number + 1) * pooling], weight, mode="sum")
                for number, weight in enumerate(weights)
            ]
            return torch.stack(bags, dim=1)

        block.forward = apart


def ids_apart(model: Any, inputs: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    """Return `inputs` with int64 ids, each a row of its own table where tables are looked up apart."""
    network = model.network
    found: list[NDArray[Any]] = [inputs[0]] if network.dense else []
    for group, ids in zip(network.groups, inputs[len(found) :], strict=True):
        tables = [table for table in network.tables if table.group == group]
        wide = ids.astype(np.int64)
        if not tables[0].sequence and group != "wide":
            offsets = np.concatenate([[0], np.cumsum([table.rows for table in tables])[:-1]])
            wide = wide - np.repeat(offsets, [table.pooling for table in tables])
        found.append(wide)
    return tuple(found)


def _rows_of(network: Any, rows: int) -> list[int]:
    """Return the rows of each table of the group that has `rows` rows in all."""
    for group in network.groups:
        found = [table.rows for table in network.tables if table.group == group]
        if sum(found) == rows:
            return found
    raise ValueError(f"no group of tables has {rows} rows in all")


class PapersWay:
    """A `System` of processes and queues. Use it in a `with` block: it owns the processes.

    With `merged` the processes run our module, whose tables are one; without, tables are looked up apart.
    """

    def __init__(
        self,
        network: str,
        inputs: tuple[NDArray[Any], ...],
        *,
        workers: int,
        memory_bytes: int,
        merged: bool = False,
        patience_s: float = 10,
    ) -> None:
        self.inputs, self.rows, self.workers, self.patience_s = inputs, len(inputs[0]), workers, patience_s
        context = mp.get_context("spawn")
        self.last: Collected | None = None
        self.tasks, self.results = context.Queue(), context.Queue()
        self.current = context.Value("q", 0)
        self.processes = [
            context.Process(
                target=work,
                args=(network, memory_bytes, 0, merged, number, self.current, self.tasks, self.results),
                daemon=True,
            )
            for number in range(workers)
        ]

    def __enter__(self) -> "PapersWay":
        for process in self.processes:
            process.start()
        for _ in self.processes:
            self.results.get(timeout=300)
        return self

    def __exit__(self, *_: object) -> None:
        self.current.value += 1
        for _ in self.processes:
            self.tasks.put(None)
        for process in self.processes:
            process.join(timeout=10)
            if process.is_alive():
                process.terminate()

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve `trace` with slices of the plan's batch size; its pool must have as many workers as there are."""
        stage = plan.stages[0]
        assert len(plan.stages) == 1
        assert plan.pools[stage.pool].workers == self.workers
        self.current.value += 1
        run = self.last = Collected(trace, self.current.value)
        collector = threading.Thread(target=run.collect, args=(self.results,), daemon=True)
        collector.start()
        run.rows = rows = (
            (stream(0, "rows").random(len(trace)) * (self.rows - trace.size + 1)).astype(np.int64).tolist()
        )
        clock = WallClock(LEAD_NS)
        run.origin_ns = clock.origin_ns
        began_cpu = time.thread_time_ns()
        with punctual():
            for query in trace:
                clock.wait_until(query.arrival_ns)
                run.dispatch_ns[query.number] = clock.now_ns()
                slices = split(query.number, query.size, stage, 0)
                run.left[query.number] = len(slices)
                for _, _, first, stop, _ in slices:
                    begin = rows[query.number] + first
                    inputs = tuple(each[begin : begin + stop - first] for each in self.inputs)
                    run.queued_ns[query.number, first] = clock.now_ns()
                    self.tasks.put(Batch(run.number, query.number, first, inputs))
                    run.sent += 1
            cpu_ns = time.thread_time_ns() - began_cpu
            run.idle.wait(self.patience_s)
        self.current.value += 1  # what is still queued is dropped, and none of it left for the next run
        self.results.put(Scored(run.number, -1, 0, 0, 0, 0, None))
        collector.join()
        return run.records(float(cpu_ns))


class Collected:
    """What came back in one run."""

    def __init__(self, trace: Trace, number: int) -> None:
        self.trace, self.number, self.origin_ns = trace, number, 0
        self.dispatch_ns = np.full(len(trace), -1, dtype=np.int64)
        self.finish_ns = np.full(len(trace), -1, dtype=np.int64)
        self.rows: list[int] = []  # where each query's candidates begin
        self.queued_ns: dict[tuple[int, int], int] = {}
        self.left: dict[int, int] = {}
        self.sent = 0  # batches
        self.idle = threading.Event()
        self._rows: list[tuple[int, ...]] = []
        self._scores: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
        self.scores: dict[int, NDArray[np.float32]] = {}  # of finished queries

    def collect(self, results: Any) -> None:
        """Merge until the run ends and every batch is back, scored or dropped."""
        returned, ending = 0, False
        while not (ending and returned == self.sent):
            found: Scored = results.get()
            if found.query < 0:
                ending = True
                continue
            returned += 1
            if found.scores is not None:
                self._merge(found, found.scores)

    def _merge(self, found: Scored, scores: NDArray[np.float32]) -> None:
        start_ns, finish_ns = found.start_ns - self.origin_ns, found.finish_ns - self.origin_ns
        queued_ns = self.queued_ns[found.query, found.first]
        self._rows.append((found.query, found.first, len(scores), found.worker, queued_ns, start_ns, finish_ns))
        parts = self._scores.setdefault(found.query, [])
        parts.append((found.first, scores))
        self.left[found.query] -= 1
        if self.left[found.query] == 0:
            self.scores[found.query] = np.concatenate([part for _, part in sorted(parts, key=lambda part: part[0])])
            self.finish_ns[found.query] = time.perf_counter_ns() - self.origin_ns
            if len(self.scores) == len(self.trace):
                self.idle.set()

    def records(self, cpu_ns: float) -> Records:
        table = np.array(sorted(self._rows, key=lambda row: row[4]), dtype=np.int64).reshape(-1, 7)
        query, first, size, worker, queued, start, finish = (np.ascontiguousarray(column) for column in table.T)
        none = np.zeros_like(query)
        slices = SliceRecords(query, none, first, size, none, worker, queued, start, finish)
        late = {int(number): "not finished in time" for number in np.flatnonzero(self.finish_ns < 0)}
        arrival_ns, size_of = self.trace.arrival_ns, self.trace.size
        meta = {"dispatcher_cpu_ns": cpu_ns}
        return Records(arrival_ns, size_of, self.dispatch_ns, self.finish_ns, slices, late, meta)

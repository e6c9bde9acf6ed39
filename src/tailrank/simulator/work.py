"""What the kernels work from: the pools, and how long each slice of each stage takes.

Both kernels read the same `Work`; they differ only in how they keep time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Trace
from tailrank.scheduler import kept, split_all
from tailrank.timing import BUCKETS, QUANTILES, Overheads, ServiceTable, ServiceTime

__all__ = [
    "GIVEN",
    "I64",
    "Early",
    "Loads",
    "Services",
    "StageLoad",
    "Tables",
    "Walked",
    "Work",
    "bounds",
    "given_times",
    "reach",
    "relayed",
    "tables",
]

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Services = Mapping[tuple[str, str], ServiceTime]  # (stage's model, pool) -> service time
Tables = dict[tuple[int, str], ServiceTable]  # (stage number, pool) -> table
GIVEN = ServiceTable(np.zeros((1, 1)), np.ones((BUCKETS, QUANTILES)))  # stands where times are given, never read


@dataclass(frozen=True)
class StageLoad:
    """What a trace asks of one stage: slices, and the largest slice of the pool and of the offload pool (0: none)."""

    slices: int
    largest: int
    largest_offloaded: int


Loads = list[StageLoad]  # one a stage


@dataclass(frozen=True, eq=False)
class Early:
    """Parts of queries in stages that feed early (see `scheduler.lay_out`); queries of one size share a layout.

    Query q has layout `which[q]`, of shape (n,). Layout l has `totals[l, stage]` candidates to choose among in a stage,
    and there the rows `at[l, stage]` to `at[l, stage + 1]` of `table`: a part's size, how many candidates it gives, and
    the first candidate and the first part that they become in the next stage. Part p of query q in a stage that feeds
    `exact` gives `hits[hits_at[q, stage] + p]` candidates that the whole stage keeps, too.
    """

    which: I64
    totals: I64
    at: I64
    table: I64
    hits: I64
    hits_at: I64


@dataclass(frozen=True, eq=False)
class Work:
    """Service times of a run.

    `tables[stage, pool]` says how long batches take there. `draws[stage]` (uint8, one a slice in dispatch
    order) are the noise quantiles; empty where the noise is flat. `given[stage]`, when there, replaces both:
    the time of every slice in the order of `split_all`, competition and contention included. `early` are the parts of
    queries where stages feed early.
    """

    tables: Tables
    draws: tuple[U8, ...]
    given: tuple[I64, ...] = ()
    early: Early | None = None


@dataclass(frozen=True, eq=False)
class Walked:
    """What a kernel gives back: `dispatch_ns` and `finish_ns` of shape (n,), `rows` of shape (9, m) or (9, 0).

    The rows are the columns of `SliceRecords` in its order. `busy_ns`, `served` (slices) and `batches` (None: each
    slice was one) have shape (pools,), pools in the plan's order. `jobs` is how often the dispatcher took something up;
    None: once a query and stage. Where it was `relayed`, the dispatcher had the first stage only.
    """

    dispatch_ns: I64
    finish_ns: I64
    rows: I64
    busy_ns: I64
    served: I64
    batches: I64 | None = None
    jobs: int | None = None
    relayed: bool = False


def relayed(plan: Plan, overheads: Overheads) -> bool:
    """Return whether workers, not the dispatcher, send queries on to their next stage."""
    return overheads.relayed and len(plan.stages) > 1 and not plan.dynamic and not plan.feeds_early


def reach(plan: Plan) -> list[int]:
    """Return how many candidates can reach each stage at most; a very large number where nothing was cut."""
    caps = [int(np.iinfo(np.int64).max) if plan.take is None else plan.take]
    for stage in plan.stages[:-1]:
        caps.append(kept(caps[-1], stage.keep))
    return caps


def bounds(trace: Trace, plan: Plan) -> Loads:
    """Return the most that `trace` may ask of each stage of `plan`, whose pools decide what becomes of a query.

    Slices that adapt are as many as without, or as many as there are workers. A combined batch may be as large as its
    limit, and a queue-aware stage may send its largest query either way.
    """
    found = []
    for stage, most in zip(plan.stages, reach(plan), strict=True):
        size = np.minimum(trace.size, most)
        away = size >= (stage.offload_at or np.iinfo(np.int64).max)
        slices = -(-size // stage.batch_size)
        if stage.adapt:
            parts = -(-size // min(stage.least_batch, stage.batch_size))
            slices = np.maximum(slices, np.minimum(parts, plan.pools[stage.pool].workers))
        here = np.ones(len(size), bool) if stage.queue_aware else ~away
        largest = min(int(size[here].max(initial=0)), stage.batch_size)
        offloaded = int(size[away].max(initial=0))
        if stage.combine_wait_us is not None:
            together = int(size.sum())
            largest = min(together, stage.batch_size) if largest else 0
            if stage.offload_pool is not None and offloaded:
                offloaded = max(offloaded, min(together, stage.batch_limit(stage.offload_pool)))
        found.append(StageLoad(int(np.where(here, slices, 1).sum()), largest, offloaded))
    return found


def tables(plan: Plan, services: Services, loads: Loads) -> Tables:
    """Return the table of every (stage, pool) that serves a slice; raises `BadInputError` where one is missing."""
    found: Tables = {}
    for number, (stage, load) in enumerate(zip(plan.stages, loads, strict=True)):
        for pool, items in ((stage.pool, load.largest), (stage.offload_pool, load.largest_offloaded)):
            if pool is None or items == 0:
                continue
            service = services.get((stage.model, pool))
            if service is None:
                raise BadInputError(
                    f"stages.{number}: no service time for model `{stage.model}` on pool `{pool}`",
                    hint=f"known: {', '.join(f'{model} on {name}' for model, name in sorted(services)) or 'none'}",
                )
            both = stage.offload_pool == stage.pool
            most = max(load.largest, load.largest_offloaded) if both else items
            found[number, pool] = _checked(
                service.table(most, plan.pools[pool].workers), most, plan.pools[pool].workers
            )
    return found


def _checked(table: ServiceTable, items: int, workers: int) -> ServiceTable:
    """Return `table`; the compiled kernel does not look where it reads, so a table that is too small stops here."""
    rows, columns = table.mean_ns.shape
    if rows < workers or columns <= items or table.noise.shape != (BUCKETS, QUANTILES):
        raise ValueError(
            f"a service table for {workers} workers and {items} items cannot have shapes "
            f"{table.mean_ns.shape} and {table.noise.shape}"
        )
    return table


def given_times(trace: Trace, plan: Plan, work: Work) -> dict[tuple[int, int, int], int]:
    """Return the given times by (stage, query, first candidate); empty where times are drawn."""
    times: dict[tuple[int, int, int], int] = {}
    for number, (stage, most) in enumerate(zip(plan.stages, reach(plan), strict=True)):
        if work.given:
            query, first, _ = split_all(np.minimum(trace.size, most), stage)
            keys = zip([number] * len(query), query.tolist(), first.tolist(), strict=True)
            times.update(zip(keys, work.given[number].tolist(), strict=True))
    return times

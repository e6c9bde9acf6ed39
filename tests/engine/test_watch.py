"""What the engine knows of its pools, and that it decides by it."""

import threading
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Pool, Records, Stage, Trace, single
from tailrank.engine import Engine, NullScorer, TimedScorer
from tailrank.timing import ConstantTime


def two_pools(workers: int = 2, **options: Any) -> Plan:
    stage = Stage(model="m", offload_pool="card", **{"batch_size": 16, "offload_at": 1} | options)
    return Plan(stages=(stage,), pools={"cpu": Pool(workers=workers), "card": Pool(workers=1, device="pretend")})


def trace_of(sizes: list[int], gap_ns: int = 200_000) -> Trace:
    return Trace(np.arange(len(sizes)) * gap_ns, np.array(sizes))


def with_options(plan: Plan, **options: Any) -> Plan:
    return Plan(stages=(replace(plan.stages[0], **options), *plan.stages[1:]), pools=plan.pools)


def went(records: Records) -> set[str]:
    return {records.slices.pools[pool] for pool in records.slices.pool.tolist()}


@pytest.mark.parametrize(("cpu_ns", "card_ns", "pool"), [(1e12, 1, "card"), (1, 1e12, "cpu")])
def test_expectations_send_queries_to_the_faster_pool(cpu_ns: float, card_ns: float, pool: str) -> None:
    services = {("m", "cpu"): ConstantTime(cpu_ns), ("m", "card"): ConstantTime(card_ns)}
    engine = Engine({"m": NullScorer(), ("m", "pretend"): NullScorer()}, services=services)
    records = engine.serve(trace_of([3, 40, 100] * 10), two_pools(offload="queue-aware"))
    assert records.ok.all()
    assert went(records) == {pool}


def test_a_query_below_the_threshold_never_goes() -> None:
    services = {("m", "cpu"): ConstantTime(1e12), ("m", "card"): ConstantTime(1)}
    engine = Engine({"m": NullScorer(), ("m", "pretend"): NullScorer()}, services=services)
    records = engine.serve(trace_of([3, 40] * 10), two_pools(offload="queue-aware", offload_at=40))
    at_card = records.slices.pool == records.slices.pools.index("card")
    assert set(records.slices.query[at_card].tolist()) == set(range(1, 20, 2))


def test_without_a_profile_times_are_learnt() -> None:
    """The card takes a hundred times as long: it is tried, and then left alone."""
    engine = Engine({"m": TimedScorer(50_000, 0), ("m", "pretend"): TimedScorer(50_000_000, 0)})
    records = engine.serve(trace_of([16] * 200, gap_ns=2_000_000), two_pools(offload="queue-aware"))
    assert records.ok.all()
    at_card = np.sum(records.slices.pool == records.slices.pools.index("card"))
    assert 1 <= at_card < 100


def test_idle_workers_each_get_a_part() -> None:
    plan = with_options(single("m", batch_size=64, workers=4), adapt=True, least_batch=8)
    records = Engine({"m": NullScorer()}).serve(trace_of([60]), plan)
    assert records.slices.size.tolist() == [15, 15, 15, 15]


def test_under_load_slices_grow() -> None:
    plan = with_options(single("m", batch_size=64, workers=2), adapt=True)
    records = Engine({"m": TimedScorer(20_000_000, 0)}).serve(trace_of([64] * 6, gap_ns=1_000), plan)
    sizes = records.slices.size
    assert sizes[records.slices.query == 0].tolist() == [32, 32]
    assert sizes[records.slices.query >= 2].tolist() == [64] * 4


class Counting:
    """The score of a row is its number, negated; some rows raise, and the first batch waits until it may go."""

    def __init__(self, broken: frozenset[int] = frozenset()) -> None:
        self.rows, self.broken, self.native = 4000, broken, None
        self.batches: list[int] = []
        self.go = threading.Event()

    def prepare(self) -> None:
        pass

    def score(self, first: int, stop: int) -> Any:
        return self.score_rows(np.arange(first, stop))

    def score_rows(self, rows: Any) -> Any:
        self.go.wait(0.05)
        self.go.set()
        self.batches.append(len(rows))
        if self.broken & set(rows.tolist()):
            raise ValueError("row is broken")
        return -rows.astype(np.float32)


def test_queries_share_batches_and_are_ranked_alike() -> None:
    plan = with_options(single("m", batch_size=32, workers=1), combine_wait_us=0)
    trace, scorer = trace_of([7, 5, 9, 40, 3, 12] * 4, gap_ns=1_000), Counting()
    records, ranked = Engine({"m": scorer}, seed=2).serve_scored(trace, plan)
    assert records.ok.all()
    for size, answer in zip(trace.size.tolist(), ranked, strict=True):
        assert answer.candidates.tolist() == list(range(size))
    assert max(scorer.batches) <= 32
    assert len(scorer.batches) < len(records.slices)  # all but the first were waiting together
    shared = np.diff(np.sort(records.slices.start_ns)) == 0
    assert shared.sum() == len(records.slices) - len(scorer.batches)


def test_a_row_that_raises_fails_its_query_and_nobody_beside_it() -> None:
    plan = with_options(single("m", batch_size=1000, workers=1), combine_wait_us=0)
    trace, alone = trace_of([10] * 50, gap_ns=1_000), single("m", batch_size=1000, workers=1)
    broken = frozenset(range(0, 4000, 90))
    failed = [Engine({"m": Counting(broken)}, seed=1).serve(trace, each).errors for each in (plan, alone)]
    assert failed[0] == failed[1]
    assert 0 < len(failed[0]) < 50


def test_a_funnel_with_every_option_serves_everything() -> None:
    plan = Plan(
        stages=(
            Stage(
                model="m",
                batch_size=16,
                keep=20,
                **{"offload_at": 30, "offload_pool": "card", "offload": "queue-aware", "offload_batch": 300},
                **{"adapt": True, "combine_wait_us": 100},
            ),
            Stage(model="m", batch_size=8, keep=5, adapt=True, least_batch=2),
        ),
        pools={"cpu": Pool(workers=2), "card": Pool(workers=1, device="pretend")},
    )
    trace = trace_of([5, 200, 77, 31, 16] * 8, gap_ns=50_000)
    engine = Engine({"m": TimedScorer(1_000, 0), ("m", "pretend"): TimedScorer(30_000, 0)})
    records, ranked = engine.serve_scored(trace, plan)
    assert records.errors == {}
    assert [answer.candidates.tolist() for answer in ranked] == [list(range(5))] * len(trace)


def test_a_full_queue_refuses_such_plans_alike() -> None:
    plan = with_options(single("m", batch_size=100, workers=1), adapt=True, combine_wait_us=0)
    engine = Engine({"m": TimedScorer(2_000_000, 0)}, queue_limit=10)
    records = engine.serve(trace_of([100] * 40, gap_ns=1_000), plan)
    assert any("refused" in reason for reason in records.errors.values())
    assert records.ok.sum() + len(records.errors) == 40


def test_a_native_crew_is_not_asked_for_what_it_cannot_do(native_core: Any) -> None:
    plan = with_options(single("m", batch_size=4, workers=1), adapt=True)
    with pytest.raises(BadInputError, match="native crew"):
        Engine({"m": NullScorer()}, crew="native").serve(trace_of([5]), plan)
    records = Engine({"m": NullScorer()}).serve(trace_of([5]), plan)
    assert records.meta["native.cpu"] == 0

"""Native workers send queries on from stage to stage: the same answers as the dispatcher's, and the same failures."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrank.core import Plan, Pool, Stage, Trace
from tailrank.engine import Engine, TimedScorer
from tailrank.engine.relay import relayed
from tailrank.engine.run import Run
from tailrank.native import available, extension
from tailrank.scheduler import chosen

pytestmark = pytest.mark.skipif(not available(), reason="this install has no native extension")

ROWS = 400
SCORES = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), -float("inf"), 1e-45])


@settings(max_examples=300, deadline=None)
@given(scores=st.lists(SCORES, max_size=200), count=st.integers(-1, 210))
@example(scores=[float("inf")] * 70 + [float("nan")] * 70, count=30)
@example(scores=[float("nan"), -float("inf")] * 50, count=70)
@example(scores=[0.0, -0.0] * 60, count=31)
@example(scores=[-0.0] * 100, count=31)
def test_workers_choose_what_the_scheduler_chooses(scores: list[float], count: int) -> None:
    values = np.array(scores, np.float32)
    assert extension.core().chosen(values, count).tolist() == chosen(values, count).tolist()


@pytest.mark.parametrize("values", [1, 2, 7, 300, 1 << 20])
def test_many_scores_with_ties_or_without(values: int) -> None:
    chance = np.random.default_rng(values)
    for count in (1, 63, 64, 1000, 4095):
        scores = (chance.integers(-values, values, 4096) / np.float32(values)).astype(np.float32)
        assert extension.core().chosen(scores, count).tolist() == chosen(scores, count).tolist()


@st.composite
def native_funnels(draw: st.DrawFn) -> tuple[Plan, list[list[float]]]:
    """A plan of two or three stages on one to three pools of native workers, offloads among them, and their scores."""
    names = ["cpu", "second", "third"][: draw(st.integers(1, 3))]
    take = draw(st.none() | st.integers(1, 300))
    stages, tables = [], []
    for number in range(draw(st.integers(2, 3))):
        pool = draw(st.sampled_from(names))
        away = draw(st.sampled_from([None, *(name for name in names if name != pool)]))
        stages.append(
            Stage(
                model=f"m{number}",
                batch_size=draw(st.sampled_from([1, 7, 32, 1000])),
                pool=pool,
                keep=draw(st.none() | st.integers(1, min(150, take or 150))),
                offload_at=None if away is None else draw(st.integers(1, 200)),
                offload_pool=away,
            )
        )
        chance = np.random.default_rng(draw(st.integers(0, 99)))
        values = draw(st.sampled_from([1, 3, 40, 1 << 20]))
        tables.append((chance.integers(0, values, ROWS) / 8).astype(np.float32).tolist())
    pools = {name: Pool(workers=draw(st.integers(1, 2))) for name in names}
    return Plan(stages=tuple(stages), pools=pools, take=take), tables


@settings(max_examples=20, deadline=None)
@given(
    funnel=native_funnels(),
    queries=st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=1, max_size=12),
    gap_ns=st.sampled_from([0, 30_000]),
)
def test_the_answers_and_the_slices_are_those_of_the_dispatcher(funnel, queries, gap_ns, table_scorer, offline) -> None:
    plan, tables = funnel
    sizes = [size for size, _ in queries]
    starts = np.array([int(at * (ROWS - size)) for size, at in queries])
    trace = Trace(np.arange(len(sizes)) * gap_ns, np.array(sizes))
    scorers = {f"m{number}": table_scorer(table) for number, table in enumerate(tables)}
    found: dict[str, list[Any]] = {}
    for kind in ("threads", "native"):
        records, answers = Engine(scorers, crew=kind).serve_scored(trace, plan, starts)
        assert not records.errors
        assert records.meta["relayed"] == (kind == "native")
        rows = records.slices
        columns = (rows.query, rows.stage, rows.first, rows.size, rows.pool)
        cut = sorted(zip(*(column.tolist() for column in columns), strict=True))
        found[kind] = [cut, [(answer.candidates.tolist(), answer.scores.tolist()) for answer in answers]]
        for stage in range(1, len(plan.stages)):  # no stage is queued before the one before it is done
            before, after = rows.stage == stage - 1, rows.stage == stage
            done = np.zeros(len(sizes), np.int64)
            np.maximum.at(done, rows.query[before], rows.finish_ns[before])
            assert (rows.queued_ns[after] >= done[rows.query[after]]).all()
    assert found["native"] == found["threads"]
    keeps = [stage.keep for stage in plan.stages]
    for start, size, answer in zip(starts.tolist(), sizes, found["native"][1], strict=True):
        assert answer == offline(tables, keeps, start, min(size, plan.take or size))


def two_stages(keep: int | None = 5, *, batch_size: int = 10, **pools: int) -> Plan:
    pools = pools or {"cpu": 1}
    stages = (
        Stage(model="front", batch_size=10, pool=next(iter(pools)), keep=keep),
        Stage(model="back", batch_size=batch_size, pool=list(pools)[-1]),
    )
    return Plan(stages=stages, pools={name: Pool(workers=workers) for name, workers in pools.items()})


def trace_of(sizes: list[int], gap_ns: int = 1_000) -> Trace:
    return Trace(np.arange(len(sizes)) * gap_ns, np.array(sizes))


def test_python_has_no_part_in_it_while_serving(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the dispatcher sent a query on")

    monkeypatch.setattr(Run, "send_on", never)
    monkeypatch.setattr(Run, "answer", never)
    engine = Engine({"front": TimedScorer(0, 0), "back": TimedScorer(0, 0)}, crew="native")
    records = engine.serve(trace_of([30] * 50), two_stages())
    assert records.ok.all()
    assert len(records.slices) == 50 * 4


def test_a_device_keeps_the_dispatcher_at_it() -> None:
    plan = two_stages(cpu=1, card=1)
    assert relayed(plan, frozenset({"cpu", "card"}))
    assert not relayed(plan, frozenset({"cpu"}))
    assert not relayed(Plan(stages=plan.stages[:1], pools=plan.pools), frozenset({"cpu", "card"}))


def test_a_deadline_fails_what_the_second_stage_has_not_begun() -> None:
    models = {"front": TimedScorer(0, 0), "back": TimedScorer(5_000_000, 0)}
    records, answers = Engine(models, crew="native", deadline_ms=40).serve_scored(trace_of([10] * 30), two_stages())
    late = ~records.ok
    assert 0 < late.sum() < 30  # thirty times five milliseconds is more than forty
    assert set(records.errors.values()) == {"deadline passed"}
    assert set(records.errors) == set(np.flatnonzero(late).tolist())
    for failed, answer in zip(late.tolist(), answers, strict=True):
        assert answer.candidates.tolist() == ([] if failed else list(range(5)))


def test_a_full_second_pool_refuses() -> None:
    models = {"front": TimedScorer(0, 0), "back": TimedScorer(20_000_000, 0)}
    plan = two_stages(None, batch_size=2, cpu=1, back=1)
    records = Engine(models, crew="native", queue_limit=10).serve(trace_of([10] * 40, 200_000), plan)
    refused = {reason for reason in records.errors.values() if "refused" in reason}
    assert refused == {"refused: 10 slices were waiting already"}
    assert records.ok.sum() + len(records.errors) == 40
    assert records.ok.any()
    rows = records.slices
    through_front = np.isin(np.array(list(records.errors)), rows.query[rows.stage == 0])
    assert through_front.any()  # refused between the stages


def relay_of(native_core, *, sizes=(30, 20), keeps=(5, -1), rows=(100, 100), remembers=True, workers=2) -> Any:
    finish_ns = np.full(len(sizes), -1, dtype=np.int64)
    board = native_core.Board(finish_ns)
    board.origin_ns = time.perf_counter_ns()
    base = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    row, scores = np.full(len(sizes), 7, dtype=np.int64), np.zeros(base[-1], dtype=np.float32)
    relay = native_core.Relay(board, base, row, scores, list(keeps), remembers)
    scorers = [native_core.TimedScorer(0, 0, most) for most in rows]
    pool = native_core.Pool(board, scorers, workers, base, row, scores, (), 0, 1000, relay)
    relay.link(1, pool, 4)
    return relay, pool, board


def through(pool, board, sizes=(30, 20)) -> None:
    pool.start()
    for query, size in enumerate(sizes):
        assert pool.submit(query, 0, size, 8, 1 << 60)
    while not board.idle:
        board.wait(1_000_000_000)
    pool.stop()


def test_what_a_query_kept_can_be_read_where_it_is_remembered(native_core) -> None:
    relay, pool, board = relay_of(native_core)
    assert relay.kept(0) is None
    through(pool, board)
    assert relay.kept(1).tolist() == [0, 1, 2, 3, 4]  # the score of a row is its number, negated
    relay, pool, board = relay_of(native_core, remembers=False)
    through(pool, board)
    assert relay.kept(0) is relay.kept(1) is None
    assert board.errors() == {}


def test_rows_that_the_next_stage_has_not_fail_the_query(native_core) -> None:
    _, pool, board = relay_of(native_core, rows=(100, 10))
    through(pool, board)
    assert board.errors() == {0: "no such rows", 1: "no such rows"}


def test_a_relay_that_cannot_be_is_refused(native_core) -> None:
    relay, pool, board = relay_of(native_core)
    _, stranger, _ = relay_of(native_core)
    whole = np.array([0, 30, 50]), np.zeros(2, np.int64), np.zeros(50, np.float32)
    for call in (
        lambda: relay.link(1, stranger, 4),
        lambda: native_core.Relay(board, *whole, [5, 0]),
        lambda: native_core.Relay(board, *whole, []),
        lambda: native_core.Pool(board, [None], 1, *whole, (), 0, 1, relay),
        lambda: native_core.Pool(board, [None, None], 1, *whole, (), 0, 1, relay),
        lambda: pool.submit(0, 1, 5, 5, 0),
        lambda: pool.submit_rows(0, 1, np.arange(5), 5, 0),
    ):
        with pytest.raises(ValueError, match=r"relay|stage|arrays"):
            call()
    for call in (lambda: relay.link(0, pool, 4), lambda: relay.link(2, pool, 4), lambda: relay.link(1, pool, 0)):
        with pytest.raises(IndexError):
            call()


def test_pools_may_be_dropped_in_any_order_while_queries_are_on_their_way(native_core) -> None:
    count = 400
    for first_goes in (True, False):
        finish_ns = np.full(count, -1, dtype=np.int64)
        board = native_core.Board(finish_ns)
        base, row = np.arange(count + 1) * 20, np.zeros(count, dtype=np.int64)
        scores = np.zeros(count * 20, dtype=np.float32)
        relay = native_core.Relay(board, base, row, scores, [9, 3, -1])
        scorer = native_core.TimedScorer(0, 0, 100)
        pools = [
            native_core.Pool(board, scorers, 1, base, row, scores, (), 0, 1 << 30, relay)
            for scorers in ([scorer, None, scorer], [None, scorer, None])
        ]
        relay.link(1, pools[1], 4)
        relay.link(2, pools[0], 1)
        for pool in pools:
            pool.start()
        for query in range(count):
            assert pools[0].submit(query, 0, 20, 3, 1 << 60)
        del relay
        pools.pop(0 if first_goes else 1)
        pools.clear()
        assert (finish_ns >= 0).sum() <= count

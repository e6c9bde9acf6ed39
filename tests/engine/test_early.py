"""Stages that feed early, served: `exact` answers as `whole` does, `share` as sorting and slicing of shares."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Pool, Records, Stage, Trace
from tailrank.engine import Engine, TimedScorer
from tailrank.engine.hire import native_pools
from tailrank.native import available
from tailrank.scheduler import lay_out, share
from tailrank.simulator import Simulator
from tailrank.timing import ConstantTime

ROWS = 300
FEEDS = [["share"], ["exact"], ["share", "share"], ["share", "exact"], ["exact", "whole"], ["whole", "exact"]]


def trace_of(sizes: Sequence[int], gap_ns: int = 30_000) -> Trace:
    return Trace(np.arange(len(sizes)) * gap_ns, np.array(sizes))


@st.composite
def funnels(draw: st.DrawFn, feeds: list[str]) -> tuple[Plan, list[list[float]]]:
    """A plan whose stages feed so, on pools of their own or shared, and each stage's scores with ties or without."""
    pools = {"cpu": Pool(workers=2), "second": Pool(workers=2), "card": Pool(workers=1, device="pretend")}
    stages, tables = [], []
    for number, feed in enumerate([*feeds, "whole"]):
        offload = draw(st.none() | st.integers(1, 250))
        stages.append(
            Stage(
                model=f"m{number}",
                batch_size=draw(st.sampled_from([1, 7, 32])),
                pool=draw(st.sampled_from(["cpu", "second"])),
                keep=draw(st.none() | st.integers(1, 100)),
                offload_at=offload,
                offload_pool=None if offload is None else "card",
                feed=feed,  # type: ignore[arg-type]
            )
        )
        chance = np.random.default_rng(draw(st.integers(0, 99)))
        values = draw(st.sampled_from([1, 3, 40, 1 << 20]))
        tables.append((chance.integers(0, values, ROWS) / 8).astype(np.float32).tolist())
    return Plan(stages=tuple(stages), pools=pools, take=draw(st.none() | st.integers(100, 250))), tables


def by_shares(plan: Plan, tables: list[list[float]], start: int, size: int) -> tuple[list[int], list[float]]:
    """Sort and slice, each slice its share where stages feed so; `exact` counts as `whole`."""

    def best(places: list[int], most: int) -> list[int]:
        return sorted(places, key=lambda place: (-float(table[start + place]), place))[:most]

    groups, total, table = [list(range(min(size, plan.take or size)))], min(size, plan.take or size), tables[0]
    for number, stage in enumerate(plan.stages):
        table = tables[number]
        away = stage.offload_at is not None and total >= stage.offload_at
        step = size if away else stage.batch_size
        parts = [group[at : at + step] for group in groups for at in range(0, len(group), step)]
        total = min(total, stage.keep or total)
        if stage.feed == "share":
            shares = share(total, [len(part) for part in parts])
            groups = [sorted(best(part, most)) for part, most in zip(parts, shares, strict=True)]
        else:
            groups = [sorted(best([place for part in parts for place in part], total))]
    answer = best(groups[0], total)
    return answer, [float(table[start + place]) for place in answer]


def serve(plan: Plan, tables: list[list[float]], queries: Any, table_scorer: Any) -> Any:
    sizes = [size for size, _ in queries]
    starts = np.array([int(at * (ROWS - size)) for size, at in queries])
    scorers = {f"m{number}": table_scorer(table) for number, table in enumerate(tables)}
    scorers |= {(model, "pretend"): scorer for model, scorer in scorers.items()}
    records, answers = Engine(scorers).serve_scored(trace_of(sizes), plan, starts)
    assert not records.errors
    return records, answers, starts.tolist()


@settings(max_examples=8, deadline=None)
@given(data=st.data(), queries=st.lists(st.tuples(st.integers(1, 250), st.floats(0, 1)), min_size=1, max_size=10))
@pytest.mark.parametrize("feeds", FEEDS, ids="-".join)
def test_answers_are_those_of_the_offline_funnel(feeds, data, queries, table_scorer, offline) -> None:
    plan, tables = data.draw(funnels(feeds))
    records, answers, starts = serve(plan, tables, queries, table_scorer)
    for number, ((size, _), start, answer) in enumerate(zip(queries, starts, answers, strict=True)):
        candidates, scores = by_shares(plan, tables, start, size)
        assert answer.candidates.tolist() == candidates
        assert answer.scores.tolist() == scores
        if "share" not in feeds:
            keeps = [stage.keep for stage in plan.stages]
            assert (candidates, scores) == offline(tables, keeps, start, min(size, plan.take or size))
        mine = records.slices.query == number
        assert records.finish_ns[number] >= records.slices.finish_ns[mine].max()
        for stage, parts in enumerate(lay_out(plan, size)):
            own = mine & (records.slices.stage == stage)
            scored = records.slices.size[own].sum()
            if stage and plan.stages[stage - 1].feed == "exact":
                assert parts.total <= scored <= 2 * parts.total
            else:
                assert scored == parts.total
                assert sorted(records.slices.first[own].tolist()) == list(parts.first)


def two_stages(feed: str) -> Plan:
    stages = (
        Stage(model="m", batch_size=10, keep=10, feed=feed),  # type: ignore[arg-type]
        Stage(model="m", batch_size=5, pool="second"),
    )
    return Plan(stages=stages, pools={"cpu": Pool(workers=1), "second": Pool(workers=1)})


@pytest.mark.parametrize("feed", ["share", "exact"])
def test_the_second_stage_begins_before_the_first_is_done(feed: str) -> None:
    records = Engine({"m": TimedScorer(20_000_000, 0)}).serve(trace_of([50]), two_stages(feed))
    rows = records.slices
    assert records.ok.all()
    assert rows.start_ns[rows.stage == 1].min() < rows.start_ns[rows.stage == 0].max()


def test_the_engine_sends_what_the_simulator_says_that_it_sends() -> None:
    """Slices of 20 ms and a single worker a pool: the order is certain. The best lie in the first slice."""
    trace = trace_of([50])
    plan = two_stages("exact")
    services = {("m", "cpu"): ConstantTime(2e7), ("m", "second"): ConstantTime(2e7)}
    best_first = Simulator(services, placement=lambda *_: np.array([10, 0, 0, 0, 0]))
    runs: list[Records] = [best_first.serve(trace, plan), Engine({"m": TimedScorer(20_000_000, 0)}).serve(trace, plan)]
    told = []
    for run in runs:
        order = np.lexsort((run.slices.first, run.slices.stage))
        told.append([getattr(run.slices, column)[order].tolist() for column in ("stage", "first", "size")])
    assert told[0] == told[1]
    assert told[0][2][5:] == [2, 2, 2, 2, 5, 3]  # eight sent, two of them right; eight of the best follow


def test_a_scorer_that_raises_fails_its_query_and_no_other(table_scorer) -> None:
    class Broken(table_scorer):  # type: ignore[misc]
        def score_rows(self, rows: Any) -> Any:
            if 5 in rows.tolist():
                raise ValueError("row is broken")
            return super().score_rows(rows)

    scores = -np.arange(ROWS)
    for feed in ("share", "exact"):
        engine = Engine({"m": table_scorer(scores), "b": Broken(scores)})
        plan = two_stages(feed)
        plan = Plan(stages=(plan.stages[0], replace(plan.stages[1], model="b")), pools=plan.pools)
        starts = np.array([0, 100] * 5)
        records, answers = engine.serve_scored(trace_of([40] * 10), plan, starts)
        assert set(records.errors) == set(range(0, 10, 2) if feed == "exact" else ())
        assert [len(answer.candidates) for answer in answers] == ([0, 10] * 5 if feed == "exact" else [10] * 10)


def test_deadlines_and_full_queues_fail_queries() -> None:
    trace, slow = trace_of([50] * 20, gap_ns=1_000), TimedScorer(3_000_000, 0)
    late = Engine({"m": slow}, deadline_ms=40).serve(trace, two_stages("share"))
    assert set(late.errors.values()) == {"deadline passed"}
    assert late.ok.sum() + len(late.errors) == len(trace)
    full = Engine({"m": slow}, queue_limit=20).serve(trace, two_stages("share"))
    assert full.errors
    assert all("refused" in reason for reason in full.errors.values())


@pytest.mark.skipif(not available(), reason="this install has no native extension")
def test_native_crews_do_not_serve_them() -> None:
    plan, scorers = two_stages("share"), {(0, "cpu"): TimedScorer(0, 0), (1, "second"): TimedScorer(0, 0)}
    assert native_pools(plan, scorers, "auto") == frozenset()  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="feed early"):
        native_pools(plan, scorers, "native")  # type: ignore[arg-type]

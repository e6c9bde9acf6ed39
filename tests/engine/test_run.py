"""Answers: an engine's funnel is the offline funnel of the same scores, and queries take the rows they were given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, Pool, Stage, Trace, single
from tailrank.engine import Engine, TimedScorer
from tailrank.native import available

ROWS = 400
KINDS = ["threads", *(["native"] if available() else [])]


def trace_of(sizes: list[int], gap_ns: int = 30_000) -> Trace:
    return Trace(np.arange(len(sizes)) * gap_ns, np.array(sizes))


@st.composite
def funnels(draw: st.DrawFn) -> tuple[Plan, list[list[float]]]:
    """A plan of one to three stages, on pools of their own or shared, and each stage's scores with ties or without."""
    pools = {"cpu": Pool(workers=draw(st.integers(1, 2))), "second": Pool(workers=1)}
    card = draw(st.booleans())
    if card:
        pools["card"] = Pool(workers=1, device="pretend")
    take = draw(st.none() | st.integers(1, 300))
    stages, tables = [], []
    for number in range(draw(st.integers(1, 3))):
        offload = draw(st.integers(1, 200)) if card and draw(st.booleans()) else None
        most = draw(st.none() | st.integers(1, min(150, take or 150)))
        stages.append(
            Stage(
                model=f"m{number}",
                batch_size=draw(st.sampled_from([1, 7, 32, 1000])),
                pool=draw(st.sampled_from(["cpu", "second"])),
                keep=most,
                offload_at=offload,
                offload_pool=None if offload is None else "card",
            )
        )
        chance = np.random.default_rng(draw(st.integers(0, 99)))
        values = draw(st.sampled_from([1, 3, 40, 1 << 20]))
        tables.append((chance.integers(0, values, ROWS) / 8).astype(np.float32).tolist())
    return Plan(stages=tuple(stages), pools=pools, take=take), tables


@settings(max_examples=8, deadline=None)
@given(
    funnel=funnels(),
    queries=st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=1, max_size=12),
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_funnel_is_sorting_and_slicing(kind, funnel, queries, table_scorer, offline) -> None:
    plan, tables = funnel
    sizes = [size for size, _ in queries]
    starts = np.array([int(at * (ROWS - size)) for size, at in queries])
    scorers = {f"m{number}": table_scorer(table) for number, table in enumerate(tables)}
    scorers |= {(model, "pretend"): scorer for model, scorer in scorers.items()}
    records, answers = Engine(scorers, crew=kind).serve_scored(trace_of(sizes), plan, starts)
    assert not records.errors
    at_cpu = [name for name, pool in plan.pools.items() if pool.device == "cpu"]
    assert {records.meta[f"native.{name}"] for name in at_cpu} == {float(kind == "native")}
    keeps = [stage.keep for stage in plan.stages]
    for start, size, answer in zip(starts.tolist(), sizes, answers, strict=True):
        candidates, scores = offline(tables, keeps, start, min(size, plan.take or size))
        assert answer.candidates.tolist() == candidates
        assert answer.scores.tolist() == scores


def test_only_what_is_taken_is_scored(crew) -> None:
    plan = Plan(stages=(Stage(model="m", batch_size=8, keep=5),), pools={"cpu": Pool(workers=1)}, take=20)
    trace = trace_of([3, 20, 21, 90])
    records, answers = Engine({"m": TimedScorer(0, 0, rows=95)}, crew=crew).serve_scored(trace, plan)
    scored = np.bincount(records.slices.query, weights=records.slices.size).tolist()
    assert scored == [3, 20, 20, 20]
    assert records.size.tolist() == trace.size.tolist()
    assert [len(answer.candidates) for answer in answers] == [3, 5, 5, 5]
    few = Engine({"m": TimedScorer(0, 0, rows=20)}, crew=crew)  # 90 candidates are more than there are rows: 20 are not
    assert few.serve(trace, plan).ok.all()


def test_a_query_that_failed_gets_no_answer() -> None:
    class Broken:
        rows = 50

        def prepare(self) -> None:
            pass

        def score(self, first: int, stop: int) -> None:
            raise ValueError("no")

    records, (answer,) = Engine({"m": Broken()}).serve_scored(trace_of([5]), single("m", batch_size=5, workers=1))
    assert not records.ok.any()
    assert len(answer.candidates) == len(answer.scores) == 0


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        (np.array([0, 91, 0]), "query 1 has its candidates at rows 91 to 100"),
        (np.array([0, 0, -1]), "query 2"),
        (np.array([0, 0]), "3 queries"),
        (np.array([0.0, 0.0, 0.0]), "float64"),
    ],
)
def test_rows_that_are_not_there_are_refused(starts, said) -> None:
    engine = Engine({"m": TimedScorer(0, 0, rows=100)})
    with pytest.raises(BadInputError, match=said):
        engine.serve_scored(trace_of([10, 10, 10]), single("m", batch_size=5, workers=1), starts)

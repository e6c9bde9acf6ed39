import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, Pool, Stage, single
from tailrank.scheduler import kept, split
from tailrank.tuner import affordable, prefix, slices_per_query

FIXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
POOLS = {"cpu": Pool(workers=2), "gpu": Pool(workers=1, device="gpu")}


@given(
    sizes=st.lists(st.integers(1, 1000), max_size=30),
    batches=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    keep=st.none() | st.integers(1, 500),
    more=st.none() | st.integers(0, 300),
    offload_at=st.none() | st.integers(1, 1000),
)
def test_slices_are_counted_as_the_walk_cuts_them(sizes, batches, keep, more, offload_at):
    to = None if offload_at is None else "gpu"
    first = Stage(model="a", batch_size=batches[0], offload_at=offload_at, offload_pool=to, keep=keep)
    take = None if more is None else (keep or 1) + more
    plan = Plan(stages=(first, Stage(model="b", batch_size=batches[1])), pools=POOLS, take=take)
    expected = [
        len(split(0, size, plan.stages[0], 0)) + len(split(0, kept(size, keep), plan.stages[1], 1))
        for size in (kept(size, take) for size in sizes)
    ]
    assert slices_per_query(np.array(sizes, dtype=np.int64), plan).tolist() == expected


@FIXED
@given(budget=st.integers(1, 2_000_000), batch=st.integers(1, 1000), least=st.integers(1, 3000))
def test_as_many_queries_as_fit(make_trace, budget, batch, least):
    trace = make_trace(1, 2000)
    plan = single("m", batch_size=batch, workers=4)
    queries = affordable(trace, plan, budget, least=least)
    used = slices_per_query(trace.size, plan)
    assert min(least, len(trace)) <= queries <= len(trace)
    assert queries <= least or used[:queries].sum() <= budget
    assert queries == len(trace) or used[: queries + 1].sum() > budget


def test_a_prefix_is_the_front_of_the_same_trace(make_trace):
    trace = make_trace(2, 100)
    front = prefix(trace, 30)
    assert np.array_equal(front.arrival_ns, trace.arrival_ns[:30])
    assert np.array_equal(front.size, trace.size[:30])
    assert prefix(trace, 100) is trace


def test_no_budget_is_an_error(make_trace, plan):
    with pytest.raises(BadInputError, match="budget"):
        affordable(make_trace(1, 10), plan, 0)

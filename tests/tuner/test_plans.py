from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.tuner import batch_sizes, between, label, offload_thresholds, static_baseline, with_batch, with_threshold

FUNNEL = Plan(
    stages=(Stage(model="small", batch_size=8, keep=100), Stage(model="large", batch_size=16)),
    pools={"cpu": Pool(workers=2), "gpu": Pool(workers=1, device="gpu")},
)


@pytest.mark.parametrize(("largest", "workers", "batch"), [(1000, 40, 25), (1000, 28, 36), (10, 40, 1)])
def test_the_baseline_cuts_the_largest_query_over_all_workers(largest, workers, batch):
    # 25 and 36 are DeepRecSys' own baselines on 40 and 28 cores.
    plan = static_baseline("m", largest, workers)
    assert plan.stages[0].batch_size == batch
    assert plan.pools["cpu"].workers == workers
    assert -(-largest // batch) <= workers


def test_one_stage_changes_and_the_rest_stays():
    changed = with_threshold(with_batch(FUNNEL, 99, stage=1), 300, "gpu", stage=1)
    assert changed.stages[0] == FUNNEL.stages[0]
    assert changed.stages[1] == Stage(model="large", batch_size=99, offload_at=300, offload_pool="gpu")
    assert changed.pools == FUNNEL.pools
    assert with_batch(with_threshold(changed, None, stage=1), 16, stage=1) == FUNNEL
    assert with_threshold(changed, 7, stage=1).stages[1].offload_pool == "gpu"
    assert label(changed, stage=1) == "batch size 99, offload from 300"


def test_a_wrong_stage_or_pool_is_named():
    with pytest.raises(BadInputError, match="no stage 2"):
        with_batch(FUNNEL, 1, stage=2)
    with pytest.raises(BadInputError, match="no pool is called `tpu`"):
        with_threshold(FUNNEL, 1, "tpu")
    with pytest.raises(BadInputError, match="belong together"):
        with_threshold(FUNNEL, 1)
    with pytest.raises(BadInputError, match="at least one candidate"):
        static_baseline("m", 0, 4)
    with pytest.raises(BadInputError, match="at least one candidate"):
        batch_sizes(0)


@given(st.integers(1, 5000))
def test_batch_sizes_double_from_one_until_the_largest_query_stays_whole(largest):
    sizes = batch_sizes(largest)
    assert sizes[0] == 1
    assert all(right == 2 * left for left, right in pairwise(sizes))
    assert sizes[-1] >= largest > sizes[-1] // 2
    assert offload_thresholds(largest)[0] == 1
    assert offload_thresholds(largest)[-1] <= largest


def test_the_usual_list():
    assert batch_sizes(1000, 25) == (1, 2, 4, 8, 16, 25, 32, 64, 128, 256, 512, 1024)


@given(st.sets(st.integers(1, 2000), min_size=1), st.data())
def test_points_between_are_new_and_lie_next_to_the_best(values, data):
    best = data.draw(st.sampled_from(sorted(values)))
    smaller = max((each for each in values if each < best), default=best)
    larger = min((each for each in values if each > best), default=best)
    points = between(sorted(values), best)
    assert len(points) <= 2
    assert all(smaller < each < larger and each not in values for each in points)


def test_between_powers_of_two_are_multiples_of_one_and_a_half():
    assert between(batch_sizes(1000), 64) == (48, 96)
    assert between(batch_sizes(1000), 1) == ()
    assert between(batch_sizes(1000), 1024) == (768,)

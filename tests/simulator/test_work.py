"""What the kernels work from."""

import numpy as np
import pytest

from tailrank.core import Plan, Pool, Stage, Trace
from tailrank.simulator import Simulator
from tailrank.simulator.work import reach
from tailrank.timing import BUCKETS, QUANTILES, ServiceTable


def plan_keeping(*keeps: int | None) -> Plan:
    stages = tuple(Stage(model="m", batch_size=4, keep=keep) for keep in keeps)
    return Plan(stages=stages, pools={"cpu": Pool(workers=2)})


def test_a_stage_is_reached_by_what_every_earlier_one_kept() -> None:
    caps = reach(plan_keeping(None, 50, 80, None, 3))
    assert [min(cap, 10**6) for cap in caps] == [10**6, 10**6, 50, 50, 50]


def test_a_plan_that_takes_some_caps_every_stage() -> None:
    plan = plan_keeping(None, 50, 80)
    assert reach(Plan(stages=plan.stages, pools=plan.pools, take=100)) == [100, 100, 50]


@pytest.mark.parametrize("shape", [(1, 5), (2, 4)])
def test_a_table_too_small_for_the_pool_is_refused(shape: tuple[int, int]) -> None:
    class Small:
        def table(self, max_items: int, workers: int) -> ServiceTable:
            return ServiceTable(np.ones(shape), np.ones((BUCKETS, QUANTILES)))

    trace = Trace(np.zeros(3), np.full(3, 9))
    with pytest.raises(ValueError, match="2 workers and 4 items"):
        Simulator({("m", "cpu"): Small()}).serve(trace, plan_keeping(None))

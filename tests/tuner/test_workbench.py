import numpy as np
import pytest

from tailrank.core import Pool, single
from tailrank.metrics import SLATarget
from tailrank.timing import LinearTime
from tailrank.tuner import capacity
from tailrank.tuner.readings import QUICK
from tailrank.tuner.study import Effort, Hardware
from tailrank.tuner.workbench import Workbench, of_first, pooled, trace_of
from tailrank.workload import Production

TARGET = SLATarget(latency_ms=20)
CPU = LinearTime(200_000, 20_000)
PLAN = single("m", batch_size=64, workers=4)


def hardware() -> Hardware:
    def power(cpu: float, gpu: float) -> float:
        return 100 + 100 * cpu + 0 * gpu

    return Hardware({"cpu": CPU}, {"cpu": Pool(workers=4)}, power, power, 20.0)


def bench(effort: Effort = QUICK, seed: int = 1) -> Workbench:
    found = Workbench("m", hardware(), effort, seed=seed, longest_ms=20.0)
    found.lasting(found.bounds.most_qps(PLAN))
    return found


def test_sizes_have_the_law_and_every_part_of_it():
    law = Production().probabilities()
    trace = trace_of(20_000, 1, 0)
    shares = np.bincount(trace.size, minlength=len(law)) / len(trace)
    # One size out of each of n equal parts: a count is off by less than the two parts that an interval cuts.
    assert np.abs(np.cumsum(shares) - np.cumsum(law)).max() <= 1.001 / len(trace)
    assert trace_of(500, 1, 0, lognormal=True).size.max() < 400


def test_the_order_of_sizes_is_random_and_repetitions_differ():
    sizes = trace_of(20_000, 1, 0).size.astype(float)
    neighbours = np.corrcoef(sizes[1:], sizes[:-1])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(len(sizes))
    assert not np.array_equal(sizes, trace_of(20_000, 1, 1).size)
    assert not np.array_equal(sizes, trace_of(20_000, 2, 0).size)


def test_capacity_is_below_the_bound_and_busy_near_one():
    here = bench()
    found = here.measure(PLAN, TARGET, None)
    assert found.met
    assert 0.3 < found.qps / here.bounds.most_qps(PLAN) < 1.03
    busy = here.busy(PLAN, found.qps)
    assert busy.keys() == {"cpu"}
    assert busy["cpu"] == pytest.approx(found.qps / here.bounds.most_qps(PLAN), rel=0.1)


def test_a_guess_does_not_change_the_answer():
    first, second = bench().measure(PLAN, TARGET, None), bench().measure(PLAN, TARGET, 500.0)
    assert first.per_replication == second.per_replication
    assert second.probes < first.probes


def test_repetitions_are_added_until_the_interval_is_narrow():
    few = Effort(queries=3000, most_queries=3000, replications=3, most_replications=9, precision=1e-6)
    assert len(bench(few).measure(PLAN, TARGET, None).per_replication) == 9
    assert len(bench(QUICK).measure(PLAN, TARGET, None).per_replication) == QUICK.replications


def test_the_artifacts_arrivals_are_another_process():
    here = bench()
    exact, integer = (here.measure(PLAN, TARGET, None, integer=flag) for flag in (False, True))
    assert exact.per_replication != integer.per_replication


def test_pooled_repetitions_say_what_one_measurement_would():
    here = bench()
    replications = [(here.system(number), trace_of(2000, 1, number)) for number in range(5)]
    from tailrank.tuner import Replication

    made = [Replication(*each) for each in replications]
    parts = [capacity(made[:3], PLAN, TARGET), capacity(made[3:], PLAN, TARGET)]
    whole, found = capacity(made, PLAN, TARGET), pooled(parts)
    assert found.per_replication == whole.per_replication
    assert (found.qps, found.low_qps, found.high_qps) == pytest.approx((whole.qps, whole.low_qps, whole.high_qps))
    assert found.queries == whole.queries
    assert found.percentile_ms == pytest.approx(whole.percentile_ms)
    assert found.smallest_ms == whole.smallest_ms


def test_the_first_repetitions_are_what_measuring_them_alone_says():
    here = bench()
    whole = here.measure(PLAN, TARGET, None)
    alone = capacity(here.repetitions(range(2)), PLAN, TARGET, tolerance=QUICK.tolerance, floor_qps=here.floor_qps)
    part = of_first(2, whole)
    assert part.per_replication == alone.per_replication
    assert (part.qps, part.low_qps, part.high_qps) == pytest.approx((alone.qps, alone.low_qps, alone.high_qps))


def test_a_contest_begins_with_what_was_measured_and_lets_a_better_plan_win():
    here = bench()
    small = single("m", batch_size=4, workers=4)
    found = here.measure(small, TARGET, None)
    contest = here.contest(small, TARGET, found)
    assert contest.best.capacity.per_replication == found.per_replication
    assert contest.challenge(PLAN) == "best"
    assert contest.challenge(small) in ("refused", "bounded")


def test_no_repetition_exceeds_the_bound_by_more_than_rounding():
    here = bench()
    bound = here.bound(TARGET, range(3))
    found = here.measure(PLAN, TARGET, None)
    assert max(found.per_replication) <= bound(PLAN) * 1.002
    whole = single("m", batch_size=1000, workers=4)
    assert here.bound(SLATarget(latency_ms=10), range(3))(whole) == 0.0  # large queries take longer than that, whole

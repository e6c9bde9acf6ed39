import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Trace, single
from tailrank.metrics import SLATarget
from tailrank.tuner import Replication, capacity

FIXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_mm1_capacity_is_the_closed_form(queue, plan, target, make_trace):
    # Sojourn in M/M/1 is exponential with rate mu - lambda, so p95 = ln 20 / (mu - lambda).
    mu = 1000.0
    expected = mu - math.log(20) / (target.latency_ms / 1000)
    replications = [Replication(queue(seed, lambda _: 1e9 / mu), make_trace(seed, 60_000)) for seed in range(8)]
    found = capacity(replications, plan, target)
    error = np.std(found.per_replication, ddof=1) / math.sqrt(len(replications))
    assert error < 0.02 * expected  # else the next line says nothing
    assert abs(found.qps - expected) < 4 * error + found.tolerance * expected
    assert found.met
    assert found.percentile_ms <= target.latency_ms
    assert found.percentile_ms == pytest.approx(target.latency_ms, rel=0.05)
    assert found.smallest_ms == pytest.approx(math.log(20), rel=0.1)  # unloaded: service alone, mean 1 ms


@FIXED
@given(truth=st.floats(2.0, 900.0), tolerance=st.floats(0.001, 0.3), start=st.none() | st.floats(0.01, 1e6))
def test_the_answer_met_the_target_and_the_next_load_missed_it(cliffs, plan, truth, tolerance, start):
    goal = SLATarget(latency_ms=100)
    found = capacity(cliffs([truth]), plan, goal, tolerance=tolerance, start_qps=start)
    slack = 1 + 1e-4  # arrivals are whole nanoseconds, so a warped trace is not exactly at its load
    assert found.per_replication[0] <= truth * slack
    assert truth <= found.per_replication[0] * (1 + tolerance) * slack
    assert found.monotone


@FIXED
@given(truths=st.lists(st.floats(2.0, 900.0), min_size=2, max_size=5))
def test_every_replication_finds_its_own_capacity(cliffs, plan, truths):
    # The first answer only says where the others begin, however far off it is.
    found = capacity(cliffs(truths), plan, SLATarget(latency_ms=100), tolerance=0.01)
    for truth, load in zip(truths, found.per_replication, strict=True):
        assert load <= truth * 1.0001
        assert truth <= load * 1.0101
    assert found.low_qps <= found.qps <= found.high_qps


@FIXED
@given(truth=st.floats(2.0, 900.0), starts=st.tuples(st.floats(0.01, 1e5), st.floats(0.01, 1e5)))
def test_the_answer_does_not_depend_on_the_start(cliffs, plan, truth, starts):
    goal = SLATarget(latency_ms=100)
    first, second = (capacity(cliffs([truth, truth * 0.9]), plan, goal, start_qps=start) for start in starts)
    assert first.per_replication == second.per_replication


def test_the_interval_covers_the_truth_as_often_as_it_says(cliffs, plan):
    rng = np.random.default_rng(7)
    goal, runs, covered = SLATarget(latency_ms=100), 120, 0
    for _ in range(runs):
        truths = (500 * (1 + 0.05 * rng.standard_normal(4))).tolist()
        found = capacity(cliffs(truths, 300), plan, goal, start_qps=480)
        covered += found.low_qps <= 500 <= found.high_qps
    # Binomial(120, 0.95) is below 105 with probability under 0.0005; the tolerance only widens the interval.
    assert covered >= 105


def test_same_seed_same_bits(queue, plan, target, make_trace):
    def once():
        replications = [Replication(queue(seed, lambda _: 1e6), make_trace(seed, 5000)) for seed in range(3)]
        return capacity(replications, plan, target)

    assert once() == once()


def test_later_replications_are_cheaper(cliffs, plan):
    goal = SLATarget(latency_ms=100)
    one = capacity(cliffs([500.0]), plan, goal).probes
    three = capacity(cliffs([500.0, 501.0, 499.0]), plan, goal).probes
    # Near-zero load, the first answer, 2 % (four steps) to one side, two bisections and two peeks.
    assert three - one <= 2 * 7


def test_the_interval_by_hand(cliffs, plan):
    found = capacity(cliffs([480.0, 500.0, 520.0]), plan, SLATarget(latency_ms=100))
    mean, spread = np.mean(found.per_replication), np.std(found.per_replication, ddof=1)
    half = 4.302653 * spread / math.sqrt(3)  # two-sided 95 % Student t, 2 degrees of freedom (tables)
    assert found.qps == pytest.approx(mean)
    assert found.low_qps == pytest.approx(mean - half)
    assert found.high_qps == pytest.approx((mean + half) * 1.005)


def test_every_probe_is_the_same_trace_in_warped_time(cliffs, plan):
    replications = cliffs([300.0, 310.0])
    heard = []
    found = capacity(replications, plan, SLATarget(latency_ms=100), progress=lambda *each: heard.append(each))
    for number, (system, trace) in enumerate(replications):
        loads = [qps for each, qps, _ in heard if each == number]
        assert [asked.offered_qps for asked in system.asked] == pytest.approx(loads, rel=1e-4)
        assert len(set(loads)) == len(loads)  # no load is probed twice
        for asked in system.asked:
            assert np.array_equal(asked.size, trace.size)
            assert np.corrcoef(asked.arrival_ns, trace.arrival_ns)[0, 1] == pytest.approx(1)
    assert len(heard) == found.probes
    assert all(met == (qps <= 300.0 + 10 * number) for number, qps, met in heard)


def test_a_plan_that_misses_at_near_zero_load_has_no_capacity(cliffs, plan):
    found = capacity(cliffs([900.0, 900.0], unloaded_ms=120.0), plan, SLATarget(latency_ms=100))
    assert not found.met
    assert (found.qps, found.low_qps, found.high_qps) == (0, 0, 0)
    assert found.smallest_ms == found.percentile_ms == 120.0
    assert found.probes == 2


def test_one_replication_that_cannot_is_enough_to_miss(cliffs, plan):
    replications = [*cliffs([500.0]), *cliffs([500.0], unloaded_ms=120.0)]
    found = capacity(replications, plan, SLATarget(latency_ms=100))
    assert not found.met
    assert found.qps == 0
    assert found.per_replication[0] > 400
    assert found.per_replication[1] == 0
    assert found.smallest_ms == 120.0


def test_failed_queries_miss_the_target(plan, make_trace, records_of):
    class Dropping:
        """Fast, but loses one query in ten above 200 qps; one in fifty below."""

        def serve(self, trace, plan):
            every = 10 if trace.offered_qps > 200 else 50
            return records_of(trace, np.where(np.arange(len(trace)) % every == 0, -1, 1_000_000))

    found = capacity([Replication(Dropping(), make_trace(0, 2000))], plan, SLATarget(latency_ms=100))
    assert found.qps == pytest.approx(200, rel=0.006)


def test_an_isolated_miss_does_not_end_the_search(plan, make_trace, records_of):
    class Flickering:
        """Capacity 400 qps, but a band around 100 qps is missed for no good reason."""

        def serve(self, trace, plan):
            missed = trace.offered_qps > 400 or 99 < trace.offered_qps < 101
            return records_of(trace, np.full(len(trace), 60_000_000_000 if missed else 1_000_000))

    goal = SLATarget(latency_ms=100)
    found = capacity([Replication(Flickering(), make_trace(0, 2000))], plan, goal, start_qps=100)
    assert found.qps == pytest.approx(400, rel=0.006)
    assert not found.monotone


def test_one_replication_has_no_interval(cliffs, plan):
    found = capacity(cliffs([300.0]), plan, SLATarget(latency_ms=100))
    assert (found.low_qps, found.high_qps) == (0, math.inf)


def test_a_budget_of_slices_takes_a_prefix_and_says_so(cliffs, make_trace):
    replications = cliffs([300.0, 300.0], queries=3000)
    found = capacity(replications, single("m", batch_size=1, workers=4), SLATarget(latency_ms=100), slices=750_000)
    for system, trace in replications:
        (queries,) = {len(asked) for asked in system.asked}
        assert trace.size[:queries].sum() <= 750_000 < trace.size[: queries + 1].sum()
        assert all(np.array_equal(asked.size, trace.size[:queries]) for asked in system.asked)
    assert found.queries == sum(len(system.asked[0]) for system, _ in replications)


def test_a_trace_too_short_to_show_an_overload_is_refused(cliffs, plan):
    with pytest.raises(BadInputError, match=r"100 queries at .* too short") as caught:
        capacity(cliffs([5000.0], queries=100), plan, SLATarget(latency_ms=100))
    assert "queries a replication" in caught.value.hint


def test_a_system_without_limits_ends_too(cliffs, plan):
    found = capacity(cliffs([math.inf], 10_000, unloaded_ms=0.001), plan, SLATarget(latency_ms=0.01), tolerance=0.5)
    assert 1e7 < found.qps <= 1e8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replications": []}, "no replications"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"tolerance": math.nan}, "tolerance"),
        ({"start_qps": 0.0}, "start_qps"),
        ({"floor_qps": -1.0}, "floor_qps"),
        ({"floor_qps": math.nan}, "floor_qps"),
        ({"slices": 0}, "budget"),
    ],
)
def test_unusable_arguments_are_named(cliffs, plan, target, change, message):
    arguments = {"replications": cliffs([100.0]), "plan": plan, "target": target} | change
    with pytest.raises(BadInputError, match=message) as caught:
        capacity(**arguments)
    assert caught.value.hint


def test_a_trace_without_time_is_refused(cliff, plan, target):
    with pytest.raises(BadInputError, match="replication 0 has 0 queries"):
        capacity([Replication(cliff(lambda _: 1.0), Trace(np.zeros(0), np.zeros(0)))], plan, target)

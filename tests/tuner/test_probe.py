import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.metrics import SLATarget
from tailrank.tuner import ProbeSearch

FIXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
GOAL = SLATarget(latency_ms=100)


@pytest.fixture
def told(make_trace, records_of):
    """Tell a search what a system with these latencies (ms) would have recorded, until it is over."""
    trace = make_trace(0, 200)

    def run(search, latency_ms):
        asked = []
        while (qps := search.next_qps()) is not None:
            asked.append(qps)
            ns = np.full(len(trace), -1 if math.isinf(latency_ms(qps)) else round(latency_ms(qps) * 1e6))
            search.tell(qps, records_of(trace.at_rate(qps), ns))
        return asked

    return run


@FIXED
@given(truth=st.floats(10, 1e4), off=st.floats(0.2, 5), probes=st.integers(1, 15))
def test_the_truth_stays_in_the_bracket(told, truth, off, probes):
    search = ProbeSearch(GOAL, truth * off, probes=probes)
    asked = told(search, lambda qps: 10.0 if qps <= truth else 1000.0)
    found = search.bracket()
    assert found.low_qps <= truth < found.high_qps
    assert len(asked) == len(found.probes) <= probes
    assert len(set(asked)) == len(asked)
    if probes == 15:
        assert found.closed
        assert found.high_qps <= found.low_qps * 1.02


@FIXED
@given(truth=st.floats(10, 1e4), off=st.floats(0.9, 1.1), power=st.floats(0.5, 8))
def test_a_power_law_is_crossed_exactly_after_two_probes(told, truth, off, power):
    # Log latency is linear in log load, so interpolation has nothing to guess.
    search = ProbeSearch(GOAL, truth * off, probes=2)
    told(search, lambda qps: 100 * (qps / truth) ** power)
    found = search.bracket()
    assert found.closed
    assert found.qps == pytest.approx(truth, rel=1e-4)


def test_a_good_prediction_takes_two_probes_to_bracket(told):
    search = ProbeSearch(GOAL, 105.0, probes=8)
    asked = told(search, lambda qps: 10.0 if qps <= 100 else 1000.0)
    assert asked[0] == 105.0
    assert asked[1] == pytest.approx(105 / 1.15)
    assert all(asked[1] < qps < 105 for qps in asked[2:])


@pytest.mark.parametrize("off", [0.01, 100])
def test_a_prediction_off_by_a_hundred_is_bracketed_in_seven_probes(told, off):
    # Steps of 1, 2, 4, ... times 15 % cover a factor of 100 after six.
    search = ProbeSearch(GOAL, 1000 * off, probes=7)
    told(search, lambda qps: 10.0 if qps <= 1000 else 1000.0)
    assert search.bracket().closed


def test_failures_say_nothing_about_where_the_target_is_crossed(told):
    search = ProbeSearch(GOAL, 100.0, probes=2)
    told(search, lambda qps: 99.0 if qps <= 100 else math.inf)
    found = search.bracket()
    assert found.probes[1].percentile_ms == math.inf
    assert found.qps == pytest.approx(math.sqrt(found.low_qps * found.high_qps))


def test_a_side_never_found_is_left_open(told):
    search = ProbeSearch(GOAL, 100.0, probes=3)
    told(search, lambda _: 10.0)
    found = search.bracket()
    assert found[1:3] == (math.inf, found.low_qps)
    assert not found.closed
    search = ProbeSearch(GOAL, 100.0, probes=3)
    told(search, lambda _: 1000.0)
    assert search.bracket()[::2][:2] == (0, 0)
    assert not search.bracket().closed


def test_a_probe_out_of_order_never_turns_the_bracket_inside_out(make_trace, records_of):
    # Noise: 120 met after 110 missed.
    search = ProbeSearch(GOAL, 100.0)
    trace = make_trace(0, 200)
    for qps, latency_ms in ((100.0, 10), (110.0, 1000), (120.0, 10), (90.0, 1000)):
        search.tell(qps, records_of(trace.at_rate(qps), np.full(len(trace), latency_ms * 1_000_000)))
    assert search.bracket()[:2] == (100, 110)


def test_two_plans_take_turns(cliff, make_trace, plan):
    trace, order = make_trace(0, 500), []
    systems = {"tuned": cliff(lambda _: 200.0), "baseline": cliff(lambda _: 120.0)}
    searches = {name: ProbeSearch(GOAL, 150.0) for name in systems}
    while any(search.next_qps() is not None for search in searches.values()):
        for name, search in searches.items():
            if (qps := search.next_qps()) is not None:
                order.append(name)
                search.tell(qps, systems[name].serve(trace.at_rate(qps), plan))
    assert order[:6] == ["tuned", "baseline"] * 3
    assert searches["tuned"].bracket().low_qps == pytest.approx(200, rel=0.03)
    assert searches["baseline"].bracket().low_qps == pytest.approx(120, rel=0.03)


def test_driving_a_system_whose_capacity_is_known(queue, make_trace, plan):
    # M/M/1 again: p95 = ln 20 / (mu - lambda); one run of 40,000 queries at load .7 is good to some per cent.
    goal = SLATarget(latency_ms=10)
    trace = make_trace(5, 40_000)
    system, search = queue(5, lambda _: 1e6), ProbeSearch(goal, 800.0, probes=10)
    while (qps := search.next_qps()) is not None:
        search.tell(qps, system.serve(trace.at_rate(qps), plan))
    found = search.bracket()
    assert found.closed
    assert found.qps == pytest.approx(1000 - math.log(20) / 0.01, rel=0.06)
    assert all(probe.met == (probe.percentile_ms <= 10) for probe in found.probes)


@pytest.mark.parametrize("options", [{"start_qps": 0.0}, {"probes": 0}, {"step": 1.0}, {"tolerance": 0.0}])
def test_unusable_searches_are_refused(options):
    with pytest.raises(BadInputError):
        ProbeSearch(GOAL, **({"start_qps": 1.0} | options))


def test_probes_beyond_the_budget_are_granted_only_to_find_a_bracket(told):
    far = ProbeSearch(GOAL, 100.0, probes=2, reach=6)
    asked = told(far, lambda qps: 10.0 if qps <= 300 else 1000.0)
    assert far.bracket().closed
    assert 2 < len(asked) <= 8
    near = ProbeSearch(GOAL, 105.0, probes=3, reach=6)
    assert len(told(near, lambda qps: 10.0 if qps <= 100 else 1000.0)) == 3
    never = ProbeSearch(GOAL, 100.0, probes=2, reach=3)
    assert len(told(never, lambda qps: 1000.0)) == 5


def test_an_overloaded_run_says_how_fast_the_system_is(make_trace, records_of):
    trace = make_trace(0, 2000)
    search = ProbeSearch(GOAL, 1000.0, probes=4)
    offered = trace.at_rate(1000.0)
    # served at 250 a second, one after the other: the last finishes after 8 s instead of 2
    finish = np.maximum(np.arange(1, 2001) * 4_000_000, offered.arrival_ns)
    search.tell(1000.0, records_of(offered, finish - offered.arrival_ns))
    assert search.next_qps() == pytest.approx(0.98 * 250, rel=0.01)


def test_a_hopeless_plan_is_given_up(told):
    search = ProbeSearch(GOAL, 100.0, probes=20, step=1.1, floor_qps=40.0)
    asked = told(search, lambda qps: 1000.0)
    assert min(asked) >= 40
    assert len(asked) < 8
    assert not search.bracket().closed

"""Contests over plants whose capacity is known in every repetition."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import Plan, single
from tailrank.metrics import SLATarget
from tailrank.tuner import Candidate, Replication, capacity
from tailrank.tuner.contest import Contest

FIXED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TARGET = SLATarget(latency_ms=10)
FIRST, OTHER = (single("m", batch_size=size, workers=4) for size in (64, 8))


@pytest.fixture
def contest(cliffs, cliff):
    """A contest in which the first plan leads; a list of capacities by repetition for each plan."""

    def make(first: list[float], other: list[float], **more) -> Contest:
        truth = {64: first, 8: other}

        def of(number: int):
            return lambda plan: truth[plan.stages[0].batch_size][number]

        traces = [each.trace for each in cliffs([1.0] * len(first))]
        replications = [Replication(cliff(of(number)), trace) for number, trace in enumerate(traces)]
        best = Candidate(FIRST, capacity(replications, FIRST, TARGET), "first")
        return Contest(replications, TARGET, best, **more)

    return make


@FIXED
@given(st.lists(st.floats(100, 4000), min_size=4, max_size=4), st.sampled_from([0.0, 0.05]))
def test_the_higher_mean_wins_as_if_both_had_been_measured(contest, loads, margin):
    here = contest(loads[:2], loads[2:], margin=margin)
    other = capacity(here.replications, OTHER, TARGET)
    wins = other.qps > here.best.capacity.qps * (1 + margin)
    assert (here.challenge(OTHER) == "best") == wins
    assert here.best.plan == (OTHER if wins else FIRST)


def test_a_plan_that_is_worse_everywhere_costs_a_run_a_repetition(contest):
    here = contest([1000.0, 1200.0, 900.0], [800.0, 800.0, 800.0])
    assert here.challenge(OTHER) == "refused"
    assert here.probes == 3
    assert here.served == {repr(OTHER)}


def test_one_good_repetition_is_reason_to_measure_but_not_to_win(contest):
    here = contest([1000.0, 1000.0], [1100.0, 500.0])
    assert here.challenge(OTHER) == "measured"
    assert here.best.plan == FIRST


def test_a_plan_that_cannot_do_the_work_is_not_served(contest):
    here = contest([1000.0], [5000.0], bound=lambda _: 900.0, slack=0.1)
    assert here.challenge(OTHER) == "bounded"
    assert (here.probes, here.served) == (0, set())
    assert here.limit_qps(OTHER) == pytest.approx(990)


def test_a_bound_within_the_slack_says_nothing(contest):
    here = contest([1000.0], [5000.0], bound=lambda _: 960.0, slack=0.05)
    assert here.challenge(OTHER) == "best"


def test_the_margin_keeps_a_plan_that_is_hardly_worse(contest):
    better: Plan = OTHER
    assert contest([1000.0], [1040.0], margin=0.05).challenge(better) == "refused"
    assert contest([1000.0], [1040.0], margin=0.01).challenge(better) == "best"

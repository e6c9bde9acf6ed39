import pytest

from tailrank.core import Plan, single
from tailrank.metrics import SLATarget
from tailrank.tuner.race import Course, Leader

TARGET = SLATarget(latency_ms=100)


def plans(*batches: int) -> list[Plan]:
    return [single("m", batch_size=batch, workers=4) for batch in batches]


def course(cliff, make_trace, truth, bound=lambda plan: 1e5) -> Course:
    return Course(cliff(truth), make_trace(1, 2000), TARGET, bound, floor_qps=0.05)


def of_batch(capacities: dict[int, float]):
    return lambda plan: capacities[plan.stages[0].batch_size]


TRUTH = {1: 100.0, 2: 150.0, 4: 200.0, 8: 170.0, 16: 120.0}


def test_the_best_plan_wins(cliff, make_trace):
    here = course(cliff, make_trace, of_batch(TRUTH))
    led = here.race(None, plans(*TRUTH))
    assert led is not None
    assert led.plan.stages[0].batch_size == 4
    assert here.qps(led) == pytest.approx(200, rel=0.011)


@pytest.mark.parametrize("order", [(1, 2, 4, 8, 16), (16, 8, 4, 2, 1), (4, 1, 16, 2, 8)])
def test_the_order_does_not_matter(cliff, make_trace, order):
    here = course(cliff, make_trace, of_batch(TRUTH))
    led = None
    for plan in plans(*order):
        led = here.race(led, [plan])
    assert led is not None
    assert led.plan.stages[0].batch_size == 4


def test_a_loser_costs_one_run_and_a_bounded_one_none(cliff, make_trace):
    here = course(
        cliff, make_trace, of_batch(TRUTH), bound=lambda plan: 110.0 if plan.stages[0].batch_size == 1 else 1e5
    )
    led = here.measure(plans(4)[0])
    before = here.runs
    assert here.race(led, plans(1)) == led
    assert here.runs == before
    assert here.race(led, plans(2, 8, 16)) == led
    assert here.runs == before + 3


def test_a_plan_that_cannot_be_in_time_is_left_out(cliff, make_trace):
    here = course(cliff, make_trace, of_batch(TRUTH), bound=lambda plan: 0.0)
    assert here.race(None, plans(1, 2)) is None
    assert here.runs == 0


def test_nobody_leads_where_all_miss(cliff, make_trace):
    here = Course(cliff(of_batch(TRUTH), unloaded_ms=200.0), make_trace(1, 500), TARGET, lambda plan: 50.0, 0.05)
    assert here.race(None, plans(1, 2)) is None


def test_a_guess_changes_the_cost_and_not_the_answer(cliff, make_trace):
    one, other = (course(cliff, make_trace, of_batch(TRUTH)) for _ in range(2))
    plain, guessed = one.measure(plans(4)[0]), other.measure(plans(4)[0], near_qps=199.0)
    assert isinstance(plain, Leader)
    assert plain == guessed


def test_of_equals_the_first_is_taken(cliff, make_trace):
    here = course(cliff, make_trace, of_batch({1: 100.0, 2: 199.9, 4: 200.0, 8: 199.9}))
    led = here.race(None, plans(1, 2, 4, 8))
    first = here.first(led, plans(1, 2, 4, 8))
    assert first is not None
    assert first.plan.stages[0].batch_size == 2
    assert here.first(None, plans(1)) is None

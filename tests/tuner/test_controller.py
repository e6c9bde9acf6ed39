import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, single
from tailrank.core.config import from_dict
from tailrank.metrics import SLATarget
from tailrank.tuner import Controller, Fixed, Foresight, Habits, PlanTable, Seen, TableRow

GOAL = SLATarget(latency_ms=10)
LOADS = (100.0, 200.0, 400.0, 800.0)


def sized(batch_size: int) -> Plan:
    return single("m", batch_size=batch_size, workers=4)


TABLE = PlanTable(
    target=GOAL,
    rows=tuple(TableRow(qps=qps, plan=sized(8 * n), tail_ms=2.0) for n, qps in enumerate(LOADS, start=1)),
)
PLAIN = Habits(alpha=1.0, headroom=1.0, hysteresis=0.0, patience=1)


def fed(controller: Controller, loads: list[float], tail_ms: float = 2.0, start: int = 0) -> list[int]:
    """Feed windows of these loads and return the row after each."""
    rows = []
    for number, qps in enumerate(loads, start=start):
        controller.observe(Seen(number, qps, 1000, tail_ms))
        rows.append(controller.row)
    return rows


def test_a_plain_controller_follows_the_load() -> None:
    assert fed(Controller(TABLE, PLAIN), [50, 100, 101, 399, 401, 900, 10]) == [0, 0, 1, 2, 3, 3, 0]


def test_it_begins_with_the_highest_row_of_the_given_plan_and_with_the_highest_of_all_else() -> None:
    controller = Controller(TABLE)
    assert controller.start(sized(16)) == sized(16)
    assert controller.row == 1
    assert controller.start(sized(1000)) == sized(32)


def test_headroom_prepares_for_more_than_was_seen() -> None:
    habits = Habits(alpha=1.0, headroom=1.5, hysteresis=0.0, patience=1)
    assert fed(Controller(TABLE, habits), [90, 66, 134]) == [1, 0, 2]


def test_it_climbs_at_once_and_descends_with_patience() -> None:
    habits = Habits(alpha=1.0, headroom=1.0, hysteresis=0.0, patience=3)
    assert fed(Controller(TABLE, habits), [50] * 2) == [3, 3]
    assert fed(Controller(TABLE, habits), [50] * 3 + [700, 50, 50, 300, 50]) == [3, 3, 0, 3, 3, 3, 2, 2]


def test_a_load_that_trembles_around_a_border_does_not_make_it_flutter() -> None:
    habits = Habits(alpha=1.0, headroom=1.0, hysteresis=0.1, patience=1)
    controller = Controller(TABLE, habits)
    fed(controller, [50])
    before = controller.changes
    assert fed(controller, [195, 205, 195, 205, 195, 205], start=1) == [1, 2, 2, 2, 2, 2]
    assert controller.changes == before + 2
    trembling = Controller(TABLE, PLAIN)
    fed(trembling, [50, 195, 205, 195, 205, 195, 205])
    assert trembling.changes > controller.changes


def test_the_moving_average_remembers_and_begins_anew_with_a_surge() -> None:
    habits = Habits(alpha=0.5, headroom=1.0, hysteresis=0.0, patience=1, surge=1.3)
    controller = Controller(TABLE, habits)
    fed(controller, [700, 100])
    assert controller.expected_qps == pytest.approx(400)
    fed(controller, [500], start=2)
    assert controller.expected_qps == pytest.approx(450)  # 500 is within 1.3 x 400: perhaps noise
    fed(controller, [600], start=3)
    assert controller.expected_qps == pytest.approx(600)


def test_measured_lateness_costs_trust_and_punctuality_restores_it() -> None:
    habits = Habits(alpha=1.0, headroom=1.0, hysteresis=0.0, patience=1, distrust=0.5, regain=2.0, least_trust=0.2)
    controller = Controller(TABLE, habits)
    fed(controller, [90, 90])
    assert (controller.row, controller.trust) == (0, 1.0)
    assert fed(controller, [90] * 4, tail_ms=11.0, start=2) == [1, 2, 3, 3]  # 180, 360, then trust at its least
    assert controller.trust == 0.2
    assert fed(controller, [90] * 3, start=6) == [2, 1, 0]
    assert controller.trust == 1.0


def test_few_finished_queries_say_nothing() -> None:
    controller = Controller(TABLE, PLAIN)
    controller.start(sized(8))
    controller.observe(Seen(0, 50, PLAIN.least_queries - 1, math.inf))
    assert controller.trust == 1.0
    controller.observe(Seen(1, 50, PLAIN.least_queries, math.inf))
    assert controller.trust < 1.0


def test_a_change_that_makes_a_punctual_system_late_is_rolled_back_and_banned() -> None:
    habits = Habits(alpha=1.0, headroom=1.0, hysteresis=0.0, patience=1, banned=3)
    controller = Controller(TABLE, habits)
    assert fed(controller, [150, 50]) == [1, 0]
    assert fed(controller, [50], tail_ms=20.0, start=2) == [1]
    assert (controller.rollbacks, controller.trust) == (1, 1.0)
    assert fed(controller, [50] * 2, start=3) == [1, 1]  # windows 3 and 4: still banned
    assert fed(controller, [50], start=5) == [0]


def test_lateness_under_a_load_that_the_old_row_could_not_serve_is_no_reason_to_go_back() -> None:
    controller = Controller(TABLE, PLAIN)
    fed(controller, [50, 300])
    assert fed(controller, [300], tail_ms=20.0, start=2)[0] >= 2
    assert controller.rollbacks == 0


def test_a_change_made_because_the_system_was_late_is_not_rolled_back() -> None:
    controller = Controller(TABLE, PLAIN)
    controller.start(sized(8))
    fed(controller, [90])
    fed(controller, [90] * 4, tail_ms=20.0, start=1)
    assert controller.rollbacks == 0
    assert controller.row > 0


@given(
    st.lists(st.tuples(st.floats(0, 2000), st.integers(0, 200), st.floats(0, 50)), max_size=60),
    st.builds(
        Habits,
        alpha=st.floats(0.01, 1),
        surge=st.floats(1, 3),
        headroom=st.floats(1, 2),
        hysteresis=st.floats(0, 1),
        patience=st.integers(1, 5),
        distrust=st.floats(0.1, 1),
        least_trust=st.floats(0.1, 1),
        regain=st.floats(1, 2),
        banned=st.integers(0, 10),
    ),
)
def test_whatever_happens_it_stays_in_the_table_and_counts_its_changes(
    seen: list[tuple[float, int, float]], habits: Habits
) -> None:
    controller = Controller(TABLE, habits)
    before, changes = controller.plan, 0
    for number, (qps, finished, tail_ms) in enumerate(seen):
        after = controller.observe(Seen(number, qps, finished, tail_ms))
        changes += after != before
        before = after
        assert after == TABLE.rows[controller.row].plan == controller.plan
        assert habits.least_trust <= controller.trust <= 1 or controller.trust == 1.0
        assert controller.expected_qps * habits.surge >= qps * (1 - 1e-9)  # what is beyond is not taken for noise
    assert controller.changes == changes
    again = Controller(TABLE, habits)
    again.start(sized(8))
    controller.start(sized(8))
    assert vars(again) == vars(controller)  # nothing of the past is left


def test_the_oracle_takes_the_row_of_the_window_to_come() -> None:
    oracle = Foresight(TABLE, [50, 150, 900])
    assert oracle.start(sized(99)) == sized(8)
    assert oracle.observe(Seen(0, 50, 10, 1.0)) == sized(16)
    assert oracle.observe(Seen(1, 150, 10, 1.0)) == sized(32)
    assert oracle.observe(Seen(2, 900, 10, 1.0)) == sized(32)
    assert Foresight(TABLE, []).start(sized(99)) == sized(8)


def test_a_fixed_policy_never_moves() -> None:
    fixed = Fixed()
    assert fixed.start(sized(3)) == sized(3)
    assert fixed.observe(Seen(0, 1e9, 1000, math.inf)) == sized(3)


@pytest.mark.parametrize("habits", [{"alpha": 0.0}, {"headroom": 0.9}, {"patience": 0}, {"distrust": 1.5}, {"x": 1}])
def test_habits_that_make_no_sense_are_refused(habits: dict[str, float]) -> None:
    with pytest.raises(BadInputError):
        from_dict(Habits, habits)

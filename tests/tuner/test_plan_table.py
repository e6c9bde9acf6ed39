import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from tailrank.core import BadInputError, InfeasibleError, Plan, Pool, Records, SliceRecords, Trace, single
from tailrank.core.config import dumps, loads
from tailrank.metrics import SLATarget
from tailrank.tuner import PlanTable, Replication, TableRow, busy_shares, plan_table

MakeTrace = Callable[[int, int], Trace]
GOAL = SLATarget(latency_ms=10)


def sized(batch_size: int) -> Plan:
    return single("m", batch_size=batch_size, workers=4)


def row(qps: float, batch_size: int) -> TableRow:
    return TableRow(qps=qps, plan=sized(batch_size), tail_ms=1.0)


class Known:
    """Every query takes a time that depends on plan and load alone; it notes how busy the pool was."""

    def __init__(self, tail_ms: Callable[[int, float], float], busy: Callable[[int, float], float]) -> None:
        self.tail_ms, self.busy, self.asked = tail_ms, busy, list[tuple[int, int]]()

    def serve(self, trace: Trace, plan: Plan) -> Records:
        size, qps = plan.stages[0].batch_size, trace.offered_qps
        self.asked.append((size, round(qps)))
        finish_ns = trace.arrival_ns + round(self.tail_ms(size, qps) * 1e6)
        empty = SliceRecords(*(np.zeros(0, dtype=np.int64) for _ in range(9)))
        meta = {"utilisation.cpu": self.busy(size, qps)}
        return Records(trace.arrival_ns, trace.size, trace.arrival_ns, finish_ns, empty, meta=meta)


def small_is_quick_large_is_strong(size: int, qps: float) -> float:
    """Small batches answer sooner, but only up to a load that grows with the batch size."""
    return (1.0 + size / 10) if qps <= 10 * size else 1000.0


def power(busy: Mapping[str, float]) -> float:
    return 100 + 100 * busy["cpu"]


@pytest.fixture
def known(make_trace: MakeTrace) -> Callable[..., tuple[Known, list[Replication]]]:
    def make(
        tail_ms: Callable[[int, float], float] = small_is_quick_large_is_strong,
        busy: Callable[[int, float], float] = lambda size, qps: min(1.0, qps / 100 / size),
    ) -> tuple[Known, list[Replication]]:
        system = Known(tail_ms, busy)
        return system, [Replication(system, make_trace(seed, 2000)) for seed in range(2)]

    return make


PLANS = [sized(size) for size in (8, 16, 32)]


def sizes_of(table: PlanTable) -> list[int]:
    return [each.plan.stages[0].batch_size for each in table.rows]


def test_each_load_gets_the_plan_with_the_lowest_tail(known: Callable[..., tuple[Known, list[Replication]]]) -> None:
    _, replications = known()
    table = plan_table(replications, PLANS, [300, 50, 150, 100], GOAL)
    assert [each.qps for each in table.rows] == [50, 100, 150, 300]
    assert sizes_of(table) == [8, 16, 16, 32]
    assert [each.tail_ms for each in table.rows] == pytest.approx([1.8, 2.6, 2.6, 4.2])
    assert [plan.stages[0].batch_size for plan in table.plans] == [8, 16, 32]


def test_a_reserve_asks_for_plans_that_stand_more_than_their_load(
    known: Callable[..., tuple[Known, list[Replication]]],
) -> None:
    _, replications = known()
    loads = [50, 70, 100, 150, 300]
    assert sizes_of(plan_table(replications, PLANS, loads, GOAL)) == [8, 8, 16, 16, 32]
    # 1.4 x 50 is within the smallest batch's 80, 1.4 x 70 is not; 1.4 x 150 is beyond 160; beyond all loads nothing is.
    assert sizes_of(plan_table(replications, PLANS, loads, GOAL, reserve=1.4)) == [8, 16, 16, 32, 32]


def test_the_table_ends_where_no_plan_serves_the_load(known: Callable[..., tuple[Known, list[Replication]]]) -> None:
    system, replications = known()
    table = plan_table(replications, PLANS, [50, 200, 400, 800], GOAL)
    assert [each.qps for each in table.rows] == [50, 200]
    assert not any(size == 8 and qps > 210 for size, qps in system.asked)  # it missed at 200: not tried above
    with pytest.raises(InfeasibleError, match="no plan meets"):
        plan_table(replications, PLANS, [400], GOAL)


def test_a_frugal_table_takes_least_power_that_leaves_a_margin(
    known: Callable[..., tuple[Known, list[Replication]]],
) -> None:
    _, replications = known(tail_ms=lambda size, qps: 1.0 + size / 5)  # 2.6, 4.2, 7.4 ms
    loads = [40.0]
    assert sizes_of(plan_table(replications, PLANS, loads, GOAL)) == [8]
    frugal = plan_table(replications, PLANS, loads, GOAL, objective="frugal", power=power)
    assert sizes_of(frugal) == [32]
    assert frugal.rows[0].power_w == pytest.approx(100 + 100 * 40 / 3200, rel=1e-3)
    assert sizes_of(plan_table(replications, PLANS, loads, GOAL, objective="frugal", power=power, margin=0.6)) == [16]
    none_fits = plan_table(replications, PLANS, loads, GOAL, objective="frugal", power=power, margin=0.1)
    assert sizes_of(none_fits) == [8]  # the lowest tail


def test_a_near_tie_keeps_the_plan_of_the_higher_load(known: Callable[..., tuple[Known, list[Replication]]]) -> None:
    def tails(size: int, qps: float) -> float:
        return (2.0 if size == 8 else 2.02) if qps < 75 or size == 16 else 5.0

    _, replications = known(tail_ms=tails)
    assert sizes_of(plan_table(replications, PLANS[:2], [50, 100], GOAL)) == [16, 16]


def test_a_load_finds_its_row() -> None:
    table = PlanTable(target=GOAL, rows=(row(100, 8), row(200, 16), row(400, 8)))
    assert [table.index(qps) for qps in (0, 99, 100, 101, 200, 399, 400, 1e9)] == [0, 0, 0, 1, 1, 2, 2, 2]
    assert table.row(150).qps == 200


def test_a_table_survives_its_file() -> None:
    table = PlanTable(target=GOAL, rows=(row(100, 8), row(200, 16)), objective="frugal")
    assert loads(PlanTable, dumps(table)) == table


def test_bad_tables_are_refused() -> None:
    with pytest.raises(BadInputError, match="not above the row before"):
        PlanTable(target=GOAL, rows=(row(100, 8), row(100, 16)))
    other = TableRow(qps=200, plan=single("m", batch_size=8, workers=5), tail_ms=1.0)
    with pytest.raises(BadInputError, match="pools differ"):
        PlanTable(target=GOAL, rows=(row(100, 8), other))


def test_bad_questions_are_refused(known: Callable[..., tuple[Known, list[Replication]]]) -> None:
    _, replications = known()
    for plans, qps, more in (
        ([], [1.0], {}),
        (PLANS, [], {}),
        (PLANS, [0.0], {}),
        (PLANS, [math.inf], {}),
        (PLANS, [1.0], {"margin": 0.0}),
        (PLANS, [1.0], {"reserve": 0.9}),
        (PLANS, [1.0], {"objective": "frugal"}),
        ([sized(8), single("m", batch_size=8, workers=5)], [1.0], {}),
    ):
        with pytest.raises(BadInputError) as caught:
            plan_table(replications, plans, qps, GOAL, **more)  # type: ignore[arg-type]
        assert caught.value.hint


def test_busy_shares_are_noted_or_read_off_the_slices(make_trace: MakeTrace) -> None:
    plan = Plan(stages=sized(8).stages, pools={"cpu": Pool(workers=2)})
    one = np.array([0])
    column = np.array([0, 10])
    slices = SliceRecords(*([np.zeros(2, np.int64)] * 5), np.array([0, 1]), column, column, column + 10)
    records = Records(one, one + 1, one, one + 20, slices)
    assert busy_shares(records, plan) == {"cpu": 0.5}
    noted = Records(one, one + 1, one, one + 20, slices, meta={"utilisation.cpu": 0.25, "utilisation.dispatcher": 1.0})
    assert busy_shares(noted, plan) == {"cpu": 0.25}


def spread(size: int, qps: float) -> float:
    """A plan of 8 is quick until 100 qps and slow above; one of 32 the same at every load it serves."""
    return {8: 2.0 if qps <= 101 else 6.0, 32: 4.0}[size]


def test_shares_keep_every_row_from_delaying_more_queries_than_the_best_single_plan(
    known: Callable[..., tuple[Known, list[Replication]]],
) -> None:
    _, replications = known(tail_ms=spread)
    plans, loads = [sized(8), sized(32)], [50.0, 100.0, 200.0]
    busy_evenings = plan_table(replications, plans, loads, GOAL, shares=[0.4, 0.4, 0.2])
    assert busy_evenings.single == sized(32)  # 4 ms all day; the other would be at 6 ms for a fifth of the queries
    assert sizes_of(busy_evenings) == [8, 8, 32]
    careful = plan_table(replications, plans, loads, GOAL, shares=[0.4, 0.4, 0.2], reserve=1.5)
    assert sizes_of(careful) == [8, 32, 32]  # at 1.5 x 100 the quick plan would delay queries beyond 4 ms
    quiet = plan_table(replications, plans, loads, GOAL, shares=[0.5, 0.46, 0.04])
    assert quiet.single == sized(8)  # what is late at 200 qps is within the twentieth
    assert sizes_of(quiet)[:2] == [8, 8]


@pytest.mark.parametrize(
    ("shares", "more"),
    [
        ([0.5], {}),
        ([0.0, 0.0], {}),
        ([0.5, 0.5], {"objective": "frugal", "power": power}),
    ],
)
def test_shares_that_make_no_sense_are_refused(
    shares: list[float], more: dict[str, object], known: Callable[..., tuple[Known, list[Replication]]]
) -> None:
    _, replications = known()
    with pytest.raises(BadInputError, match="shares"):
        plan_table(replications, PLANS, [50.0, 100.0], GOAL, shares=shares, **more)  # type: ignore[arg-type]


def test_a_table_with_loads_of_numpy_can_be_written(known: Callable[..., tuple[Known, list[Replication]]]) -> None:
    _, replications = known()
    table = plan_table(replications, PLANS, list(np.linspace(50, 100, 2)), GOAL, shares=[1, 1])
    assert loads(PlanTable, dumps(table), source="text") == table

"""The controller on the real engine: windows one after another, the plan changed between them."""

import numpy as np

from tailrank.core import Plan, Trace, single
from tailrank.engine import Engine, TimedScorer
from tailrank.metrics import SLATarget
from tailrank.tuner import Controlled, Controller, Habits, PlanTable, TableRow, account


def test_the_engine_serves_every_query_while_plans_change() -> None:
    small, large = (single("m", batch_size=size, workers=2) for size in (16, 256))
    goal = SLATarget(latency_ms=50)
    rows = (TableRow(qps=150, plan=small, tail_ms=5.0), TableRow(qps=1000, plan=large, tail_ms=5.0))
    second = np.concatenate([np.linspace(0, 0.2, 10), np.linspace(0.2, 0.4, 80), np.linspace(0.4, 1.0, 30)])
    trace = Trace((second * 1e9).astype(np.int64), np.full(120, 100))
    table = PlanTable(target=goal, rows=rows)
    habits = Habits(alpha=1.0, headroom=1.0, patience=1, least_queries=1000)  # the machine's own pace must not count
    controlled = Controlled(
        Engine({"m": TimedScorer(200_000, 5_000)}), Controller(table, habits), goal, window_s=0.2, repeatable=False
    )
    records = controlled.serve(trace, small)
    assert records.ok.all()
    served: list[Plan] = [step.plan for step in controlled.steps]
    # 50, 400, 50, 50, 50 and (the last query) 5 queries/s: each window's plan follows the window before it.
    assert served == [small, small, large, small, small, small]
    slices = np.bincount(records.slices.query, minlength=120)
    window = trace.arrival_ns // 200_000_000
    assert (slices[window == 2] == 1).all()
    assert (slices[window != 2] == 7).all()
    assert np.bincount(records.slices.query, weights=records.slices.size).tolist() == [100] * 120
    assert account(records, goal, window_s=0.2).queries == 120

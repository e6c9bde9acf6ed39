"""Two plants without noise, on which the climb must find what is there to be found."""

from collections.abc import Callable
from typing import Any

from tailrank.core import Plan, Pool, Stage
from tailrank.metrics import SLATarget
from tailrank.tuner import Capacity, climb

__all__ = ["climbs"]

THRESHOLDS = (96, 128, 192, 256, 384, 512)  # as the artifact lists them
PLANT = Plan(
    stages=(Stage(model="plant", batch_size=64),), pools={"cpu": Pool(workers=2), "gpu": Pool(workers=1, device="cuda")}
)


def climbs() -> dict[str, Any]:
    """Return what the climb measures and takes where the first threshold is best, and where the GPU is useless.

    {"listed", "measured": thresholds, "without_measured": whether no offload was measured, "first_best" and
    "useless_gpu": the threshold taken on each plant, None for no offload}.
    """
    measured, first = _run(lambda at: 100.0 if at is None else 400.0 - at / 4)
    _, useless = _run(lambda at: 100.0 if at is None else 50.0 + at / 100)
    return {
        "listed": list(THRESHOLDS),
        "measured": [at for at in measured if at is not None],
        "without_measured": None in measured,
        "first_best": first,
        "useless_gpu": useless,
    }


def _run(qps_at: Callable[[int | None], float]) -> tuple[list[int | None], int | None]:
    search = climb(
        lambda plan: _exact(qps_at(plan.stages[0].offload_at)),
        PLANT,
        batches=(64,),
        thresholds=THRESHOLDS,
        offload_pool="gpu",
        refine=False,
    )
    return [each.plan.stages[0].offload_at for each in search.candidates], search.best.plan.stages[0].offload_at


def _exact(qps: float) -> Capacity:
    """Return a capacity known without noise."""
    return Capacity(
        qps=qps,
        low_qps=qps,
        high_qps=qps,
        per_replication=(qps, qps),
        queries=0,
        probes=0,
        percentile_ms=1.0,
        smallest_ms=1.0,
        run_s=1.0,
        met=True,
        monotone=True,
        target=SLATarget(latency_ms=1.0),
        tolerance=0.0,
    )

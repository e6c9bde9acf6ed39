import numpy as np
import pytest

from tailrank.cli.calibration import full_qps, served_by
from tailrank.core import Plan, Pool, Records, SliceRecords, Stage
from tailrank.timing import Point, Profile
from tailrank.workload import Fixed, Workload

SIZE = 100


def profile(item_ns: int) -> Profile:
    """A profile whose time is `item_ns` an item, without fixed cost."""
    return Profile(
        network="m", points=tuple(Point(items=n, busy=1, samples_ns=(n * item_ns,)) for n in (1, SIZE, 2 * SIZE))
    )


WORKLOAD = Workload(sizes=Fixed(size=SIZE))
PROFILES = {"cpu": profile(1000), "gpu": profile(10)}
PLAN = Plan(
    stages=(Stage(model="m", batch_size=30),),
    pools={"cpu": Pool(workers=2), "gpu": Pool(workers=3, device="cuda")},
)


def offloading(at: int) -> Plan:
    stage = Stage(model="m", batch_size=30, offload_at=at, offload_pool="gpu")
    return Plan(stages=(stage,), pools=PLAN.pools)


def test_workers_are_full_when_their_time_is_used_up() -> None:
    assert full_qps(PROFILES, PLAN, WORKLOAD, 0) == pytest.approx(2 / (SIZE * 1000e-9))


def test_offloaded_queries_fill_the_other_pool() -> None:
    assert full_qps(PROFILES, offloading(SIZE), WORKLOAD, 0) == pytest.approx(3 / (SIZE * 10e-9))
    assert full_qps(PROFILES, offloading(SIZE + 1), WORKLOAD, 0) == full_qps(PROFILES, PLAN, WORKLOAD, 0)


def test_the_fuller_pool_decides() -> None:
    mixed = Workload()  # many sizes: both pools have work
    loads = [full_qps(PROFILES, offloading(at), mixed, 0) for at in (1, 50, 200, 100_000)]
    assert loads[0] > 10 * loads[-1]
    assert loads[1] >= loads[2] >= loads[3]  # the slow pool keeps more and more


def test_who_served_is_what_the_engine_said() -> None:
    none, no_slices = np.empty(0, dtype=np.int64), SliceRecords(*[np.empty(0, dtype=np.int64)] * 9)
    meta = {"native.cpu": 1.0, "native.gpu": 0.0, "dispatcher_cpu_ns": 5.0}
    run = Records(none, none, none, none, no_slices, meta=meta)
    assert served_by([run]) == {"cpu": "native threads", "gpu": "Python threads"}
    assert served_by([]) == {}

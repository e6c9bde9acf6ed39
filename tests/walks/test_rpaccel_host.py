"""The funnel explorer on a host that has the accelerator beside its CPU: nothing of it knows what that is."""

from tailrank import zoo
from tailrank.accelerator import ATTACH
from tailrank.metrics import FunnelQuality, SLATarget
from tailrank.timing import parse_host, services
from tailrank.tuner.explore import Asked, Bench, Explorer, default_space
from tailrank.tuner.rpaccel import planted

NETWORKS = ("rm-small", "rm-large")


def test_stages_of_a_funnel_are_mapped_to_it() -> None:
    host = parse_host("cascade-lake:cores=8+rpaccel", ATTACH)
    tables = planted(queries=20, items=256)
    times = {key: time for name in NETWORKS for key, time in services(zoo.get(name), host).items()}
    space = default_space(NETWORKS, [256] * 20, host.pools(), results=32)
    target = SLATarget(latency_ms=20.0, percentile=95.0)
    scores = {name: tables.scores[name] for name in NETWORKS}
    quality = FunnelQuality(tables.first, tables.label, scores, k=32)
    bench = Bench(space, times, tables.first[1:] - tables.first[:-1], target, power_w=host.power_at)
    found = Explorer(bench, quality, Asked(drop=0.005, load_qps=100.0)).explore()
    assert {pool.device for pool in found.chosen.plan.pools.values()} >= {"rpaccel"}
    assert found.chosen.capacity_qps > 0

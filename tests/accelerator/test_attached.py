import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank import zoo
from tailrank.accelerator import ATTACH, CORRECTED, Array, Chip, Setting, demand, rpaccel, stage_cycles
from tailrank.core import BadInputError, InfeasibleError, Plan, Pool, Stage
from tailrank.simulator import Simulator
from tailrank.timing import check_plan, parse_host, services
from tailrank.workload import Fixed, Workload
from tailrank.zoo import Chain, Network, TableConfig

HOST = "cascade-lake:cores=8+rpaccel"


def funnel(workers: int = 4, device: str = "rpaccel") -> Plan:
    return Plan(
        stages=(
            Stage(model="rm-small", batch_size=512, pool="front", keep=64),
            Stage(model="rm-large", batch_size=64, pool="cpu"),
        ),
        pools={"front": Pool(workers=workers, device=device), "cpu": Pool(workers=8)},
    )


def test_a_host_may_have_it_beside_a_gpu() -> None:
    host = parse_host("cascade-lake:cores=16+2xt4+rpaccel:8x32x64", ATTACH)
    assert host.attached == rpaccel("8x32x64")
    assert (host.gpus, host.cores) == (2, 16)
    assert host.pools()["rpaccel"] == Pool(workers=8, device="rpaccel")
    assert host.price_per_hour is None
    bare = parse_host("cascade-lake:cores=16+2xt4")
    assert host.tdp_w - bare.tdp_w == pytest.approx(4.655, abs=1e-3)
    assert host.idle_w < host.power_at({"rpaccel": 0.5}) < host.power_at({"rpaccel": 1.0})


def test_without_being_told_of_it_a_host_knows_no_such_device() -> None:
    with pytest.raises(BadInputError, match="rpaccel"):
        parse_host(HOST)


@pytest.mark.parametrize("text", ["0x64x64", "64x64", "x", "5x64x64", "1x256x128", "3x30x30"])
def test_sub_arrays_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        parse_host(f"cascade-lake+rpaccel:{text}", ATTACH)


@given(st.sampled_from(["rm-small", "rm-large", "neumf-1m-large", "rmc1"]), st.integers(1, 600))
def test_a_batch_takes_what_the_model_says_with_the_link_both_ways(name: str, items: int) -> None:
    device = rpaccel("")
    assert device.array == Array(64, 64)
    times = device.service(zoo.get(name)).table(items, 4).mean_ns
    assert times.shape == (4, items + 1)
    cycles = stage_cycles(Setting(Chip(), CORRECTED), demand(name, CORRECTED), items, device.part, kept=items)
    link_ns = 1e3 * (2 * 5 + items * 17 / 4096)
    assert times[0, items] == pytest.approx(link_ns + 8 * (cycles.work - cycles.filter))
    assert np.all(np.diff(times[0]) >= 0)


def test_the_simulator_serves_a_funnel_across_devices() -> None:
    host = parse_host(HOST, ATTACH)
    plan = funnel()
    check_plan(plan, host, {name: zoo.get(name) for name in ("rm-small", "rm-large")})
    known = services(zoo.get("rm-small"), host) | services(zoo.get("rm-large"), host)
    times = {("rm-small", "front"): known["rm-small", "rpaccel"], ("rm-large", "cpu"): known["rm-large", "cpu"]}
    records = Simulator(times, seed=1).serve(Workload(sizes=Fixed(size=512)).trace(500, 100.0, 1), plan)
    least = known["rm-small", "rpaccel"].table(512, 4).mean_ns[0, 512]
    assert records.latency_ns.min() > least


def test_plans_that_ask_too_much_of_it_are_refused() -> None:
    networks = {name: zoo.get(name) for name in ("rm-small", "rm-large")}
    with pytest.raises(BadInputError, match="workers"):
        check_plan(funnel(5), parse_host(HOST, ATTACH), networks)
    with pytest.raises(BadInputError, match="rpaccel"):
        check_plan(funnel(), parse_host("cascade-lake"), networks)
    large = {"rm-small": _bigger(), "rm-large": zoo.get("rm-large")}
    with pytest.raises(InfeasibleError, match="rpaccel"):
        check_plan(funnel(), parse_host(HOST, ATTACH), large)


def _bigger() -> Network:
    """Return a network whose tables exceed the accelerator's DRAM, though not the CPU's."""
    table = TableConfig(rows=2**31, dim=4)
    return Network(
        name="toy", family="dlrm", tables=(table,), chains=(Chain("top", (2, 1)),), sla_ms=10.0, source="toy"
    )

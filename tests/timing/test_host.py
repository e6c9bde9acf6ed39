from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, InfeasibleError, Plan, Pool, Stage, single
from tailrank.core.config import dump
from tailrank.timing import Host, check_plan, device, device_names, fits, parse_host
from tailrank.timing.host import ROOM
from tailrank.zoo import Chain, Network, TableConfig, get, names

CPUS = [name for name in device_names() if device(name).kind == "cpu"]
GPUS = [name for name in device_names() if device(name).kind == "gpu"]
shares = st.floats(0, 1)


def network(table_bytes: int, name: str = "toy") -> Network:
    """Return a network with tables of so many bytes and weights of twelve."""
    tables = (TableConfig(rows=table_bytes // 4, dim=1),)
    return Network(
        name=name, family="dlrm", tables=tables, chains=(Chain("top", (2, 1)),), sla_ms=10.0, source="a test"
    )


def funnel(*pools: tuple[str, Pool], models: tuple[str, ...] = ("toy",)) -> Plan:
    """Return a plan whose models run on the first pool and offload to the second, if there is one."""
    first, *rest = [name for name, _ in pools]
    away = {"offload_at": 100, "offload_pool": rest[0]} if rest else {}
    stages = tuple(Stage(model=model, batch_size=8, pool=first, **away) for model in models)
    return Plan(stages=stages, pools=dict(pools))


@pytest.mark.parametrize("name", CPUS)
def test_a_cpu_alone_is_a_host_with_all_its_cores(name: str) -> None:
    host = parse_host(name)
    assert host == Host(name, device(name), device(name).cores)
    assert host.pools() == {"cpu": Pool(workers=device(name).cores)}


@given(cpu=st.sampled_from(CPUS), gpu=st.sampled_from(GPUS), gpus=st.integers(1, 16), data=st.data())
def test_what_is_written_is_what_is_read(cpu: str, gpu: str, gpus: int, data: st.DataObject) -> None:
    cores = data.draw(st.integers(1, device(cpu).cores))
    host = parse_host(f"{cpu}:cores={cores}+{gpus}x{gpu}")
    assert (host.cpu, host.cores, host.gpu, host.gpus) == (device(cpu), cores, device(gpu), gpus)


def test_one_gpu_needs_no_count() -> None:
    assert parse_host("skylake-40c+gtx-1080ti").gpus == 1
    assert parse_host("cascade-lake+t4").gpu == device("t4")


def test_devices_may_be_files(tmp_path: Path) -> None:
    dump(device("t4").varied(memory_bytes=8 * 10**9), tmp_path / "half.toml")
    host = parse_host(f"skylake-40c+2x{tmp_path / 'half.toml'}")
    assert host.gpu is not None
    assert (host.gpu.memory_bytes, host.gpus) == (8 * 10**9, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot read"),
        ("skylake", "unknown device `skylake`"),
        ("skylake-40c+", "cannot read"),
        ("+t4", "cannot read"),
        ("skylake-40c+t4+l4", "not `t4+l4`"),
        ("t4", "`t4` is no CPU"),
        ("skylake-40c+broadwell-28c", "`broadwell-28c` is no GPU"),
        ("skylake-40c+0xt4", "0 GPUs"),
        ("skylake-40c+17xt4", "17 GPUs"),
        ("skylake-40c:cores=0", "not 0"),
        ("skylake-40c:cores=41", "has 40 cores, not 41"),
        ("skylake-40c:cores=many", "cannot read"),
        ("skylake-40c:core=4", "cannot read"),
        ("skylake-40c+t4:cores=2", "cannot read"),
        ("2xskylake-40c", "unknown device"),
    ],
)
def test_a_host_that_cannot_be_is_bad_input_with_a_way_out(text: str, says: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_host(text)
    assert says in caught.value.message
    assert caught.value.hint


def test_gpus_without_a_kind_are_refused() -> None:
    with pytest.raises(BadInputError, match="2 GPUs"):
        Host("odd", device("skylake-40c"), 4, gpus=2)


def test_pools_of_a_host_with_gpus() -> None:
    pools = parse_host("broadwell-28c:cores=16+2xt4").pools(gpu_workers=3)
    assert pools == {"cpu": Pool(workers=16), "gpu": Pool(workers=6, device="cuda")}
    with pytest.raises(BadInputError, match="at least one batch"):
        parse_host("broadwell-28c+t4").pools(gpu_workers=0)


def test_power_adds_up_over_devices() -> None:
    host = parse_host("skylake-40c+2xgtx-1080ti")
    cpu, gpu = device("skylake-40c"), device("gtx-1080ti")
    assert host.tdp_w == cpu.tdp_w + 2 * gpu.tdp_w
    assert host.idle_w == cpu.idle_w + 2 * gpu.idle_w
    half = (cpu.idle_w + cpu.tdp_w) / 2 + 2 * gpu.idle_w
    assert host.power_w(0.5) == pytest.approx(half)


def test_the_papers_gpu_doubles_the_power_of_its_host() -> None:
    assert parse_host("skylake-40c+gtx-1080ti").tdp_w == 2 * parse_host("skylake-40c").tdp_w


@given(cpu=shares, gpu=shares, more=shares)
def test_power_lies_between_idle_and_tdp_and_grows(cpu: float, gpu: float, more: float) -> None:
    host = parse_host("broadwell-28c+h100")
    assert host.idle_w - 1e-9 <= host.power_w(cpu, gpu) <= host.tdp_w + 1e-9
    assert host.power_w(cpu, gpu) <= host.power_w(max(cpu, more), max(gpu, more)) + 1e-9


def test_a_part_of_a_machine_has_that_part_of_power_and_price() -> None:
    whole, part = parse_host("skylake-40c"), parse_host("skylake-40c:cores=10")
    assert part.tdp_w == pytest.approx(whole.tdp_w / 4)
    assert part.idle_w == pytest.approx(whole.idle_w / 4)
    assert whole.price_per_hour is not None
    assert part.price_per_hour == pytest.approx(whole.price_per_hour / 4)


def test_a_host_costs_what_its_devices_cost_if_all_have_a_price() -> None:
    cpu, gpu = device("cascade-lake").price_per_hour, device("t4").price_per_hour
    assert cpu is not None
    assert gpu is not None
    assert parse_host("cascade-lake+2xt4").price_per_hour == pytest.approx(cpu + 2 * gpu)
    assert parse_host("skylake-40c+gtx-1080ti").price_per_hour is None


def test_a_share_beyond_the_whole_is_refused() -> None:
    with pytest.raises(BadInputError, match="between 0 and 1"):
        parse_host("skylake-40c").power_w(1.2)


def test_what_just_fits_fits_and_one_row_more_does_not() -> None:
    room = int(ROOM * device("t4").memory_bytes)
    fits(network(room - 12), device("t4"))
    with pytest.raises(InfeasibleError):
        fits(network(room - 8), device("t4"))


def test_the_reason_names_network_device_and_sizes() -> None:
    with pytest.raises(InfeasibleError) as caught:
        fits(network(20 * 10**9), device("gtx-1080ti"))
    for part in ("`toy`", "`gtx-1080ti`", "20 GB", "9.9 GB", "11 GB"):
        assert part in caught.value.message
    assert caught.value.exit_code == 3
    assert caught.value.hint


@pytest.mark.parametrize("name", names())
def test_the_papers_networks_fit_the_papers_gpu(name: str) -> None:
    parse_host("skylake-40c+gtx-1080ti").check(get(name))


def test_networks_on_one_device_share_its_memory() -> None:
    each = network(6 * 10**9)
    fits(each, device("gtx-1080ti"))
    with pytest.raises(InfeasibleError, match="`toy` and `other`"):
        fits((each, replace(each, name="other")), device("gtx-1080ti"))


def test_a_plan_that_fits_is_let_through() -> None:
    host = parse_host("skylake-40c+2xt4")
    check_plan(single("toy", batch_size=8, workers=40), host, {"toy": network(10**9)})
    gpu = Pool(workers=2, device="cuda:1")
    check_plan(funnel(("cpu", Pool(workers=40)), ("gpu", gpu)), host, {"toy": network(10**9)})


def test_a_plan_with_more_workers_than_cores_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"41 CPU workers.*40 cores"):
        check_plan(single("toy", batch_size=8, workers=41), parse_host("skylake-40c"), {"toy": network(4)})


@pytest.mark.parametrize(
    ("host", "pool"), [("skylake-40c", "cuda"), ("skylake-40c+t4", "cuda:1"), ("skylake-40c+t4", "tpu")]
)
def test_a_pool_on_a_device_the_host_lacks_is_refused(host: str, pool: str) -> None:
    plan = funnel(("cpu", Pool(workers=1)), ("gpu", Pool(workers=1, device=pool)))
    with pytest.raises(BadInputError, match=rf"pools\.gpu\.device: .*`{pool}`"):
        check_plan(plan, parse_host(host), {"toy": network(4)})


def test_tables_that_fit_the_cpu_but_not_the_gpu_are_refused_only_where_they_are_offloaded() -> None:
    host, known = parse_host("skylake-40c+t4"), {"toy": network(30 * 10**9)}
    check_plan(single("toy", batch_size=8, workers=4), host, known)
    with pytest.raises(InfeasibleError, match="`t4`"):
        check_plan(funnel(("cpu", Pool(workers=4)), ("gpu", Pool(workers=1, device="cuda"))), host, known)


def test_models_of_a_funnel_must_fit_together() -> None:
    known = {"first": network(10 * 10**9, "first"), "second": network(12 * 10**9, "second")}
    pools = (("cpu", Pool(workers=4)), ("gpu", Pool(workers=1, device="cuda")))
    check_plan(funnel(*pools, models=("first", "first")), parse_host("skylake-40c+t4"), known)
    with pytest.raises(InfeasibleError, match="`first` and `second`"):
        check_plan(funnel(*pools, models=("first", "second")), parse_host("skylake-40c+t4"), known)

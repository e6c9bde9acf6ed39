from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Stage
from tailrank.simulator import Simulator
from tailrank.timing import BUCKETS, QUANTILES, Fit, Parameters, Roofline, Switches, parse_host, services
from tailrank.timing.device import Device, device, device_names
from tailrank.workload import Workload
from tailrank.zoo import Network, get

MakeDevice = Callable[..., Device]
PARAMETERS = Parameters(
    efficiency=0.5,
    half_rows=10.0,
    outstanding=10.0,
    stream_gbps=10.0,
    bag_ns=20.0,
    copy_us=10.0,
    feed_id_ns=10.0,
    feed_bag_ns=20.0,
    feed_dense_ns=1.0,
)
FIT = Fit(device="simple", parameters=PARAMETERS)
CPU_FIT = Fit(
    device="simple", parameters=replace(PARAMETERS, copy_us=0.0, feed_id_ns=0, feed_bag_ns=0, feed_dense_ns=0)
)
COLD = Switches(hit_rate=0.0)
SIZES = np.arange(1.0, 1025.0)
EIGHT = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
NETWORKS = [get(name) for name in (*EIGHT, "din-artifact", "dien-artifact")]
quick = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_one_layer_on_a_core_by_hand(simple_cpu: MakeDevice, one_layer: Network) -> None:
    roofline = Roofline(one_layer, simple_cpu(), switches=COLD, fit=CPU_FIT)
    row_ns = 100 / 10 + 64 / 10  # latency over rows in flight, one line at 10 GB/s
    product_ns = 1600 / 16  # 2 * 100 * 8 FLOPs at half of a core's 32 GFLOPS
    moved_ns = (8 * 8 + 8 * 100) / 16  # squashing and concatenating: in and out of the L3, 16 bytes a cycle of 1 ns
    for items in (1, 7, 300):
        by_hand_ns = items * (row_ns + 20 + moved_ns) + product_ns * (items + 10)
        assert roofline.seconds(items) == pytest.approx(1e-9 * by_hand_ns)
    assert roofline.transfer_share(64) == 0


def test_one_layer_on_a_gpu_by_hand(simple_gpu: MakeDevice, one_layer: Network) -> None:
    roofline = Roofline(one_layer, simple_gpu(), switches=COLD, fit=FIT)
    items = 1000
    launches_us = 4 * 5  # lookup, product, squashing, concatenating
    row_ns = 64 / (500 * 0.5)
    product_ns = 1.25 * 1600 * (items + 10) / items / 5000  # eight outputs fill ten lanes, half of 10 TFLOPS
    read_ns = (4 * 808 / items) / 1500 + 4 * 108 / 400  # weights in the cache, activations at four fifths
    moved_ns = (8 * 8 + 8 * 100) / 400
    compute_us = launches_us + 1e-3 * items * (row_ns + max(product_ns, read_ns) + moved_ns)
    load_us = 3 * (10 + 5) + 1e-3 * items * (10 + 20 + 84 + (8 + 4 + 4 * 84) / 4)  # naive: 0.4 of the link
    assert roofline.seconds(items) == pytest.approx(1e-6 * (compute_us + load_us))
    assert roofline.transfer_share(items) == pytest.approx(load_us / (compute_us + load_us))
    prepared = Roofline(one_layer, simple_gpu(), switches=replace(COLD, prepared_inputs=True), fit=FIT)
    prepared_us = 3 * (10 + 5) + 1e-3 * items * (8 + 4 + 4 * 84) / 4
    assert prepared.seconds(items) == pytest.approx(1e-6 * (compute_us + prepared_us))
    pinned = Roofline(one_layer, simple_gpu(), switches=replace(COLD, pinned=True, int32_ids=True), fit=FIT)
    pinned_us = 5 + 1e-3 * items * (4 + 4 + 4 * 84) / 10
    assert pinned.seconds(items) == pytest.approx(1e-6 * (compute_us + pinned_us))
    overlap = Roofline(one_layer, simple_gpu(), switches=replace(COLD, pinned=True, overlap=True), fit=FIT)
    assert overlap.seconds(items) == pytest.approx(1e-6 * (5 + max(compute_us, items * 348 / 1e4)))


@pytest.mark.parametrize("name", device_names())
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_times_grow_with_the_batch_and_with_the_company(name: str, network: Network) -> None:
    table = Roofline(network, device(name)).table(1024, 6)
    assert table.mean_ns.shape == (6, 1025)
    assert np.all(np.isfinite(table.mean_ns))
    assert np.all(table.mean_ns[:, 1:] > 0)
    assert np.all(np.diff(table.mean_ns, axis=1) >= 0)
    assert np.all(np.diff(table.mean_ns, axis=0) >= 0)
    assert table.noise.shape == (BUCKETS, QUANTILES)


@quick
@given(st.sampled_from(NETWORKS), st.floats(0.1, 1), st.floats(0.1, 1))
def test_a_higher_peak_or_bandwidth_is_never_slower(
    simple_cpu: MakeDevice, simple_gpu: MakeDevice, network: Network, peak: float, bandwidth: float
) -> None:
    for make, fit in ((simple_cpu, CPU_FIT), (simple_gpu, FIT)):
        full = make()
        whole = Roofline(network, full, fit=fit).table(300, 10).mean_ns
        for field, share in (("peak_fp32_gflops", peak), ("dram_gbps", bandwidth)):
            less = Roofline(network, make(**{field: share * getattr(full, field)}), fit=fit).table(300, 10).mean_ns
            assert np.all(less >= whole * (1 - 1e-9))


@quick
@given(st.sampled_from(NETWORKS), st.booleans(), st.booleans(), st.booleans())
def test_each_switch_only_saves(
    simple_gpu: MakeDevice, network: Network, fused: bool, pinned: bool, narrow: bool
) -> None:
    some = Switches(fused_lookup=fused, pinned=pinned, int32_ids=narrow)
    times = Roofline(network, simple_gpu(), switches=some, fit=FIT).table_at(SIZES)
    for on in ("fused_lookup", "prepared_inputs", "pinned", "int32_ids", "overlap"):
        saved = Roofline(network, simple_gpu(), switches=replace(some, **{on: True}), fit=FIT).table_at(SIZES)
        assert np.all(saved <= times * (1 + 1e-12))


def test_prepared_inputs_cost_a_cpu_nothing(simple_cpu: MakeDevice, one_layer: Network) -> None:
    handled = Roofline(one_layer, simple_cpu(), switches=COLD, fit=FIT)
    prepared = Roofline(one_layer, simple_cpu(), switches=replace(COLD, prepared_inputs=True), fit=FIT)
    assert prepared.transfer_share(100) == 0
    assert handled.seconds(100) - prepared.seconds(100) == pytest.approx(1e-6 * 3 * 10 + 1e-9 * 100 * (10 + 20 + 84))


def test_a_fused_lookup_saves_a_launch_a_table(simple_gpu: MakeDevice) -> None:
    network = get("wnd-artifact")
    apart = Roofline(network, simple_gpu(), fit=FIT).seconds(10)
    fused = Roofline(network, simple_gpu(), switches=Switches(fused_lookup=True), fit=FIT).seconds(10)
    assert apart - fused == pytest.approx(26 * 5e-6)


def test_shares_sum_to_one_and_lookups_grow_with_the_batch() -> None:
    for name in ("rmc1-artifact", "rmc2-artifact"):
        roofline = Roofline(get(name), device("skylake-40c"))
        shares = [roofline.shares(items) for items in (1, 16, 256)]
        assert all(sum(each.values()) == pytest.approx(1) for each in shares)
        lookups = [each["lookup"] for each in shares]
        assert lookups == sorted(lookups)


def test_cores_that_share_a_memory_double_their_times_when_they_are_twice_as_many(simple_cpu: MakeDevice) -> None:
    one_copy = replace(COLD, shared_weights=True)
    narrow = Roofline(get("rmc2"), simple_cpu(dram_gbps=2.0), switches=one_copy, fit=CPU_FIT)
    table = narrow.table(100, 8).mean_ns
    assert table[7, 1:] == pytest.approx(2 * table[3, 1:])
    wide = Roofline(get("rmc2"), simple_cpu(dram_gbps=1e5), switches=one_copy, fit=CPU_FIT)
    table = wide.table(100, 8).mean_ns
    assert table[7] == pytest.approx(table[0])


def test_batches_in_flight_on_a_gpu_share_it(simple_gpu: MakeDevice) -> None:
    large = Roofline(get("rmc3"), simple_gpu(), switches=Switches(pinned=True), fit=FIT)
    table = large.table(1024, 8).mean_ns
    assert table[7, 1024] == pytest.approx(2 * table[3, 1024])
    assert table[1, 1] == pytest.approx(table[0, 1])  # launches overlap
    two = Roofline(get("rmc3"), simple_gpu(), devices=2, switches=Switches(pinned=True), fit=FIT).table(1024, 8)
    assert two.mean_ns[7, 1024] == pytest.approx(table[3, 1024])


def test_copies_of_weights_crowd_a_shared_cache(simple_cpu: MakeDevice) -> None:
    network = get("wnd")  # 8 MB of weights, 10 MB of cache
    fit = Fit(device="simple", parameters=replace(CPU_FIT.parameters, half_rows=0.0, stream_gbps=2.0))
    own = Roofline(network, simple_cpu(), switches=COLD, fit=fit)
    shared = Roofline(network, simple_cpu(), switches=replace(COLD, shared_weights=True), fit=fit)
    small = np.array([1.0])
    assert own.table_at(small, 1) == pytest.approx(shared.table_at(small, 1))
    assert own.table_at(small, 8)[0] > 1.1 * shared.table_at(small, 8)[0]
    inclusive = Roofline(network, simple_cpu(l3_inclusive=True), switches=COLD, fit=fit)
    assert inclusive.table_at(small, 8)[0] > own.table_at(small, 8)[0]


def test_popular_rows_come_from_the_cache(simple_cpu: MakeDevice) -> None:
    def seconds(**changes: float) -> float:
        return Roofline(get("rmc1"), simple_cpu(), switches=Switches(**changes), fit=CPU_FIT).seconds(64)  # type: ignore[arg-type]

    assert seconds(hit_rate=0.0) > seconds(skew=0.0) > seconds(skew=0.8) > seconds(skew=1.2) > seconds(hit_rate=1.0)


def test_a_worker_of_more_cores_is_faster(simple_cpu: MakeDevice) -> None:
    one, four = (Roofline(get("rmc3"), simple_cpu(), cores=cores, fit=CPU_FIT).seconds(256) for cores in (1, 4))
    assert one / 4 <= four * (1 + 1e-9) < one
    with pytest.raises(BadInputError, match="11 of the 10 cores"):
        Roofline(get("rmc3"), simple_cpu(), cores=11, fit=CPU_FIT)


def test_bf16_where_the_device_has_it(simple_gpu: MakeDevice) -> None:
    half = Switches(precision="bf16")
    with pytest.raises(BadInputError, match="no bf16"):
        Roofline(get("rmc3"), simple_gpu(), switches=half, fit=FIT)
    fast = simple_gpu(peak_bf16_gflops=40_000.0)
    assert Roofline(get("rmc3"), fast, switches=half, fit=FIT).seconds(1024) < Roofline(
        get("rmc3"), fast, fit=FIT
    ).seconds(1024)


def test_services_of_a_host_serve_in_the_simulator() -> None:
    host, network = parse_host("skylake-40c:cores=4+gtx-1080ti"), get("rmc3")
    found: Mapping[tuple[str, str], object] = services(network, host)
    assert set(found) == {("rmc3", "cpu"), ("rmc3", "gpu")}
    stage = Stage(model="rmc3", batch_size=64, offload_at=300, offload_pool="gpu")
    plan = Plan(stages=(stage,), pools=host.pools(gpu_workers=2))
    records = Simulator(services(network, host)).serve(Workload().trace(200, 50.0, 1), plan)
    assert len(records.finish_ns) == 200
    assert np.all(records.finish_ns > records.arrival_ns)
    assert set(services(network, parse_host("broadwell-28c"))) == {("rmc3", "cpu")}


def test_a_rented_part_of_a_cpu_has_that_part_of_the_memory() -> None:
    network = get("rmc2")
    whole = services(network, parse_host("skylake-40c"))["rmc2", "cpu"].table(64, 40).mean_ns
    part = services(network, parse_host("skylake-40c:cores=10"))["rmc2", "cpu"].table(64, 10).mean_ns
    assert part[0] == pytest.approx(whole[0])
    assert np.all(part[9] >= whole[9] * (1 - 1e-9))


def test_what_is_borrowed_or_extrapolated_is_said() -> None:
    assert Roofline(get("rmc1"), device("skylake-40c")).notes() == ()
    assert "borrowed from skylake-40c" in Roofline(get("rmc1"), device("broadwell-28c")).notes()[0]
    assert "batches 100 to 1000, extrapolated" in Roofline(get("rmc1"), device("t4")).notes()[0]

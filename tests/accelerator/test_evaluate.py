"""The artifact's published figures (fact sheet sections 0, 4 and 8 of RecPipe's artifact), and ours beside them."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.accelerator import (
    CORRECTED,
    RELEASED,
    Chip,
    Design,
    Evaluation,
    StageDesign,
    design_of,
    evaluate,
    parse_stages,
    pipeline_ns,
)
from tailrank.core import BadInputError

LOADS = ("rm-small:4096", "rm-small:512", "rm-med:4096", "rm-med:512", "rm-large:4096", "rm-large:512", "rm-large:128")
LATENCY_MS = {
    1: (0.4466, 0.1328, 0.9462, 0.2017, 2.0907, 0.3994, 0.2181),
    4: (0.5573, 0.1497, 1.3534, 0.2625, 4.6835, 0.8371, 0.4250),
    16: (1.1632, 0.2372, 3.3787, 0.5583, 13.6822, 2.3340, 1.1181),
    64: (8.1947, 1.3162, 30.8404, 4.7260, 94.0865, 18.9470, 10.8964),
}
TWO = "rm-small:4096@{},rm-large:512@{}"
THREE = "rm-small:4096@{},rm-med:512@{},rm-large:128@{}"
# What the artifact's shapes of NeuMF are: MF dim, dim of the MLP's rows, MLP, head.
NEUMF = {
    "neumf-1m-small": (128, 32, (64, 32, 1), 129),
    "neumf-1m-medium": (16, 128, (800, 512, 256, 128, 64, 32, 1), 17),
    "neumf-1m-large": (128, 384, (1024, 512, 256, 128, 1), 128),
    "neumf-20m-small": (1, 16, (32, 1), 2),
    "neumf-20m-medium": (16, 8, (16, 512, 256, 128, 64, 32, 1), 65),
    "neumf-20m-large": (64, 32, (64, 2048, 512, 256, 128, 64, 1), 257),
}
CRITEO = {"rm-small": (13, 64, 4), "rm-med": (13, 64, 16), "rm-large": (13, 512, 256, 128, 64, 32)}
CRITEO_TOP = {"rm-small": (108, 64, 1), "rm-med": (432, 64, 1), "rm-large": (864, 96, 1)}
FIXED_LINK = {"link_unit": False, "link_every_stage": False, "link_returns_nothing": False}


def released(stages: str, *, filter: str = "chip", **fixed: bool) -> Evaluation:  # noqa: A002
    design = design_of("released", parse_stages(stages), filter=filter)  # type: ignore[arg-type]
    return evaluate(replace(design, bugs=replace(design.bugs, **fixed)))


def formula_ms(network: str, items: int, slices: int, host: bool = False) -> float:
    """Write the published formula down once more, in one piece: cycles of 8 ns."""
    side, gib = {1: (128, 32.0), 4: (64, 8.0), 16: (32, 2.0), 64: (16, 0.125)}[slices]
    per_cycle = gib * 2**30 / 1e9 * 8
    if network in CRITEO:
        chains = [CRITEO[network], CRITEO_TOP[network]]
        size = 4 * CRITEO[network][-1] * 26 * items
    else:
        factors, dim, mlp, head = NEUMF[network]
        chains = [mlp, (head, 1)]
        size = 4 * items * 2 * (dim + factors)
    cycles = 1000 * (5 + 12 * items / 4096) + 1000 * (5 + 5 * (items if host else 0) / 4096)
    cycles += 100 + size / 2 / per_cycle + size / 2 / 64
    for widths in chains:
        for k, n in pairwise(widths):
            weights = 4 * k * n
            cycles += math.ceil(weights / 1e6) * (100 + min(weights, 1e6) / per_cycle)
            cycles += math.ceil(k / side) * math.ceil(n / side) * (min(k, side) + min(n, side) + items)
    if host:
        cycles += (30_000 if items < 512 else 70_000 if items <= 1024 else 350_000) / 8
    else:
        cycles += items / 16 / 8
    return cycles * 8 / 1e6


@pytest.mark.parametrize("slices", LATENCY_MS)
def test_the_28_stage_latencies_of_the_artifact(slices: int) -> None:
    found = [released(f"{load}@{slices}").latency_ns / 1e6 for load in LOADS]
    assert [round(ms, 4) for ms in found] == list(LATENCY_MS[slices])
    exact = [formula_ms(load.split(":")[0], int(load.split(":")[1]), slices) for load in LOADS]
    assert found == pytest.approx(exact, rel=1e-9)


def test_the_values_it_prints_to_ten_digits() -> None:
    assert released("rm-large:4096@1").latency_ns / 1e6 == pytest.approx(2.0907438257, rel=1e-9)
    assert (
        released(TWO.format(4, 4)).latency_ns / 1e6
        == pytest.approx(1.3943896222, rel=1e-9)
        == pytest.approx(
            released(TWO.format(64, 4)).stages[1].latency_ns / 1e6
            + released(TWO.format(4, 64)).stages[0].latency_ns / 1e6
        )
    )
    assert released(THREE.format(4, 4, 4)).latency_ns / 1e6 == pytest.approx(1.2448, abs=5e-5)
    assert released(TWO.format(64, 64)).latency_ns / 1e6 == pytest.approx(27.1418, abs=5e-5)


@given(
    st.sampled_from([*NEUMF, *CRITEO]),
    st.integers(1, 20_000),
    st.sampled_from([1, 4, 16, 64]),
    st.booleans(),
)
def test_any_network_item_count_and_configuration_follows_the_formula(
    network: str, items: int, slices: int, host: bool
) -> None:
    if host and items > 4096:
        with pytest.raises(BadInputError, match="cannot sort"):
            released(f"{network}:{items}@{slices}", filter="host")
        return
    found = released(f"{network}:{items}@{slices}", filter="host" if host else "chip")
    assert found.stage_latency_ms == [found.latency_ns / 1e6]
    assert found.latency_ns / 1e6 == pytest.approx(formula_ms(network, items, slices, host), rel=1e-9)


def test_host_filtering_and_the_claims_of_the_paper() -> None:
    baseline = released("rm-large:4096@1", filter="host")
    two, one = released(TWO.format(1, 1)), released("rm-large:4096@1")
    two_host = released(TWO.format(1, 1), filter="host")
    three_host = released(THREE.format(1, 1, 1), filter="host")
    split = released(TWO.format(4, 4))
    ms = [round(each.latency_ns / 1e6, 4) for each in (baseline, two_host, three_host, two)]
    assert ms == [2.4805, 1.3107, 1.3624, 0.8460]
    assert round(baseline.latency_ns / two.latency_ns, 2) == 2.93
    assert round(one.latency_ns / two.latency_ns, 2) == 2.47
    assert round(two_host.latency_ns / two.latency_ns, 2) == 1.55
    assert round(split.capacity_qps / two.capacity_qps, 2) == 2.02
    assert round(split.capacity_qps / baseline.capacity_qps, 2) == 5.93


@pytest.mark.parametrize(
    ("stages", "qps"),
    [
        ("rm-large:4096@1", 478),
        (TWO.format(1, 1), 1_182),
        (THREE.format(1, 1, 1), 1_154),
        (TWO.format(4, 4), 2_389),
        (TWO.format(16, 16), 3_428),
        (THREE.format(4, 4, 4), 1_795),
        (THREE.format(16, 16, 16), 4_299),
    ],
)
def test_capacities_of_the_artifact(stages: str, qps: int) -> None:
    assert abs(released(stages).capacity_qps - qps) < 1


def test_capacity_of_the_baseline() -> None:
    assert round(released("rm-large:4096@1", filter="host").capacity_qps) == 403


def test_fixing_the_link_and_the_filter_unit() -> None:
    fixed = FIXED_LINK | {"filter_clock_twice": False}
    baseline = released("rm-large:4096@1", filter="host", **fixed)
    assert round(baseline.latency_ns / released(TWO.format(1, 1), **fixed).latency_ns, 2) == 3.81
    assert round(released(TWO.format(4, 4), **fixed).capacity_qps) == 2_665


def test_fixing_the_widths_of_the_top_mlp() -> None:
    baseline = released("rm-large:4096@1", filter="host", concat_width=False)
    two = released(TWO.format(1, 1), concat_width=False)
    assert round(baseline.latency_ns / two.latency_ns, 2) == 2.63
    assert round(released(TWO.format(4, 4), concat_width=False).capacity_qps) == 2_726


def test_fixing_link_widths_and_bandwidth_makes_the_smallest_slices_the_busiest() -> None:
    fixed = FIXED_LINK | {"concat_width": False, "starved_sixtyfourth": False}
    found = [round(released(TWO.format(a, a), **fixed).capacity_qps) for a in (4, 16, 64)]
    assert found == [3_092, 4_095, 4_522]
    latency_ms = released(TWO.format(64, 64), **fixed).latency_ns / 1e6
    assert round(latency_ms, 1) == 12.4


def sub_batched(parts: int, **options: bool) -> float:
    design = design_of("released", parse_stages(TWO.format(4, 4)))
    bugs = design.bugs
    if options:
        bugs = replace(bugs, **FIXED_LINK, filter_clock_twice=False, undivided_sram=False, four_byte_weights=False)
        # Weights of 16 bits fit; they are resident, so that nothing but their room depends on it.
        chip = replace(design.chip, gather_bytes=256.0)
        design = replace(design, chip=chip)
    return evaluate(replace(design, bugs=bugs, sub_batches=parts, **options)).latency_ns / 1e6


def test_sub_batches_never_help_by_the_published_costs() -> None:
    assert [sub_batched(parts) for parts in (1, 2, 4, 8)] == pytest.approx([1.394, 1.449, 1.908, 3.00], abs=5e-3)


def test_sub_batches_pay_once_weights_stay() -> None:
    found = [sub_batched(parts, resident=True) for parts in (1, 2, 4, 8)]
    assert found == pytest.approx([1.015, 0.908, 0.974, 1.244], abs=6e-4)


def test_two_sub_batches_are_best_once_rows_are_looked_ahead() -> None:
    found = [sub_batched(parts, resident=True, hidden_rows=True) for parts in (1, 2, 4, 8)]
    assert found == pytest.approx([1.015, 0.701, 0.765, 1.032], abs=6e-4)


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=4), st.integers(1, 9))
def test_the_pipeline_formula_equals_a_walk_of_parts_through_stages(each_ns: list[float], parts: int) -> None:
    free = [0.0] * len(each_ns)
    for _ in range(parts):
        at = 0.0
        for stage, long in enumerate(each_ns):
            at = free[stage] = max(at, free[stage]) + long
    assert pipeline_ns(each_ns, parts) == pytest.approx(at, rel=1e-9)


networks = st.sampled_from(["rm-small", "rm-med", "rm-large", "neumf-1m-medium", "rmc1", "wnd"])


@given(networks, st.integers(1, 5_000), st.floats(0.5, 64), st.floats(1.01, 8), st.booleans())
def test_more_bandwidth_is_never_slower(network: str, items: int, gib_s: float, more: float, double: bool) -> None:
    stage = StageDesign(network=network, items=items, slices=4)
    ns = [
        evaluate(Design(stages=(stage,), chip=Chip(dram_gib_s=rate), double_buffered=double)).latency_ns
        for rate in (gib_s, gib_s * more)
    ]
    assert ns[1] <= ns[0]


@given(networks, st.integers(1, 4_000), st.sampled_from([1, 4, 16]), st.sampled_from([RELEASED, CORRECTED]))
def test_more_items_are_never_faster(network: str, items: int, slices: int, bugs: object) -> None:
    ns = [
        evaluate(
            Design(stages=(StageDesign(network=network, items=count, slices=slices),), bugs=bugs)  # type: ignore[arg-type]
        ).latency_ns
        for count in (items, items + 1)
    ]
    assert ns[0] <= ns[1]


def test_resident_weights_must_fit() -> None:
    design = Design(stages=parse_stages(TWO.format(16, 16)), resident=True)
    with pytest.raises(BadInputError, match="`rm-large` has"):
        evaluate(design)


def test_orderings_of_slices_and_items() -> None:
    few = [released(TWO.format(a, a)).latency_ns for a in (4, 16, 64)]
    assert few == sorted(few)
    growth = [released(f"rm-large:{n}@4").latency_ns for n in (4096, 12288)]
    two = [released(f"rm-small:{n}@4,rm-large:{k}@4").latency_ns for n, k in ((4096, 512), (12288, 1280))]
    assert two[1] / two[0] < growth[1] / growth[0]


def test_energy_is_counted_unless_as_released() -> None:
    assert released(TWO.format(4, 4)).energy.total_pj == 0
    assert released(TWO.format(4, 4)).qps_per_watt is None
    ours = evaluate(design_of("corrected", parse_stages(TWO.format(4, 4))))
    assert ours.energy.total_mj == pytest.approx(sum(stage.energy.total_mj for stage in ours.stages))
    assert ours.qps_per_watt == pytest.approx(1000 / ours.energy.total_mj)


def test_the_baseline_is_the_smaller_chip() -> None:
    baseline = released("rm-large:4096@1", filter="host")
    assert round(baseline.area.total, 3) == 26.517
    assert round(released("rm-large:4096@1").area.total, 3) == 28.550


def test_look_ahead_hides_no_more_than_the_bandwidth_brings() -> None:
    def starved(bandwidth: float) -> Evaluation:
        front = StageDesign(network="rm-small", items=4096, rows=64, cols=64, servers=2)
        back = StageDesign(network="rm-large", items=512, rows=64, cols=64, servers=2, bandwidth=bandwidth)
        return evaluate(Design(stages=(front, back), sub_batches=4, resident=True, hidden_rows=True))

    plenty, enough, little = (starved(bandwidth) for bandwidth in (0.25, 0.1, 0.001))
    assert plenty.latency_ns == enough.latency_ns
    assert plenty.stages[1].cycles.gather == 0 < plenty.stages[1].cycles.hidden
    assert little.stages[1].cycles.gather > 0
    assert little.stages[1].cycles.hidden == pytest.approx(little.stages[0].cycles.work)
    assert little.latency_ns > 2 * plenty.latency_ns
    fetched_ns = 4 * little.stages[1].fetch_ns + little.stages[1].link_ns
    assert little.capacity_qps <= 2e9 / fetched_ns * (1 + 1e-12)

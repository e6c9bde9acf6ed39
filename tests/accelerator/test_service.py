import numpy as np
import pytest

from tailrank.accelerator import AcceleratorTime, Design, design_of, evaluate, parse_stages, simulated
from tailrank.core import BadInputError, Trace
from tailrank.simulator import Simulator, saturated
from tailrank.workload import Fixed, Paper, Workload

TWO = parse_stages("rm-small:4096@4,rm-large:512@4")
MODES = ("released", "corrected")


def evenly(queries: int, gap_ns: float, items: int = 4096) -> Trace:
    arrival_ns = np.rint(np.arange(queries) * gap_ns).astype(np.int64)
    return Trace(arrival_ns, np.full(queries, items, np.int64))


@pytest.mark.parametrize("mode", MODES)
def test_a_full_batch_takes_the_stages_latency(mode: str) -> None:
    design = design_of(mode, TWO)  # type: ignore[arg-type]
    found = evaluate(design)
    for number, stage in enumerate(found.stages):
        time = AcceleratorTime(design, number)
        assert time.batch_ns(stage.items) == pytest.approx(stage.latency_ns)
        table = time.table(stage.items, 3)
        assert table.mean_ns.shape == (3, stage.items + 1)
        assert np.all(np.diff(table.mean_ns[0]) >= 0)
        assert np.all(table.mean_ns == table.mean_ns[0])
        assert np.all(table.noise == 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "stages", ["rm-small:4096@4,rm-large:512@4", "rm-small:4096@1,rm-large:512@1", "rm-large:4096@1"]
)
def test_the_simulator_serves_at_capacity_and_not_beyond(mode: str, stages: str) -> None:
    design = design_of(mode, parse_stages(stages))  # type: ignore[arg-type]
    found = evaluate(design)
    plan, services = simulated(design)
    simulator = Simulator(services, kernel="reference")
    alone = simulator.serve(evenly(3, 1e9), plan)
    assert alone.latency_ns == pytest.approx(found.latency_ns, abs=2)
    gap_ns = 1e9 / found.capacity_qps
    below, above = (simulator.serve(evenly(200, gap_ns * factor), plan) for factor in (1.02, 0.9))
    assert saturated(below) == ()
    assert saturated(above) != ()
    assert below.latency_ns[-1] < above.latency_ns[-1]


def test_which_designs_of_the_artifact_are_stable() -> None:
    """One stage is not at 500 queries a second; two on slices of 4 or 16 are at 2,000."""
    one = evaluate(design_of("released", parse_stages("rm-large:4096@1")))
    assert 400 < one.capacity_qps < 500
    for a in (4, 16):
        for b in (4, 16):
            stages = parse_stages(f"rm-small:4096@{a},rm-large:512@{b}")
            assert evaluate(design_of("released", stages)).capacity_qps > 2000


def test_sub_batches_are_not_cut_here() -> None:
    with pytest.raises(BadInputError, match="whole queries"):
        simulated(Design(stages=TWO, sub_batches=2))


def test_a_network_twice_in_turns_is_refused() -> None:
    with pytest.raises(BadInputError, match="stands twice"):
        simulated(design_of("corrected", parse_stages("rm-small:4096@1,rm-small:512@1")))


# Figure 12 of the artifact: p95 in ms by offered load, from its logs. Its emulator's sleeps and queues add to it.
LOGGED_P95_MS = {
    "rm-large:4096@1": {100: 2.50, 200: 3.69, 250: 4.55},
    "rm-small:4096@4,rm-large:512@4": {100: 2.06, 500: 3.74, 1000: 3.95, 2000: 11.40},
    "rm-small:4096@4,rm-large:512@16": {100: 3.60, 500: 5.34, 1000: 5.34, 2000: 6.33},
    "rm-small:4096@16,rm-large:512@4": {100: 2.69, 500: 4.42, 1000: 5.55, 2000: 50.6},
    "rm-small:4096@16,rm-large:512@16": {100: 4.23, 500: 5.85, 1000: 5.37, 2000: 6.87},
}


@pytest.fixture(scope="module")
def p95_ms() -> dict[tuple[str, int], float]:
    found = {}
    for stages, row in LOGGED_P95_MS.items():
        plan, services = simulated(design_of("released", parse_stages(stages)))
        simulator = Simulator(services, detail=False)
        for qps in row:
            trace = Workload(arrivals=Paper(), sizes=Fixed(size=4096)).trace(10_000, qps, 1)
            found[stages, qps] = float(np.percentile(simulator.serve(trace, plan).latency_ns, 95)) / 1e6
    return found


def test_the_logged_tails_lie_above_those_without_its_noise(p95_ms: dict[tuple[str, int], float]) -> None:
    for stages, row in LOGGED_P95_MS.items():
        for qps, logged in row.items():
            if qps == 100:
                assert 0.3 < logged - p95_ms[stages, qps] < 0.8
            elif qps <= 1000:
                assert 0.3 < logged - p95_ms[stages, qps] < 3


def test_few_large_slices_win_at_low_load_and_many_small_back_ends_at_high(
    p95_ms: dict[tuple[str, int], float],
) -> None:
    two = [stages for stages in LOGGED_P95_MS if "," in stages]
    assert min(two, key=lambda stages: p95_ms[stages, 100]) == "rm-small:4096@4,rm-large:512@4"
    for high in ("rm-small:4096@4,rm-large:512@16", "rm-small:4096@16,rm-large:512@16"):
        for low in ("rm-small:4096@4,rm-large:512@4", "rm-small:4096@16,rm-large:512@4"):
            assert p95_ms[high, 2000] < p95_ms[low, 2000]
            assert LOGGED_P95_MS[high][2000] < LOGGED_P95_MS[low][2000]

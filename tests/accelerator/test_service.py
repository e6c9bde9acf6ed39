import numpy as np
import pytest

from tailrank.accelerator import AcceleratorTime, Design, design_of, evaluate, parse_stages, simulated
from tailrank.core import BadInputError, Trace
from tailrank.simulator import Simulator, saturated

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

import pytest

from tailrank.accelerator import Mode, evaluate
from tailrank.tuner.rpaccel import configurations, funnel, parse_funnel, pipelined, sweep


@pytest.mark.parametrize("mode", ["released", "corrected"])
@pytest.mark.parametrize("parts", [1, 3])
def test_mixtures_are_what_the_model_evaluates(mode: Mode, parts: int) -> None:
    for text in ("rm-small:4096,rm-large:512", "rm-small:4096,rm-med:512,rm-large:128"):
        stages = parse_funnel(text)
        rows = {tuple(row["slices"]): row for row in sweep(stages, mode=mode, slices=(4, 16, 64), sub_batches=(parts,))}
        assert list(rows) == configurations(len(stages))
        for slices, row in rows.items():
            exact = evaluate(pipelined(funnel(slices, mode), parts))
            assert row["latency_ms"] == pytest.approx(exact.latency_ns / 1e6, rel=1e-12)
            assert row["capacity_qps"] == pytest.approx(exact.capacity_qps, rel=1e-12)
            assert (row["energy_mj"] or 0.0) == pytest.approx(exact.energy.total_mj, rel=1e-12)


def test_funnels_that_widen_are_left_out() -> None:
    rows = sweep(parse_funnel("rm-small:256,rm-large:128/512"), mode="corrected", slices=(4,))
    assert [row["items"] for row in rows] == [[256, 128]]

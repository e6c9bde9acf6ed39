import pytest
from msgspec.structs import replace

from tailrank.accelerator import Chip, area
from tailrank.accelerator.chip import MIB

CHIP = Chip()
BASELINE, RPACCEL = area(CHIP, rpaccel=False), area(CHIP)


def test_the_artifacts_figure_11() -> None:
    assert BASELINE.area_mm2.total == pytest.approx(26.5172, abs=5e-5)
    assert RPACCEL.area_mm2.total == pytest.approx(28.5504, abs=5e-5)
    assert BASELINE.power_mw.total == pytest.approx(3653.12, abs=5e-3)
    assert RPACCEL.power_mw.total == pytest.approx(4655.23, abs=5e-3)
    assert RPACCEL.area_mm2.total / BASELINE.area_mm2.total - 1 == pytest.approx(0.07668, abs=5e-6)
    assert RPACCEL.power_mw.total / BASELINE.power_mw.total - 1 == pytest.approx(0.2743, abs=5e-5)


@pytest.mark.parametrize(
    ("block", "base_mm2", "mm2", "base_mw", "mw"),
    [
        ("array", 8.124, 8.627, 2673.9, 2961.3),
        ("filter", 0, 0.464, 0, 202.8),
        ("activation", 3.730, 4.796, 307.2, 819.2),
        ("weight", 2.933, 2.933, 134.4, 134.4),
        ("embedding", 11.731, 11.731, 537.6, 537.6),
    ],
)
def test_its_blocks(block: str, base_mm2: float, mm2: float, base_mw: float, mw: float) -> None:
    assert getattr(BASELINE.area_mm2, block) == pytest.approx(base_mm2, abs=6e-4)
    assert getattr(RPACCEL.area_mm2, block) == pytest.approx(mm2, abs=6e-4)
    assert getattr(BASELINE.power_mw, block) == pytest.approx(base_mw, abs=0.06)
    assert getattr(RPACCEL.power_mw, block) == pytest.approx(mw, abs=0.06)


def test_what_costs_most_is_splitting_the_activations_then_the_array_then_the_filters() -> None:
    for better, base in ((RPACCEL.area_mm2, BASELINE.area_mm2), (RPACCEL.power_mw, BASELINE.power_mw)):
        more = [getattr(better, block) - getattr(base, block) for block in ("activation", "array", "filter")]
        assert more == sorted(more, reverse=True)
        assert all(each > 0 for each in more)


def test_area_grows_with_what_there_is() -> None:
    half = area(replace(CHIP, array_cols=64)).area_mm2
    assert half.array == pytest.approx(RPACCEL.area_mm2.array / 2)
    assert area(replace(CHIP, embedding_sram_bytes=8 * MIB)).area_mm2.embedding == RPACCEL.area_mm2.embedding / 2
    assert area(CHIP, filters=False).area_mm2.filter == 0


def test_half_of_a_filter_grows_with_its_bins() -> None:
    more = area(CHIP, bins=64).area_mm2
    assert more.filter == pytest.approx(2.5 * RPACCEL.area_mm2.filter)
    assert more.total - more.filter == pytest.approx(RPACCEL.area_mm2.total - RPACCEL.area_mm2.filter)

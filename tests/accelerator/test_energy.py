import pytest
from msgspec.structs import replace

from tailrank.accelerator import CORRECTED, Chip, Energy, Setting, demand, sliced, stage_cycles, stage_energy

CHIP = Chip()


def energy(network: str, items: int, *, chip: Chip = CHIP, slices: int = 4, resident: bool = False) -> Energy:
    part = sliced(chip, (slices,))[0]
    each = demand(network, CORRECTED)
    cycles = stage_cycles(Setting(chip, CORRECTED, resident=resident), each, items, part, kept=64)
    return stage_energy(chip, each, items, part, cycles)


def test_a_multiply_takes_what_the_synthesised_array_takes_a_cycle() -> None:
    """169.13 mW over 1,024 cells and 8 ns is 1.321 pJ."""
    macs = 1000 * (217_600 + 11_232)
    assert energy("rm-large", 1000).mac_pj == pytest.approx(macs * 169.13e-3 / 1024 * 8e-9 * 1e12)


def test_dram_moves_misses_and_weights() -> None:
    weights = 2 * 217_600
    assert energy("rm-large", 1000).dram_pj == pytest.approx(162.5 * (1000 * 3328 / 2 + weights))
    assert energy("rm-large", 1000, resident=True).dram_pj == pytest.approx(162.5 * 1000 * 3328 / 2)


def test_half_the_width_takes_a_quarter_of_the_multiplies() -> None:
    wide, narrow = (energy("rm-large", 100, chip=replace(CHIP, weight_bits=bits)) for bits in (16, 8))
    assert narrow.mac_pj == pytest.approx(wide.mac_pj / 4)
    assert narrow.sram_pj < wide.sram_pj


def test_the_multiplies_do_not_depend_on_the_division_but_activations_do() -> None:
    large, small = energy("rm-large", 512, slices=4), energy("rm-large", 512, slices=64)
    assert large.mac_pj == small.mac_pj
    assert small.sram_pj > large.sram_pj


def test_energies_add_up() -> None:
    one = energy("rm-small", 100)
    assert (one + one).total_pj == pytest.approx(one.times(2).total_pj) == pytest.approx(2 * one.total_pj)
    assert one.total_mj == pytest.approx(one.total_pj / 1e9)
    assert one.total_pj == one.mac_pj + one.sram_pj + one.dram_pj + one.leakage_pj
    assert min(one.mac_pj, one.sram_pj, one.dram_pj, one.leakage_pj) > 0

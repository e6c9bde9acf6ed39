import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.accelerator import (
    CORRECTED,
    RELEASED,
    Bugs,
    Chip,
    Setting,
    bug_names,
    demand,
    sliced,
    stage_cycles,
    with_bug,
)
from tailrank.core import BadInputError

CHIP = Chip()


def cycles(network: str, bugs: Bugs = RELEASED, *, items: int = 4096, slices: int = 1, chip: Chip = CHIP, **more: bool):  # type: ignore[no-untyped-def]
    part = sliced(chip, (slices,))[0]
    return stage_cycles(Setting(chip, bugs, **more), demand(network, bugs), items, part, kept=64)  # type: ignore[arg-type]


# Cycles of the artifact at 4,096 items, undivided: link in, gather, bottom and top MLP, filter, link out.
@pytest.mark.parametrize(
    ("network", "gather", "mlp"),
    [("rm-small", 16511.4, 8552.8 + 8730.5), ("rm-med", 65745.8, 8576.0 + 21916.3), ("rm-large", 131391.5, 107919.5)],
)
def test_terms_of_the_released_formula(network: str, gather: float, mlp: float) -> None:
    found = cycles(network)
    assert (found.link_in, found.filter, found.link_out, found.interaction) == (17_000, 32, 5_000, 0)
    assert found.gather == pytest.approx(gather, abs=0.05)
    assert found.load + found.compute == pytest.approx(mlp, abs=0.11)


def test_the_total_of_the_large_network() -> None:
    assert cycles("rm-large").total == pytest.approx(261_343.0, abs=0.05)


def test_each_bug_is_a_switch_that_alone_changes_something() -> None:
    """Each in a case it is about: two configurations of the artifact and its host filter cover them all."""
    cases = [("rm-large", 4096, 64, "chip"), ("neumf-1m-large", 700, 4, "host")]
    for name in bug_names():
        if name in ("no_energy", "host_filter_steps"):
            continue
        other = with_bug(RELEASED, name, False)
        differs = False
        for network, items, slices, where in cases:
            small = replace(CHIP, weight_sram_bytes=2**20)
            pair = [
                cycles(network, bugs, items=items, slices=slices, filter=where, chip=small)
                for bugs in (RELEASED, other)
            ]
            differs |= pair[0] != pair[1]
        if name == "link_every_stage":
            part = sliced(CHIP, (4,))[0]
            pair = [
                stage_cycles(Setting(CHIP, bugs), demand("rm-small", bugs), 10, part, kept=5, first=False)
                for bugs in (RELEASED, other)
            ]
            differs = pair[0].link_in > pair[1].link_in == 0
        if name == "whole_loads":  # 1024 x 512 weights of 4 bytes: 2.1 fillings of 1 MB
            pair = [cycles("neumf-1m-large", bugs, items=1, slices=4) for bugs in (RELEASED, other)]
            differs = pair[0].load > pair[1].load
        assert differs, name


def test_the_host_sorts_what_the_artifact_cannot() -> None:
    bugs = with_bug(RELEASED, "host_filter_steps", False)
    with pytest.raises(BadInputError, match="cannot sort"):
        cycles("rm-small", items=4097, filter="host")  # type: ignore[arg-type]
    small, large = (cycles("rm-small", bugs, items=n, filter="host").filter for n in (4096, 8192))  # type: ignore[arg-type]
    assert small == pytest.approx(350_000 / 8)
    assert 2 < large / small < 2.4


def test_an_unknown_bug_is_refused() -> None:
    with pytest.raises(BadInputError, match="no bug is called `x`"):
        with_bug(CORRECTED, "x", True)


def test_macs_of_the_networks() -> None:
    concat = [demand(name, RELEASED).macs for name in ("rm-small", "rm-med", "rm-large")]
    assert concat == [8_064, 29_568, 263_776]
    dot = [demand(name, CORRECTED).macs for name in ("rm-small", "rm-med", "rm-large")]
    assert dot == [23_872 + 1_404, 25_408 + 5_616, 217_600 + 11_232]
    neumf = [f"neumf-{size}-{tier}" for size in ("1m", "20m") for tier in ("small", "medium", "large")]
    assert [demand(name, RELEASED).macs for name in neumf] == [2_209, 583_729, 688_384, 34, 182_369, 1_352_001]


networks = st.sampled_from(["rm-small", "rm-large", "neumf-1m-medium", "rmc2", "wnd"])


@given(networks, st.integers(1, 3000), st.sampled_from([1, 4, 16, 64]))
def test_options_never_cost(network: str, items: int, slices: int) -> None:
    chip = replace(CHIP, weight_sram_bytes=2**31)  # all weights fit
    plain = cycles(network, CORRECTED, items=items, slices=slices, chip=chip)
    for option in ({"resident": True}, {"double_buffered": True}, {"hidden_cycles": 500.0}):
        other = cycles(network, CORRECTED, items=items, slices=slices, chip=chip, **option)
        assert other.total <= plain.total
    assert cycles(network, CORRECTED, items=items, slices=slices, chip=chip, resident=True).load == 0


@given(networks, st.integers(1, 3000))
def test_computing_takes_at_least_the_multiplies(network: str, items: int) -> None:
    found = cycles(network, CORRECTED, items=items, slices=4)
    assert (found.compute + found.interaction) * 64 * 64 >= items * demand(network, CORRECTED).macs


def test_wider_operands_load_longer() -> None:
    loads = [cycles("rm-large", CORRECTED, chip=replace(CHIP, weight_bits=bits)).load for bits in (8, 16, 32)]
    assert loads == sorted(loads)
    assert loads[0] < loads[2]


def test_flash_behind_dram_is_slower() -> None:
    fast, slow = (cycles("rm-large", CORRECTED, chip=replace(CHIP, dram_miss_rate=rate)).gather for rate in (0, 0.1))
    assert slow > fast + CHIP.flash_latency_cycles / 2

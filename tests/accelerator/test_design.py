from pathlib import Path

import pytest
from msgspec.structs import replace

from tailrank.accelerator import (
    CORRECTED,
    RELEASED,
    Array,
    Chip,
    Design,
    StageDesign,
    artifact,
    design_of,
    evaluate,
    parse_stages,
)
from tailrank.core import BadInputError
from tailrank.core.config import dumps, load, loads

TWO = parse_stages("rm-small:4096@4,rm-large:512@4")
UNEQUAL = """
kept = 64
[[stages]]
network = "rm-small"
items = 4096
rows = 32
cols = 32
servers = 8
[[stages]]
network = "rm-large"
items = 512
rows = 64
cols = 64
servers = 2
"""


def test_stages_are_read() -> None:
    assert (
        StageDesign(network="rm-small", items=4096, slices=4),
        StageDesign(network="rm-large", items=512, slices=4),
    ) == TWO


@pytest.mark.parametrize(
    "text", ["", "rm-small", "rm-small:0@4", "rm-small:4096@0", "rm-small:4096", "rm-small@4:4096"]
)
def test_what_is_no_stage_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="NETWORK:ITEMS@SLICES"):
        parse_stages(text)


def test_modes_differ_in_their_bugs_only() -> None:
    released, corrected = design_of("released", TWO), design_of("corrected", TWO)
    assert (released.bugs, corrected.bugs) == (RELEASED, CORRECTED)
    assert replace(released, bugs=CORRECTED) == corrected


def test_the_artifact_has_four_configurations() -> None:
    with pytest.raises(BadInputError, match="no slices of 1/8"):
        artifact(parse_stages("rm-small:4096@8,rm-large:512@4"))
    assert design_of("corrected", parse_stages("rm-small:4096@8,rm-large:512@4")).parts[0].array == Array(64, 32)


def test_a_file_divides_the_chip_unequally(tmp_path: Path) -> None:
    file = tmp_path / "design.toml"
    file.write_text(UNEQUAL)
    design = load(Design, file)
    assert [(part.count, part.array, part.share) for part in design.parts] == [
        (8, Array(32, 32), 1 / 16),
        (2, Array(64, 64), 1 / 4),
    ]
    assert loads(Design, dumps(design)) == design
    small, large = evaluate(design).stages
    assert evaluate(design).capacity_qps == pytest.approx(min(8e9 / small.latency_ns, 2e9 / large.latency_ns))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sub_batches": 513}, "empty"),
        ({"stages": TWO[::-1]}, "scores only 512"),
        ({"stages": TWO[:1], "sub_batches": 2}, "there is one"),
        ({"stages": TWO[:1], "hidden_rows": True}, "there is one"),
        ({"stages": (TWO[0], StageDesign(network="rm-large", items=9, rows=4, cols=4))}, "one way"),
    ],
)
def test_impossible_designs_are_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        Design(**({"stages": TWO} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"rows": 4},
        {"slices": 4, "rows": 4, "cols": 4},
        {"slices": 4, "servers": 2},
        {"slices": 4, "share": 0.5},
    ],
)
def test_a_stage_says_in_one_way_what_it_has(keys: dict[str, int]) -> None:
    with pytest.raises(BadInputError, match="`rm-small`"):
        StageDesign(network="rm-small", items=1, **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["dram_gib_s = 0.0", "array_rows = 0", "miss_rate = 1.5", "weight_bits = 12"])
def test_impossible_chips_are_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        loads(Chip, text)


def test_an_array_of_broken_blocks_is_refused() -> None:
    with pytest.raises(BadInputError, match="whole blocks"):
        loads(Chip, "array_rows = 126")


def test_a_share_may_be_given() -> None:
    stage = StageDesign(network="rm-large", items=512, rows=64, cols=64, share=0.5)
    more, less = (evaluate(Design(stages=(replace(stage, share=share),))).stages[0].cycles for share in (0.5, 0.25))
    assert more.gather < less.gather
    assert more.compute == less.compute


def test_only_an_undivided_chip_with_host_filtering_is_the_baseline() -> None:
    one = parse_stages("rm-large:4096@1")
    assert design_of("corrected", one, filter="host").baseline
    assert not design_of("corrected", one).baseline
    assert not design_of("corrected", TWO, filter="host").baseline


def test_shares_of_bandwidth_and_cache_are_those_of_sub_arrays_of_ones_own() -> None:
    own = loads(Design, UNEQUAL.replace("servers = 8", "servers = 8\nbandwidth = 0.05\ncache = 0.02\nmiss_rate = 0.25"))
    assert (own.parts[0].bandwidth, own.parts[0].cache, own.parts[0].share) == (0.05, 0.02, 1 / 16)
    equal, misses = evaluate(loads(Design, UNEQUAL)), evaluate(replace(own, bins=None))
    assert misses.stages[0].cycles.dram_bytes == equal.stages[0].cycles.dram_bytes / 2
    assert misses.stages[1] == equal.stages[1]
    assert misses.stages[0].cycles.compute == equal.stages[0].cycles.compute
    with pytest.raises(BadInputError, match="slices"):
        StageDesign(network="rm-small", items=4096, slices=4, cache=0.1)


def test_bins_of_the_filter_cost_cycles_and_area() -> None:
    few, many = (evaluate(Design(stages=TWO, bins=bins)) for bins in (16, 256))
    assert many.stages[0].cycles.filter - few.stages[0].cycles.filter == 240
    assert few.stages[0].cycles.filter > evaluate(Design(stages=TWO)).stages[0].cycles.filter
    assert many.area.filter > few.area.filter == evaluate(Design(stages=TWO)).area.filter

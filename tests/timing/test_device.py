import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.core.config import dump, dumps, from_dict, loads
from tailrank.timing import Device, device, device_names
from tailrank.timing.device import FOLDER, NUMBERS

PAGE = Path(__file__).parents[2] / "docs" / "hardware.md"
ASKED_FOR = {
    *("broadwell-28c", "skylake-40c", "cascade-lake", "amd-epyc", "intel-xeon", "c5n-2xlarge"),
    *("gtx-1080ti", "t4", "l4", "a100", "h100", "h200"),
}
MIB = 2**20


def cpu(**changes: Any) -> dict[str, Any]:
    """Return a small CPU of one socket as its file has it."""
    fields = {
        "name": "small",
        "part": "a small CPU",
        "kind": "cpu",
        "cores": 4,
        "clock_ghz": 2.5,
        "lanes": 8,
        "fma_units": 2,
        "peak_fp32_gflops": 320.0,
        "l1_bytes": 32768,
        "l2_bytes": MIB,
        "l3_bytes": 8 * MIB,
        "dram_gbps": 40.0,
        "dram_latency_ns": 80.0,
        "gather_efficiency": 0.5,
        "operator_us": 1.0,
        "memory_bytes": 16 * 10**9,
        "tdp_w": 65.0,
        "idle_w": 10.0,
    } | changes
    return {field: value for field, value in fields.items() if value is not None}


def gpu(**changes: Any) -> dict[str, Any]:
    """Return a small GPU as its file has it."""
    link = {"kind": "gpu", "l3_bytes": None, "link_gbps": 12.0, "link_latency_us": 8.0}
    return cpu(**(link | changes))


def test_the_catalogue_has_what_was_asked_for_cpus_first() -> None:
    assert set(device_names()) >= ASKED_FOR
    kinds = [device(name).kind for name in device_names()]
    assert kinds == sorted(kinds)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_a_file_of_the_catalogue_is_called_like_its_device(path: Path) -> None:
    assert device(path).name == path.stem
    assert device(path.stem) == device(path)


@pytest.mark.parametrize("name", device_names())
def test_every_number_of_the_catalogue_has_its_source(name: str) -> None:
    found = device(name)
    given = {field for field in NUMBERS if getattr(found, field) not in (None, 0)}
    if found.kind == "gpu":
        given -= {"l3_parts", "l3_inclusive"}  # it has no L3
    assert given - set(found.sources) == set()
    assert all(len(source) > 5 for source in found.sources.values())


@pytest.mark.parametrize("name", device_names())
def test_what_is_assumed_says_so_in_both_places(name: str) -> None:
    found = device(name)
    assumed = {field for field, source in found.sources.items() if source.startswith("assumed")}
    assert assumed <= set(found.estimated)
    assert len(set(found.estimated)) == len(found.estimated)


@pytest.mark.parametrize("name", device_names())
def test_peaks_are_what_cores_clock_and_lanes_give(name: str) -> None:
    found = device(name)
    product = 2 * found.cores * found.clock_ghz * found.lanes * found.fma_units
    assert found.peak_fp32_gflops == pytest.approx(product, rel=0.01)
    assert found.core_fp32_gflops * found.cores == pytest.approx(found.peak_fp32_gflops)
    assert found.peak_bf16_gflops is None or found.peak_bf16_gflops >= 2 * found.peak_fp32_gflops


# Data sheets' own figures, rounded as they print them: TFLOPS in fp32, GB/s, watts.
@pytest.mark.parametrize(
    ("name", "tflops", "gbps", "watts"),
    [
        ("gtx-1080ti", 11.3, 484, 250),
        ("t4", 8.1, 320, 70),
        ("l4", 30.3, 300, 72),
        ("a100", 19.5, 2039, 400),
        ("h100", 66.9, 3350, 700),
        ("h200", 66.9, 4800, 700),
    ],
)
def test_gpus_agree_with_their_data_sheets(name: str, tflops: float, gbps: float, watts: float) -> None:
    found = device(name)
    assert round(found.peak_fp32_gflops / 1e3, 1) == tflops
    assert (found.dram_gbps, found.tdp_w) == (gbps, watts)


# Channels a socket, MT/s, sockets: eight bytes a transfer.
@pytest.mark.parametrize(
    ("name", "channels", "rate", "sockets"),
    [
        ("broadwell-28c", 4, 2400, 2),
        ("skylake-40c", 4, 2666, 2),
        ("cascade-lake", 6, 2933, 2),
        ("amd-epyc", 12, 6000, 1),
        ("intel-xeon", 8, 6400, 1),
    ],
)
def test_bandwidth_is_channels_times_rate(name: str, channels: int, rate: int, sockets: int) -> None:
    assert device(name).dram_gbps == pytest.approx(sockets * channels * rate * 8 / 1e3, rel=0.001)


def test_the_two_hosts_of_the_paper_differ_as_the_paper_says() -> None:
    broadwell, skylake = device("broadwell-28c"), device("skylake-40c")
    assert (broadwell.l3_inclusive, skylake.l3_inclusive) == (True, False)
    assert skylake.lanes == 2 * broadwell.lanes
    assert skylake.l2_bytes == 4 * broadwell.l2_bytes
    assert (broadwell.tdp_w, skylake.tdp_w) == (240, 250)


def test_what_a_core_finds_on_the_chip() -> None:
    inclusive = from_dict(Device, cpu(l3_inclusive=True, l3_bytes=16 * MIB, l3_parts=2))
    assert inclusive.cached_bytes == 8 * MIB  # its socket's L3 holds the L2's lines too
    assert from_dict(Device, cpu(l3_bytes=16 * MIB, l3_parts=2)).cached_bytes == 9 * MIB
    assert from_dict(Device, cpu(l3_bytes=None)).cached_bytes == MIB
    assert from_dict(Device, gpu()).cached_bytes == MIB


def test_a_file_of_ones_own_works_by_its_path(tmp_path: Path) -> None:
    own = from_dict(Device, gpu(sources={"cores": "counted"}, estimated=["idle_w"]))
    dump(own, tmp_path / "mine.toml")
    assert device(tmp_path / "mine.toml") == own
    assert device(str(tmp_path / "mine.toml")) == own


@pytest.mark.parametrize("name", device_names())
def test_a_device_survives_the_round_trip_through_toml(name: str) -> None:
    assert loads(Device, dumps(device(name))) == device(name)


def test_equal_devices_hash_alike_so_that_they_can_be_keys() -> None:
    one, other = from_dict(Device, cpu()), from_dict(Device, cpu())
    assert hash(one) == hash(other)
    assert len({one, other, from_dict(Device, cpu(idle_w=9.0))}) == 2


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="unknown device `skylake-40`") as caught:
        device("skylake-40")
    assert "did you mean `skylake-40c`?" in caught.value.hint
    assert all(name in caught.value.hint for name in ASKED_FOR)
    assert ".toml" in caught.value.hint


def test_a_file_that_is_not_there_or_not_toml_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"absent\.toml: cannot be read"):
        device(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("cores = = 3\n")
    with pytest.raises(BadInputError, match=r"broken\.toml: not valid TOML"):
        device(tmp_path / "broken.toml")


def test_a_misspelt_key_names_the_file_and_the_right_spelling(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(dumps(from_dict(Device, cpu())).replace("dram_gbps", "dram_gps"))
    with pytest.raises(BadInputError, match=r"mine\.toml: .*`dram_gps`") as caught:
        device(path)
    assert "`dram_gbps`" in caught.value.hint


@pytest.mark.parametrize("missing", sorted(set(cpu()) - {"l3_bytes"}))
def test_a_missing_key_is_named(missing: str) -> None:
    with pytest.raises(BadInputError, match=f"`{missing}`"):
        from_dict(Device, cpu(**{missing: None}))


@pytest.mark.parametrize("field", [field for field in NUMBERS if field != "l3_inclusive"])
@pytest.mark.parametrize("value", [-1, "many"])
def test_a_negative_number_or_a_word_names_its_place(field: str, value: object) -> None:
    with pytest.raises(BadInputError, match=field):
        from_dict(Device, gpu(**{field: value}))


@pytest.mark.parametrize("field", ["cores", "clock_ghz", "lanes", "dram_gbps", "memory_bytes", "tdp_w", "l3_parts"])
def test_zero_is_refused_where_it_makes_no_sense(field: str) -> None:
    with pytest.raises(BadInputError, match=field):
        from_dict(Device, cpu(**{field: 0}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("field", ["clock_ghz", "dram_gbps", "dram_latency_ns", "operator_us", "idle_w"])
def test_a_number_must_be_finite(field: str, value: float) -> None:
    with pytest.raises(BadInputError, match=field):
        from_dict(Device, cpu(**{field: value}))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        (cpu(peak_fp32_gflops=700.0), "peak_fp32_gflops"),
        (cpu(l2_bytes=1024), "l2_bytes"),
        (cpu(l3_bytes=MIB // 2), "l3_bytes"),
        (cpu(l3_bytes=8 * MIB, l3_parts=16), "l3_bytes"),
        (cpu(l3_bytes=3 * MIB, l3_inclusive=True), "l3_bytes"),
        (cpu(gather_efficiency=1.5), "gather_efficiency"),
        (cpu(gather_efficiency=0), "gather_efficiency"),
        (cpu(idle_w=70.0), "idle_w"),
        (cpu(link_gbps=12.0), "link_gbps"),
        (cpu(kind="tpu"), "kind"),
        (cpu(name="2xfast"), "name"),
        (cpu(name="a+b"), "name"),
        (cpu(sources={"colour": "seen"}), "`colour`"),
        (cpu(estimated=["colour"]), "`colour`"),
        (gpu(link_gbps=None), "link_gbps"),
        (gpu(link_latency_us=None), "link_latency_us"),
        (gpu(l3_bytes=8 * MIB), "l3_bytes"),
    ],
)
def test_a_device_that_cannot_be_says_what_is_wrong_and_how_to_mend_it(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(BadInputError, match=place) as caught:
        from_dict(Device, fields, source="mine.toml")
    assert caught.value.message.startswith("mine.toml: ")
    assert caught.value.hint


def test_a_peak_below_the_product_is_a_device_that_throttles() -> None:
    assert from_dict(Device, cpu(peak_fp32_gflops=200.0)).core_fp32_gflops == 50.0


@given(cores=st.integers(1, 512), lanes=st.sampled_from([4, 8, 16, 32]), name=st.sampled_from(device_names()))
def test_a_variation_keeps_its_peaks_in_step(cores: int, lanes: int, name: str) -> None:
    base = device(name)
    if base.l3_inclusive:
        cores = min(cores, base.cores)  # else the L3 could not include so many L2
    varied = base.varied(cores=cores, lanes=lanes)
    factor = cores * lanes / (base.cores * base.lanes)
    assert varied.peak_fp32_gflops == pytest.approx(base.peak_fp32_gflops * factor)
    if base.peak_bf16_gflops is not None:
        assert varied.peak_bf16_gflops == pytest.approx(base.peak_bf16_gflops * factor)
    assert (varied.cores, varied.lanes, varied.dram_gbps) == (cores, lanes, base.dram_gbps)


def test_a_variation_says_what_was_changed() -> None:
    varied = from_dict(Device, cpu()).varied(l3_bytes=16 * MIB, idle_w=10.0)
    assert varied.estimated == ("l3_bytes",)
    assert varied.sources == {"l3_bytes": "a what-if on `small`"}
    assert varied.peak_fp32_gflops == 320.0


@pytest.mark.parametrize("changes", [{"cores": 0}, {"colour": 3}, {"l2_bytes": 1}, {"gather_efficiency": 2.0}])
def test_a_variation_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=next(iter(changes))):
        from_dict(Device, cpu()).varied(**changes)


def cell(found: Device, field: str, factor: float = 1.0) -> str:
    """Return a number as the page shows it: `~` marks an estimate, `-` what there is not."""
    value = getattr(found, field)
    if value is None:
        return "-"
    return f"{'~' if field in found.estimated else ''}{value * factor:.4g}"


def row(found: Device) -> str:
    """Return the device's row of the table in docs/hardware.md."""
    shared = "l2_bytes" if found.kind == "gpu" else "l3_bytes"
    parts = f" in {found.l3_parts}" if found.l3_parts > 1 else ""
    cells = [
        f"[{found.name}](../src/tailrank/timing/devices/{found.name}.toml)",
        found.part,
        cell(found, "cores"),
        cell(found, "clock_ghz"),
        f"{found.fma_units} x {found.lanes}",
        cell(found, "peak_fp32_gflops", 1e-3),
        cell(found, "peak_bf16_gflops", 1e-3),
        cell(found, shared, 1 / MIB) + parts,
        cell(found, "dram_gbps"),
        cell(found, "dram_latency_ns"),
        cell(found, "gather_efficiency"),
        cell(found, "operator_us"),
        cell(found, "link_gbps"),
        cell(found, "memory_bytes", 1e-9),
        cell(found, "tdp_w"),
        cell(found, "idle_w"),
        cell(found, "price_per_hour"),
    ]
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", device_names())
def test_the_page_shows_the_catalogue_as_it_is(name: str) -> None:
    assert row(device(name)) in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("field", Device.__struct_fields__)
def test_the_page_explains_every_key(field: str) -> None:
    assert f"`{field}`" in PAGE.read_text(encoding="utf-8")


@given(st.text(string.ascii_lowercase + "-0123456789", min_size=1, max_size=10))
def test_any_other_name_is_bad_input_and_nothing_else(name: str) -> None:
    if name not in device_names():
        with pytest.raises(BadInputError):
            device(name)

"""The published fits, and the checks of the paper's behaviour that they must pass (DeepRecSys, operators and GPU)."""

from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.timing import (
    Roofline,
    Switches,
    fit_for,
    predict,
    published_names,
    refit,
    shipped_observations,
)
from tailrank.timing.device import device
from tailrank.zoo import get

PAGE = Path(__file__).parents[2] / "docs" / "roofline.md"
EIGHT = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
BATCHES = (1, 4, 16, 64, 256, 1024)


def roofline(name: str, on: str, **changes: bool) -> Roofline:
    return Roofline(get(f"{name}-artifact"), device(on), switches=Switches(**changes))  # type: ignore[arg-type]


def kinds(name: str, batch: int, on: str = "skylake-40c") -> dict[str, float]:
    where = roofline(name, on)
    spent = where.operator_seconds(np.array([float(batch)]))
    total = sum(float(each[0]) for each in spent.values())
    shares = {"lookup": 0.0, "matmul": 0.0, "elementwise": 0.0, "recurrent": 0.0}
    for work in where.work:
        shares["recurrent" if work.operator == "recurrent" else work.kind] += float(spent[work.name][0]) / total
    return shares


def speedup(name: str, batch: int) -> float:
    return roofline(name, "skylake-40c").seconds(batch) / roofline(name, "gtx-1080ti").seconds(batch)


@pytest.mark.parametrize("name", published_names())
def test_a_fit_made_anew_is_the_one_on_disk(name: str) -> None:
    again, shipped = refit(name), fit_for(device(name))
    for field in again.free:
        assert getattr(again.parameters, field) == pytest.approx(getattr(shipped.parameters, field), rel=0.01)
    assert (again.free, again.batches, again.points) == (shipped.free, shipped.batches, shipped.points)
    assert [each.network for each in again.residuals] == [each.network for each in shipped.residuals]


@pytest.mark.parametrize("name", published_names())
def test_every_network_has_its_error_reported(name: str) -> None:
    shipped = fit_for(device(name))
    points = shipped_observations(name)
    assert {each.network for each in shipped.residuals} == {point.network for point in points}
    assert sum(each.points for each in shipped.residuals) == len(points) == shipped.points
    assert shipped.anchor


@pytest.mark.parametrize("name", published_names())
def test_the_page_has_the_errors_and_the_parameters(name: str) -> None:
    page, shipped = PAGE.read_text(encoding="utf-8"), fit_for(device(name))
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith(f"| {name} | ")]
    for network in {each.network for each in shipped.residuals}:
        for what, shares in (("times", False), ("shares", True)):
            theirs = [
                each
                for each in shipped.residuals
                if each.network == network and each.quantity.startswith("share") == shares
            ]
            if theirs:
                row = next(row for row in rows if row[1:3] == [network.removesuffix("-artifact"), what])
                assert row[3] == str(sum(each.points for each in theirs))
                assert row[5].startswith(f"{100 * max(each.worst_error for each in theirs):.1f} ")
    for parameter in shipped.free:
        line = next(line for line in page.splitlines() if line.startswith(f"| `{parameter}` | "))
        assert f"**{getattr(shipped.parameters, parameter):.4g}**" in line


def test_an_unknown_device_has_no_published_points() -> None:
    with pytest.raises(BadInputError, match="no published points of `a100`"):
        refit("a100")


def test_speed_ups_are_predicted_better_than_by_the_peaks() -> None:
    """A fit must say more than "a GPU is so much faster": a constant factor is the rival to beat."""
    points = [point for point in shipped_observations("gtx-1080ti") if point.quantity == "speedup"]
    measured = np.log([point.value for point in points])
    found = np.log([speedup(point.network.removesuffix("-artifact"), point.batch) for point in points])
    assert np.abs(found - measured).mean() < 0.5 * np.abs(measured - measured.mean()).mean()


# Check 2: operator shares on the CPU at batch 64.
@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [
        ("rmc1", "lookup", 0.70),
        ("rmc2", "lookup", 0.85),
        ("rmc3", "matmul", 0.90),
        ("wnd", "matmul", 0.90),
        ("mtwnd", "matmul", 0.90),
        ("ncf", "matmul", 0.80),
        ("dien", "recurrent", 0.60),
    ],
)
def test_shares_at_batch_64_name_the_bottleneck(name: str, kind: str, least: float) -> None:
    assert kinds(name, 64)[kind] > least


def test_rmc1_crosses_from_layers_to_lookups_and_recurrence_loses_its_share() -> None:
    """Check 3."""
    assert kinds("rmc1", 1)["matmul"] > kinds("rmc1", 1)["lookup"]
    assert kinds("rmc1", 16)["matmul"] < kinds("rmc1", 16)["lookup"]
    shares = [kinds("dien", batch)["recurrent"] for batch in (1, 16, 64, 1024)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.8 * shares[0]


class TestSpeedups:
    """Check 4: the GTX 1080 Ti over one Skylake worker."""

    @pytest.mark.parametrize("name", EIGHT)
    def test_a_gpu_loses_at_batch_1(self, name: str) -> None:
        assert speedup(name, 1) < 1

    @pytest.mark.parametrize("name", ["rmc3", "ncf", "wnd", "mtwnd"])
    def test_speedups_grow_with_the_batch(self, name: str) -> None:
        found = [speedup(name, batch) for batch in BATCHES]
        assert found == sorted(found)

    def test_lookups_gain_least_at_1024(self) -> None:
        found = {name: speedup(name, 1024) for name in EIGHT}
        assert set(sorted(found, key=found.__getitem__)[:2]) == {"rmc1", "rmc2"}

    def test_rmc3_breaks_even_first(self) -> None:
        sizes = np.arange(1, 1025, dtype=float)
        first = {}
        for name in EIGHT:
            wins = roofline(name, "skylake-40c").table_at(sizes) > roofline(name, "gtx-1080ti").table_at(sizes)
            first[name] = int(np.argmax(wins)) if wins.any() else 9999
        assert min(first, key=first.__getitem__) == "rmc3"


def test_an_item_gets_cheaper_with_the_batch_where_layers_bind() -> None:
    """Check 5: cost per item from batch 10 to 1000 on the c5n."""

    def fall(name: str) -> float:
        where = roofline(name, "c5n-2xlarge")
        return (where.seconds(10) / 10) / (where.seconds(1000) / 1000)

    assert fall("wnd") > 2
    assert fall("mtwnd") > 2
    assert fall("rmc2") < 1.5


class TestTransfers:
    """Check 17: the share of GPU time that inputs take, on the T4."""

    @pytest.mark.parametrize("name", ["ncf", "wnd", "mtwnd"])
    def test_naive_copies_take_over_half(self, name: str) -> None:
        assert 0.45 < roofline(name, "t4").transfer_share(1000) < 0.75

    def test_naive_copies_of_ids_take_nearly_all(self) -> None:
        assert roofline("rmc2", "t4").transfer_share(1000) > 0.9

    @pytest.mark.parametrize("name", EIGHT)
    def test_pinned_int32_and_overlap_each_cut_it(self, name: str) -> None:
        shares = [
            roofline(name, "t4", **dict.fromkeys(on, True)).transfer_share(1000)
            for on in ((), ("pinned",), ("pinned", "int32_ids"), ("pinned", "int32_ids", "overlap"))
        ]
        assert shares == sorted(shares, reverse=True)
        assert shares[1] < shares[0]
        assert shares[-1] < 0.2


def test_what_speed_ups_say_of_inputs_agrees_with_what_was_measured_elsewhere() -> None:
    """The figures hold no time of inputs: that theirs follow from speed-ups stands or falls with this."""
    figures, kairos = fit_for(device("skylake-40c")).parameters, fit_for(device("c5n-2xlarge")).parameters
    assert 0.5 < figures.feed_id_ns / kairos.feed_id_ns < 2
    assert 0.5 < figures.copy_us / kairos.copy_us < 2
    assert 0.4 < figures.feed_bag_ns / kairos.feed_bag_ns < 2.5


@pytest.mark.parametrize("name", ["rmc2", "wnd", "mtwnd", "ncf"])
def test_the_scale_of_the_figures_agrees_with_latencies_measured_elsewhere(name: str) -> None:
    """Of the c5n's latencies only the efficiency of layers went into Skylake's fit."""
    sizes = np.array([100.0, 1000.0])
    there, here = (roofline(name, on).compute_seconds(sizes) for on in ("c5n-2xlarge", "skylake-40c"))
    assert np.all((here / there > 0.4) & (here / there < 2.5))


def test_points_on_disk_are_what_the_residuals_are_of() -> None:
    shipped = fit_for(device("skylake-40c"))
    points = [point for point in shipped_observations("skylake-40c") if point.network == "rmc1-artifact"]
    found = predict(points, roofline("rmc1", "skylake-40c"), {})
    errors = [abs(value - p.value) for value, p in zip(found, points, strict=True) if p.quantity == "share_lookup"]
    told = next(e for e in shipped.residuals if (e.network, e.quantity) == ("rmc1-artifact", "share_lookup"))
    assert told.worst_error == pytest.approx(max(errors), rel=1e-3)

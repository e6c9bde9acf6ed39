import pytest

from tailrank.report.study import services
from tailrank.report.study.paper import NETWORKS
from tailrank.timing.device import device


def test_speed_ups_are_of_every_network_at_every_batch() -> None:
    rows = services.speedups()
    assert len(rows) == len(NETWORKS) * len(services.ITEMS)
    assert all(row["modelled"] > 0 for row in rows)


def test_the_figures_numbers_are_those_of_the_artifact() -> None:
    figure = {(row["network"], row["items"]): row["figure"] for row in services.speedups()}
    assert figure["rmc3", 1] == 0.70
    assert figure["wnd", 1024] == 4.62


def test_shares_sum_to_one_and_stand_beside_the_figures() -> None:
    rows = services.shares()
    assert len(rows) == 2 * len(NETWORKS) * len(services.SHARE_ITEMS)
    for row in rows:
        assert sum(row["modelled"].values()) == pytest.approx(1)
    drawn = next(row for row in rows if (row["network"], row["device"], row["items"]) == ("rmc2", "cpu", 64))
    assert drawn["figure"]["lookup"] == pytest.approx(0.924)


def test_cost_per_item_does_not_rise_with_the_batch() -> None:
    rows = services.per_item()
    for name in NETWORKS:
        us = [row["us"] for row in rows if row["network"] == name]
        assert us == sorted(us, reverse=True)


def test_inputs_copied_better_take_a_smaller_share() -> None:
    for row in services.transfers():
        assert 0 <= row["better"] < row["naive"] < 1


def test_a_core_needs_no_larger_batch_where_a_row_takes_longer() -> None:
    rows = services.knees(device(services.CPU))
    assert {row["network"] for row in rows} == set(NETWORKS)
    assert all(1 <= row["before"] <= services.LARGEST for row in rows)
    # half the lanes: the arithmetic of a row takes twice as long, what is done once a batch does not
    narrow = [row for row in rows if row["change"] == "Half the SIMD width"]
    assert all(row["after"] <= row["before"] for row in narrow)


def test_fits_say_how_far_they_are_off() -> None:
    rows = services.fits()
    assert {services.CPU, services.GPU} <= {row["device"] for row in rows}
    assert all(0 <= row["median_error"] <= row["worst_error"] for row in rows)


def test_the_static_batch_is_never_faster_than_the_best() -> None:
    rows = services.headroom()
    assert {(row["host"], row["batch"]) for row in rows} == {("broadwell-28c", 36), ("skylake-40c", 25)}
    assert all(row["gain"] >= 1 for row in rows)

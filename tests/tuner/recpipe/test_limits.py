import pytest

from tailrank.tuner.recpipe.limits import logged_shares, monolithic_shares, utilisation


def test_the_undivided_accelerator_takes_what_the_fact_sheet_says() -> None:
    rows = {row["network"]: row for row in monolithic_shares()}
    assert rows["rm-large"]["ms"] == pytest.approx(2.4805, abs=1e-4)
    for row in rows.values():
        parts = [float(str(value)) for key, value in row.items() if key not in ("network", "ms")]
        assert sum(parts) == pytest.approx(1.0)
    filtering = [float(str(rows[name]["host_filter"])) for name in ("rm-small", "rm-med", "rm-large")]
    assert filtering == sorted(filtering, reverse=True)  # the same 0.35 ms of an ever longer stage


def test_no_gpu_does_more_than_its_peak_and_inputs_never_take_all() -> None:
    for row in utilisation():
        assert 0 < float(str(row["of_peak"])) <= float(str(row["of_peak_computing"])) < 1
        assert 0 <= float(str(row["inputs_share"])) + float(str(row["sort_share"])) < 1


def test_pinned_inputs_raise_utilisation() -> None:
    rows = {(row["gpu"], row["network"], row["inputs"]): float(str(row["of_peak"])) for row in utilisation()}
    for (gpu, network, inputs), share in rows.items():
        if inputs != "naive":
            assert share > rows[gpu, network, "naive"]


def test_shares_of_the_logged_gpu_are_of_its_logged_parts() -> None:
    small = next(row for row in logged_shares() if row["network"] == "rm-small")
    assert small["ms"] == pytest.approx(4.7 + 4.2 + 1.19 + 0.16)
    assert small["inputs_share"] == pytest.approx((4.2 + 0.16) / 10.25)

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, class_of, geomean, title


def test_cells_are_found_by_what_they_are(document: dict[str, Any]) -> None:
    cells = Cells(Value(document))
    assert len(cells.by_key) == len(document["cells"]) == 8 * 3 * 2 * 3
    assert cells.hosts == ["broadwell-28c", "skylake-40c"]
    assert cells.targets == ["low", "medium", "high"]
    assert cells.networks[:3] == ["rmc1", "rmc2", "rmc3"]
    assert cells.number("batch_size", "rmc1", "medium", "skylake-40c", "static") == 25
    assert list(cells.along("gpu_item_share", "din", "skylake-40c", "gpu")) == ["low", "medium", "high"]
    assert cells.gpu_of("skylake-40c") == "gtx-1080ti"


def test_targets_and_networks_not_known_here_come_last() -> None:
    rows = [
        {"network": name, "target": at, "host": "h", "scheduler": "cpu", "capacity_qps": 1.0}
        for name, at in (("a-new-one", "tight"), ("dien", "high"), ("rmc1", "low"))
    ]
    cells = Cells(Value({"cells": rows}))
    assert cells.networks == ["rmc1", "dien", "a-new-one"]
    assert cells.targets == ["low", "high", "tight"]
    assert title("a-new-one") == "a-new-one"


def test_the_mean_gain_is_the_documents_else_that_of_the_cells(document: dict[str, Any]) -> None:
    given_one = Cells(Value(document)).geomean_gain("skylake-40c", "gpu", "low")
    del document["geomean_gain"]
    assert Cells(Value(document)).geomean_gain("skylake-40c", "gpu", "low") == pytest.approx(given_one)


def test_ratios_skip_what_could_not_be_met(document: dict[str, Any]) -> None:
    document["cells"][0]["capacity_qps"] = 0.0  # rmc1, low, broadwell, static
    cells = Cells(Value(document))
    assert "rmc1" not in cells.ratios("capacity_qps", "broadwell-28c", "cpu", "low")
    assert "rmc2" in cells.ratios("capacity_qps", "broadwell-28c", "cpu", "low")


def test_capacity_per_watt_is_of_tdp_where_cells_have_that(document: dict[str, Any]) -> None:
    assert Cells(Value(document)).per_watt == "qps_per_watt"
    document["cells"][3]["qps_per_tdp_watt"] = 2.0
    assert Cells(Value(document)).per_watt == "qps_per_tdp_watt"


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8))
def test_the_geometric_mean_lies_between_and_turns_with_its_values(values: list[float]) -> None:
    mean = geomean(values)
    assert mean is not None
    assert min(values) * 0.999 <= mean <= max(values) * 1.001
    inverse = geomean(1 / value for value in values)
    assert inverse is not None
    assert math.isclose(inverse * mean, 1.0, rel_tol=1e-9)


@pytest.mark.parametrize("values", [[], [0.0], [2.0, -1.0]])
def test_a_geometric_mean_needs_positive_values(values: list[float]) -> None:
    assert geomean(values) is None


def test_a_host_is_named_by_its_cpu() -> None:
    assert class_of("skylake-40c:cores=8+2xt4") == "skylake-40c:cores=8"

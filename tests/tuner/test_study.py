import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.tuner.study import CellResult, Column, Effort, geomean, geomean_gain


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=9))
def test_the_geometric_mean_is_that_of_the_product(values):
    found = geomean(values)
    assert found is not None
    assert found ** len(values) == pytest.approx(math.prod(values), rel=1e-6)


def test_nothing_has_no_mean():
    assert geomean([]) is None


def test_gains_are_grouped_by_host_scheduler_and_target(study_cell):
    cells = [
        study_cell(),
        study_cell(network="wnd", gain=8.0),
        study_cell(network="din", gain=None),
        study_cell(target="high", gain=3.0),
        study_cell(host="other", gain=5.0),
        study_cell(scheduler="gpu", gain=7.0),
        study_cell(scheduler="static", gain=1.0),
    ]
    assert geomean_gain(cells) == {
        "h": {"cpu": {"low": pytest.approx(4.0), "high": pytest.approx(3.0)}, "gpu": {"low": pytest.approx(7.0)}},
        "other": {"cpu": {"low": pytest.approx(5.0)}},
    }


def test_nulls_stay_in_the_document(study_cell):
    written = json.loads(json.dumps(msgspec.to_builtins(study_cell())))
    assert written["offload_at"] is None
    assert written["gpu"] is None
    assert msgspec.convert(written, CellResult) == study_cell()


def test_columns_are_cells_of_a_sweep():
    column = Column(network="rmc1", host="h", gpu="g", effort=Effort(queries=5), reading="why")
    assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(column))), Column) == column
    assert len({column, Column(network="rmc1", host="h")}) == 2
    assert column.label == "rmc1 on h+g (why)"

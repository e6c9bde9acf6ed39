import numpy as np
import pytest
import torch

from tailrank.models import Uniform
from tailrank.models.inputs import draw_inputs
from tailrank.zoo import get, names, scale


class Last:
    """Reads the last row of every table only."""

    def draw(self, rows, count, rng):
        return np.full(count, rows - 1, dtype=np.int64)


@pytest.mark.parametrize("name", names())
def test_shapes_are_items_by_lookups_and_slices_are_views(name):
    network, _ = scale(get(name), 2_000_000)
    inputs = draw_inputs(network, 11, Uniform(), 0)
    ids = inputs[1:] if network.dense else inputs
    assert sum(tensor.shape[1] for tensor in ids) == network.lookups_per_item
    assert all(tensor.dtype == torch.int32 for tensor in ids)
    if network.dense:
        assert inputs[0].shape == (11, network.dense)
        assert inputs[0].dtype == torch.float32
    for tensor in inputs:
        part = tensor[3:7]
        assert part.is_contiguous()
        assert part.data_ptr() == tensor.data_ptr() + 3 * tensor.shape[1] * tensor.element_size()


@pytest.mark.parametrize("name", names())
def test_every_column_stays_within_its_own_table(name):
    network, _ = scale(get(name), 2_000_000)
    ids = draw_inputs(network, 50, Uniform(), 0)[1 if network.dense else 0 :]
    for group, tensor in zip(network.groups, ids, strict=True):
        offset = column = 0
        for table in (table for table in network.tables if table.group == group):
            part = tensor[:, column : column + table.pooling]
            assert offset <= part.min()
            assert part.max() < offset + table.rows
            offset, column = offset + table.rows, column + table.pooling


def test_offsets_reach_the_last_row_of_each_table():
    network, _ = scale(get("ncf"), 1_000_000)
    ((row,),) = draw_inputs(network, 1, Last(), 0)
    assert row.tolist() == [number - 1 for number in np.cumsum([table.rows for table in network.tables])]


def test_tables_that_share_ids_read_the_same_rows():
    wnd, _ = scale(get("wnd"), 5_000_000)
    _, deep, wide = draw_inputs(wnd, 20, Uniform(), 0)
    assert torch.equal(wide[:, :27], deep)
    ncf, _ = scale(get("ncf"), 1_000_000)
    (ids,) = draw_inputs(ncf, 20, Uniform(), 0)
    users, items = ncf.tables[0].rows, ncf.tables[1].rows
    assert torch.equal(ids[:, 2] - users - items, ids[:, 0])
    assert torch.equal(ids[:, 3] - 2 * users - items, ids[:, 1] - users)


def test_ids_beyond_int32_are_int64():
    network = get("dien")
    assert sum(table.rows for table in network.tables) < 2**31
    big = type(network)(
        name="big",
        family="dlrm",
        tables=(type(network.tables[0])(2**31, 4),) * 2,
        chains=(),
        sla_ms=1.0,
        source="none",
    )
    (ids,) = draw_inputs(big, 2, Last(), 0)
    assert ids.dtype == torch.int64
    assert ids[0].tolist() == [2**31 - 1, 2**32 - 1]


def test_uniform_covers_the_table_evenly():
    drawn = Uniform().draw(50, 50_000, np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=50)
    chi_squared = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_squared < 49 + 6 * np.sqrt(2 * 49)

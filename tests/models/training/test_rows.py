import numpy as np
import pytest
import torch

from tailrank.core import BadInputError
from tailrank.models import build
from tailrank.models.training import network_inputs, resized
from tailrank.zoo import get


def test_shapes_stay_and_tables_get_the_rows_of_the_data():
    network = get("neumf-1m-large")
    fitting = resized(network, (7, 5))
    assert [table.rows for table in fitting.tables] == [7, 5, 7, 5]
    assert [table.dim for table in fitting.tables] == [table.dim for table in network.tables]
    assert fitting.chains == network.chains
    assert fitting.flops_per_item == network.flops_per_item


@pytest.mark.parametrize("rows", [(7,), (7, 5, 3), (7, 0)])
def test_rows_of_another_count_of_tables_are_refused(rows):
    with pytest.raises(BadInputError, match="neumf-1m-small"):
        resized(get("neumf-1m-small"), rows)


def test_inputs_read_the_rows_that_the_ids_name(pair_network):
    network = resized(pair_network, (4, 3))
    model = build(network, memory_bytes=network.table_bytes)
    ids = np.array([[0, 0], [3, 2], [1, 2]], dtype=np.int32)
    factor_ids, mlp_ids = network_inputs(network, np.empty((3, 0), np.float32), ids)
    users, items = (ids[:, 0], ids[:, 1] + 4)
    for name, found in (("factors", factor_ids), ("lookup", mlp_ids)):
        table = getattr(model.module, name).weight
        assert torch.equal(table[found[:, 0].long()], table[users])
        assert torch.equal(table[found[:, 1].long()], table[items])


def test_features_of_another_width_are_refused(clicks_data):
    network = resized(get("rm-small"), clicks_data.rows)
    train = clicks_data.train
    with pytest.raises(BadInputError, match="13 dense features and 26 ids"):
        network_inputs(network, train.dense[:, :5], train.ids)
    with pytest.raises(BadInputError, match="26 ids"):
        network_inputs(network, train.dense, train.ids[:, :3])

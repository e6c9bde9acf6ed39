import numpy as np
import pytest
import torch

from tailrank import zoo
from tailrank.models.layers import Mlp
from tailrank.models.native.lowering import Lowering, array, lookup_width
from tailrank.models.weights import fully_connected
from tailrank.native import interpret
from tailrank.native.program import Dense, Fc, View
from tailrank.zoo import Chain, Network, TableConfig

NETWORK = Network(
    name="parts",
    family="none",
    tables=(TableConfig(4, 2, 3), TableConfig(5, 2, 3), TableConfig(6, 7, 2, group="other")),
    chains=(Chain("chain", (6, 4, 3)), Chain("tower", (6, 4, 1), copies=3)),
    dense=6,
    sla_ms=1.0,
    source="a test",
)


def test_inputs_are_dense_then_ids_by_group():
    to = Lowering(NETWORK)
    assert to.inputs == [("dense", 6), ("ids", 6), ("ids", 2)]
    assert to.input_of == {"features": 1, "other": 2}


def test_parts_of_a_buffer_lie_side_by_side():
    to = Lowering(NETWORK)
    to.buffer(5)
    assert to.buffer(2, 3, 4) == (View(1, 0, 9), View(1, 0, 2), View(1, 2, 3), View(1, 5, 4))
    assert to.buffers == [5, 9]


@pytest.mark.parametrize("last", ["none", "relu", "sigmoid"])
def test_a_chain_may_find_its_inputs_in_another_order(last):
    mlp = Mlp(NETWORK, 0, "chain", last=last)
    order = np.array([5, 0, 3, 1, 4, 2])
    dense = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    to = Lowering(NETWORK)
    out = to.chain(mlp, to.dense(), columns=order)
    ids = np.zeros((8, 6), dtype=np.int32), np.zeros((8, 2), dtype=np.int32)
    found = interpret(to.program(to.mean(out)), (np.ascontiguousarray(dense[:, order]), *ids))
    with torch.inference_mode():
        wanted = mlp(torch.from_numpy(dense)).mean(dim=1).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_towers_take_turns_in_the_same_hidden_columns():
    to = Lowering(NETWORK)
    towers = torch.nn.ModuleList(Mlp(NETWORK, 0, "tower", copy=copy) for copy in range(3))
    whole = to.towers(towers, to.dense())
    assert whole.width == 3
    assert to.buffers == [6, 3, 4]
    assert [op.out for op in to.ops if isinstance(op, Fc)][1::2] == [View(1, column, 1) for column in range(3)]


def test_the_mean_of_one_column_is_the_column():
    to = Lowering(NETWORK)
    one, _ = to.buffer(1)
    assert to.mean(one) is one
    assert to.ops == []


def test_dense_inputs_go_where_they_are_told():
    to = Lowering(NETWORK)
    _, _, place = to.buffer(2, 6)
    assert to.dense(place) is place
    assert to.ops == [Dense(0, place)]


def test_an_array_shares_memory_with_its_weight_unless_it_must_turn():
    ((weight, _),) = fully_connected(Chain("fc", (3, 2)), 0)
    assert np.shares_memory(array(weight), weight.numpy())
    turned = array(weight.t())
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turned, weight.numpy().T)


@pytest.mark.parametrize(("name", "width"), [("rmc1", 10 * 32), ("ncf", 4 * 64), ("din-artifact", 3 * 32)])
def test_rows_take_their_dim_per_table(tiny, name, width):
    module = tiny(name).module
    lookup = module.lookup if hasattr(module, "lookup") else module.features
    assert lookup_width(lookup) == width
    assert zoo.get(name).tables[0].dim * len([t for t in zoo.get(name).tables if t.group == "features"]) == width


def test_rows_of_a_sequence_stay_apart(tiny):
    assert lookup_width(tiny("din").module.history) == 200 * 32

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tailrank import zoo
from tailrank.core import BadInputError
from tailrank.models import build
from tailrank.models.native import lower
from tailrank.native import check, interpret
from tailrank.native.program import Attention, Bag, DotPairs, Fc, Gru, Softmax, Tanh, Units

ITEMS = 7
FAMILIES = sorted({zoo.get(name).family for name in zoo.names()})
RELATIVE = 1e-5  # fp32 sums in another order


@pytest.mark.parametrize("name", zoo.names())
def test_a_program_scores_as_its_network_does(tiny, arrays, name):
    model = tiny(name)
    inputs = model.inputs(ITEMS)
    scores = interpret(lower(model.module, model.network), arrays(inputs))
    np.testing.assert_allclose(scores, model.score(inputs).numpy(), rtol=RELATIVE)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30, deadline=None)
@given(data=st.data(), items=st.integers(1, 5), seed=st.integers(0, 1000))
def test_a_program_scores_as_any_network_of_its_family_does(models, arrays, family, data, items, seed):
    model = data.draw(models(family))
    inputs = model.inputs(items, seed=seed)
    scores = interpret(lower(model.module, model.network), arrays(inputs))
    np.testing.assert_allclose(scores, model.score(inputs).numpy(), rtol=RELATIVE, atol=1e-7)


@pytest.mark.parametrize("tasks", [1, 2, 5])
@pytest.mark.parametrize("name", ["mtwnd", "mtwnd-artifact"])
def test_every_task_counts(tiny, arrays, name, tasks):
    model = tiny(name, tasks)
    inputs = model.inputs(ITEMS)
    scores = interpret(lower(model.module, model.network), arrays(inputs))
    np.testing.assert_allclose(scores, model.score(inputs).numpy(), rtol=RELATIVE)


@pytest.mark.parametrize("name", zoo.names())
def test_tables_are_the_modules_own(tiny, name):
    model = tiny(name)
    tables = [op.table for op in lower(model.module, model.network).ops if isinstance(op, Bag)]
    assert sum(table.nbytes for table in tables) == model.table_bytes
    parameters = [weight.detach().numpy() for weight in model.module.parameters()]
    assert all(any(np.shares_memory(table, weight) for weight in parameters) for table in tables)


@pytest.mark.parametrize("name", zoo.names())
def test_inputs_are_declared_as_the_model_draws_them(tiny, name):
    model = tiny(name)
    kinds = {torch.float32: "dense", torch.int32: "ids", torch.int64: "ids"}
    drawn = tuple((kinds[tensor.dtype], tensor.shape[1]) for tensor in model.inputs(1))
    assert lower(model.module, model.network).inputs == drawn


def _multiplies(op) -> int:
    """Return the multiply-accumulates that `op` makes for an item, as `zoo` counts them."""
    match op:
        case Fc():
            return op.repeat * op.layer.weight.size
        case Gru() | Tanh():
            return op.source.width // op.input.shape[1] * (op.input.size + op.state.size)
        case Attention():
            steps = op.steps.width // op.history.shape[0]
            return steps * (op.history.size + op.out_weight.size) + op.ad_weight.size
        case Units():
            return op.first.size + op.second.size
    return 0


@pytest.mark.parametrize("name", zoo.names())
def test_a_program_does_the_work_that_the_zoo_counts(tiny, name):
    """No lookup and no layer is made twice or left out, though its result may have no effect."""
    network = tiny(name).network
    ops = lower(tiny(name).module, network).ops
    assert sum(op.groups * op.pooling for op in ops if isinstance(op, Bag)) == network.lookups_per_item
    assert 2 * sum(_multiplies(op) for op in ops) == sum(chain.flops for chain in network.chains)


def test_the_artifacts_softmax_is_computed_and_read_by_nobody(tiny):
    model = tiny("dien-artifact")
    program = lower(model.module, model.network)
    (unread,) = [op.out.buffer for op in program.ops if isinstance(op, Softmax)]
    sources = [op.source.buffer for op in program.ops if isinstance(op, Fc | Tanh | Softmax)]
    assert unread not in sources


def test_pairs_need_no_copy_of_the_dense_vector(tiny):
    model = tiny("rm-small")
    ops = lower(model.module, model.network).ops
    (pairs,) = [op for op in ops if isinstance(op, DotPairs)]
    bottom = next(op.out for op in ops if isinstance(op, Fc) and op.out.buffer == pairs.out.buffer)
    assert bottom.column + bottom.width == pairs.source.width == pairs.out.column


def test_weights_that_became_nan_are_refused_by_name():
    model = build("ncf", memory_bytes=1 << 18)
    check(lower(model.module, model.network))
    with torch.no_grad():
        model.module.lookup.weight[3, 1] = torch.nan
    with pytest.raises(BadInputError, match=r"op \d+ \(Bag\): `table` holds nan at \(3, 1\)"):
        check(lower(model.module, model.network))


def test_a_module_of_another_kind_is_refused():
    with pytest.raises(BadInputError, match="no native program for a Linear"):
        lower(nn.Linear(3, 1), zoo.get("rmc1"))

"""Whole networks against naive ones built from the same weights."""

import pytest
import torch

N = 6


def chain(mlp, x, last):
    for number, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        x = x @ weight.t() + bias
        if number < len(mlp.weights) - 1:
            x = x.clamp(min=0)
    return {"relu": lambda v: v.clamp(min=0), "sigmoid": torch.sigmoid, "none": lambda v: v}[last](x)


def test_dlrm(tiny):
    model = tiny("rmc1")
    dense, ids = model.inputs(N)
    module = model.module
    parts = [chain(module.bottom, dense, "relu")]
    parts += [module.lookup.weight[ids[:, 80 * t : 80 * (t + 1)].long()].sum(1) for t in range(10)]
    naive = chain(module.top, torch.cat(parts, 1), "sigmoid").squeeze(1)
    assert torch.allclose(model.score((dense, ids)), naive, atol=1e-5)


@pytest.mark.parametrize("name", ["rm-small", "rm-large"])
def test_dlrm_with_dot_products_of_all_pairs(tiny, name):
    model = tiny(name)
    dense, ids = model.inputs(N)
    module = model.module
    bottom = chain(module.bottom, dense, "relu")
    vectors = [bottom, *(module.lookup.weight[column.long()] for column in ids.unbind(1))]
    pairs = [(vectors[i] * vectors[j]).sum(1, keepdim=True) for i in range(27) for j in range(i)]
    naive = chain(module.top, torch.cat([bottom, *pairs], 1), "sigmoid").squeeze(1)
    assert torch.allclose(model.score((dense, ids)), naive, atol=1e-5)


def test_ncf_multiplies_user_and_item(tiny):
    model = tiny("ncf")
    (ids,) = model.inputs(N)
    module = model.module
    user, item, mlp_user, mlp_item = module.lookup.weight[ids.long()].unbind(1)
    deep = chain(module.mlp, torch.cat([mlp_user, mlp_item], 1), "relu")
    naive = chain(module.head, torch.cat([user * item, deep], 1), "sigmoid").squeeze(1)
    assert torch.allclose(model.score((ids,)), naive, atol=1e-6)


@pytest.mark.parametrize("name", ["neumf-1m-large", "neumf-20m-small"])
def test_neumf_reads_the_same_user_and_item_in_both_branches(tiny, name):
    model = tiny(name)
    factor_ids, mlp_ids = model.inputs(N)
    module = model.module
    users, items = (table.rows for table in model.network.tables[:2])
    tables = [weight.split([users, items]) for weight in (module.factors.weight, module.lookup.weight)]
    user, item = factor_ids[:, 0].long(), factor_ids[:, 1].long() - users
    (user_factors, item_factors), (user_rows, item_rows) = tables
    deep = chain(module.mlp, torch.cat([user_rows[user], item_rows[item]], 1), "none")
    naive = chain(module.head, torch.cat([user_factors[user] * item_factors[item], deep], 1), "sigmoid").squeeze(1)
    assert torch.equal(factor_ids, mlp_ids)
    assert torch.allclose(model.score((factor_ids, mlp_ids)), naive, atol=1e-6)


def test_wide_and_deep_adds_its_wide_part_to_every_tower(tiny):
    for name, tasks in (("wnd", 1), ("mtwnd", 2)):
        model = tiny(name)
        module = model.module
        dense, deep_ids, wide_ids = model.inputs(N)
        shared = torch.cat([dense, module.deep.weight[deep_ids.long()].flatten(1)], 1)
        logits = torch.cat([chain(tower, shared, "none") for tower in module.towers], 1)
        wide = dense @ module.wide_dense.weight + module.wide.weight[wide_ids.long()].sum(1)
        assert logits.shape == wide.shape == (N, tasks)
        assert wide.abs().min() > 0
        naive = torch.sigmoid(logits + wide).mean(1)
        assert torch.allclose(model.score((dense, deep_ids, wide_ids)), naive, atol=1e-5)


def test_towers_have_weights_of_their_own(tiny):
    first, second = tiny("mtwnd").module.towers
    assert not torch.equal(first.weights[0], second.weights[0])

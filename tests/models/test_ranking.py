"""Whole networks against naive ones built from the same weights."""

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


def test_ncf_multiplies_user_and_item(tiny):
    model = tiny("ncf")
    (ids,) = model.inputs(N)
    module = model.module
    user, item, mlp_user, mlp_item = module.lookup.weight[ids.long()].unbind(1)
    deep = chain(module.mlp, torch.cat([mlp_user, mlp_item], 1), "relu")
    naive = chain(module.head, torch.cat([user * item, deep], 1), "sigmoid").squeeze(1)
    assert torch.allclose(model.score((ids,)), naive, atol=1e-6)


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

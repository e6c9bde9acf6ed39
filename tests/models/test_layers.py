"""Blocks against plain loops over tables and layers."""

import pytest
import torch
from torch import nn

from tailrank.models.layers import Concat, Dot, Lookup, Mlp, WeightedLookup, click
from tailrank.zoo import Chain, Network, TableConfig


@pytest.fixture
def network():
    return Network(
        name="toy",
        family="toy",
        tables=(
            *(TableConfig(rows, 8, 5) for rows in (30, 7, 90)),
            TableConfig(40, 4, 6, group="history", sequence=True),
            *(TableConfig(rows, 2, group="wide") for rows in (11, 13)),
        ),
        chains=(Chain("top", (6, 5, 3)),),
        sla_ms=1.0,
        source="none",
    )


def test_pooled_lookup_is_a_sum_per_table(network):
    lookup = Lookup(network, 0)
    sizes, offsets = (30, 7, 90), (0, 30, 37)
    ids = [torch.randint(0, size, (4, 5)) for size in sizes]
    merged = torch.cat([each + offset for each, offset in zip(ids, offsets, strict=True)], dim=1)
    tables = lookup.weight.split(sizes)
    naive = [table[each].sum(1) for table, each in zip(tables, ids, strict=True)]
    assert torch.allclose(lookup(merged), torch.stack(naive, dim=1), atol=1e-6)
    assert torch.equal(lookup(merged.int()), lookup(merged))


def test_a_history_stays_apart_in_order(network):
    items_first = Lookup(network, 0, "history")
    steps_first = Lookup(network, 0, "history", steps_first=True)
    ids = torch.randint(0, 40, (3, 6))
    rows = items_first(ids)
    assert rows.shape == (3, 6, 4)
    assert torch.equal(rows[2, 5], items_first.weight[ids[2, 5]])
    assert torch.equal(steps_first(ids), rows.transpose(0, 1))


def test_weighted_lookup_is_a_linear_layer_over_one_hot_ids(network):
    wide = WeightedLookup(network, 0, "wide")
    ids = torch.stack([torch.randint(0, 11, (9,)), torch.randint(11, 24, (9,))], dim=1)
    one_hot = nn.functional.one_hot(ids, 24).sum(1).float()
    assert torch.allclose(wide(ids), one_hot @ wide.weight, atol=1e-6)


@pytest.mark.parametrize(("last", "end"), [("none", nn.Identity()), ("relu", nn.ReLU()), ("sigmoid", nn.Sigmoid())])
def test_mlp_is_linear_layers_with_relu_between(network, last, end):
    mlp = Mlp(network, 0, "top", last=last)
    layers = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3), end)
    with torch.no_grad():
        for number, position in enumerate((0, 2)):
            layers[position].weight.copy_(mlp.weights[number])
            layers[position].bias.copy_(mlp.biases[number])
    x = torch.randn(10, 6)
    assert torch.allclose(mlp(x), layers(x), atol=1e-6)


def test_concat_flattens():
    assert torch.equal(Concat()(torch.zeros(2, 3), torch.ones(2, 2, 2)), torch.tensor([[0.0] * 3 + [1.0] * 4] * 2))


def test_dot_places_pairs_after_the_dense_part():
    dense, rows = torch.randn(4, 3), torch.randn(4, 5, 3)
    vectors = [dense, *rows.unbind(1)]
    found = Dot(5)(dense, rows)
    assert found.shape == (4, 3 + 15)
    assert torch.equal(found[:, :3], dense)
    for i in range(6):
        for j in range(i):
            assert torch.allclose(found[:, 3 + i * (i - 1) // 2 + j], (vectors[i] * vectors[j]).sum(1), atol=1e-6)


def test_click_is_the_second_outcome():
    logits = torch.tensor([[0.0, 0.0], [1.0, 3.0]])
    assert torch.allclose(click(logits), torch.tensor([0.5, torch.sigmoid(torch.tensor(2.0))]))

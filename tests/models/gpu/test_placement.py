import pytest
import torch
from torch import nn

from tailrank.models.gpu import placement
from tailrank.models.gpu.device import HostDevice
from tailrank.models.gpu.placement import activation_bytes, placed, weight_bytes


class Shares(nn.Module):
    """A weight under two names, a buffer, an integer buffer."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(50, 4))
        self.head = nn.Linear(4, 4)
        self.head.weight = nn.Parameter(self.table[:4].detach().clone())
        self.twin = self.head
        self.register_buffer("scale", torch.rand(4))
        self.register_buffer("order", torch.arange(4))

    def forward(self, ids):
        return (self.twin(self.table[ids.long()]) * self.scale)[:, self.order].sum(1)


@pytest.mark.parametrize("floats", [torch.float32, torch.bfloat16])
def test_a_placed_module_is_another_one_with_the_same_weights(floats, monkeypatch):
    monkeypatch.setattr(placement, "_BLOCK", 7)  # several blocks a weight
    module = Shares().train()
    there = placed(module, HostDevice(), floats)
    assert not there.training
    assert module.training
    assert there.twin is there.head
    for name, weight in module.state_dict().items():
        kept = floats if weight.is_floating_point() else weight.dtype
        assert torch.equal(there.state_dict()[name], weight.to(kept))
        assert there.state_dict()[name].data_ptr() != weight.data_ptr()
    assert not any(weight.requires_grad for weight in there.parameters())
    assert all(weight.requires_grad for weight in module.parameters())


def test_weights_count_once_in_the_type_they_will_have():
    floats = 50 * 4 + 4 * 4 + 4 + 4
    assert weight_bytes(Shares(), torch.float32) == 4 * floats + 4 * 8
    assert weight_bytes(Shares(), torch.bfloat16) == 2 * floats + 4 * 8


class Doubles(nn.Module):
    def forward(self, x):
        y = x * 2  # 12 bytes an item
        return (y.view(-1, 3) + torch.ones(3)).t()[0]  # 12 more, views count nothing; 12 for the ones


@pytest.mark.parametrize("items", [4, 12, 100])
def test_activations_are_what_operations_make(items):
    assert activation_bytes(Doubles(), lambda n: (torch.ones(n, 3),), items) == 24 * items + 12


def test_activations_of_a_network_are_bounded_by_hand(tiny):
    """RMC1 makes at least its pooled rows and its layers' outputs."""
    model = tiny("rmc1")
    network = model.network
    widths = sum(width for chain in network.chains for width in chain.widths[1:])
    least = 4 * 64 * (widths + sum(table.dim for table in network.tables))
    assert least <= activation_bytes(model.module, model.inputs, 64) <= 6 * least

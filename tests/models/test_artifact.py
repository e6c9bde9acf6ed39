"""The artifact's shapes against loops written from the description of what each does."""

import torch
from torch import nn

N = 5


def test_din_units_have_their_own_weights_and_are_summed(tiny):
    units = tiny("din-artifact-251").module.attention
    users, ad = torch.randn(N, 251, 32), torch.randn(N, 32)
    with torch.no_grad():
        naive = torch.zeros(N, 32)
        for number in range(251):
            user = users[:, number]
            inputs = torch.cat([user, ad, user + ad], 1)
            hidden = torch.relu(inputs @ units.first[number] + units.first_bias[number])
            naive += torch.relu(hidden @ units.second[number] + units.second_bias[number])
        assert torch.allclose(units(users, ad), naive, atol=1e-3, rtol=1e-4)


def test_dien_is_two_tanh_networks_whose_attention_has_no_effect(tiny):
    module = tiny("dien-artifact").module
    x = torch.randn(8, N, 32)

    def run(part, steps):
        width = part.weight.shape[0]
        cell = nn.RNNCell(part.weight.shape[1], width)
        with torch.no_grad():
            cell.weight_ih.copy_(part.weight)
            cell.weight_hh.copy_(part.state.t())
            cell.bias_ih.copy_(part.bias)
            cell.bias_hh.zero_()
            h, states = torch.zeros(N, width), []
            for step in steps:
                h = cell(step, h)
                states.append(h)
        return torch.stack(states)

    with torch.no_grad():
        states = run(module.first, x)
        assert torch.allclose(module.first(x), states, atol=1e-5)
        assert torch.equal(module.attention(states), states)
        assert torch.allclose(module.second(states), run(module.second, states)[-1], atol=1e-5)


def test_the_discarded_attention_is_still_computed(tiny):
    """Its products stay in the frozen graph: dropping them would make the artifact's shape too cheap."""
    from tailrank.models.torch_executor import _frozen

    model = tiny("dien-artifact")
    with torch.no_grad():
        script = _frozen(model.module, model.inputs(8))
    assert sum(node.kind() == "aten::softmax" for node in script.graph.nodes()) == 2  # and one for the score


def test_ncf_sums_and_averages_its_outputs(tiny):
    model = tiny("ncf-artifact")
    (ids,) = model.inputs(N)
    module = model.module
    with torch.no_grad():
        rows = module.lookup.weight[ids.long()]
        both = torch.cat([rows[:, 0] + rows[:, 1], module.mlp(rows[:, 2:].flatten(1))], 1)
        assert torch.allclose(model.score((ids,)), module.head(both).mean(1), atol=1e-6)


def test_multi_task_shares_its_trunk(tiny):
    for tasks in (1, 8):
        module = tiny("mtwnd-artifact", tasks).module
        assert len(module.towers) == tasks
        assert module.trunk.weights[0].shape == (1024, 1888)

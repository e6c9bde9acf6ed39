"""DIN and DIEN against loops written from their papers' equations."""

import torch
from torch import nn

N = 5


def test_din_attention_is_a_unit_per_position(tiny):
    unit = tiny("din").module.attention
    history, ad = torch.randn(N, 7, 32), torch.randn(N, 32)
    whole = torch.cat([unit.history, unit.product, unit.ad.t()])  # the layer over [h, h*a, a], (96, 36)
    prelu = nn.PReLU(init=0.25)
    with torch.no_grad():
        interest = torch.zeros(N, 32)
        for position in range(7):
            h = history[:, position]
            hidden = prelu(torch.cat([h, h * ad, ad], 1) @ whole + unit.bias)
            interest += (hidden @ unit.out.t() + unit.out_bias) * h
        assert torch.allclose(unit(history, ad), interest, atol=1e-4, rtol=1e-4)


def test_din_attention_depends_on_the_ad(tiny):
    unit = tiny("din").module.attention
    history = torch.randn(N, 7, 32)
    assert not torch.allclose(unit.weights(history, torch.randn(N, 32)), unit.weights(history, torch.randn(N, 32)))


def gru_cell(recurrence) -> nn.GRUCell:
    """Return torch's cell of the same weights: its update gate is one minus the paper's, its gates r, z, n."""
    width = recurrence.width
    cell = nn.GRUCell(recurrence.gate_input.shape[1], width)
    update, reset = slice(0, width), slice(width, 2 * width)
    gate_state = recurrence.gate_state.t()
    with torch.no_grad():
        cell.weight_ih.copy_(
            torch.cat([recurrence.gate_input[reset], -recurrence.gate_input[update], recurrence.new_input])
        )
        cell.weight_hh.copy_(torch.cat([gate_state[reset], -gate_state[update], recurrence.new_state.t()]))
        cell.bias_ih.copy_(torch.cat([recurrence.gate_bias[reset], -recurrence.gate_bias[update], recurrence.new_bias]))
        cell.bias_hh.zero_()
    return cell


def test_interests_are_a_gru(tiny):
    module = tiny("dien").module
    x = torch.randn(9, N, 32)
    with torch.no_grad():
        cell, h, naive = gru_cell(module.interests), torch.zeros(N, 32), []
        for step in x:
            h = cell(step, h)
            naive.append(h)
        assert torch.allclose(module.interests(x), torch.stack(naive), atol=1e-5)


def test_evolution_is_a_gru_where_attention_is_one_and_stays_where_it_is_zero(tiny):
    evolution = tiny("dien").module.evolution
    x = torch.randn(9, N, 32)
    with torch.no_grad():
        cell, h = gru_cell(evolution), torch.zeros(N, 32)
        for step in x:
            h = cell(step, h)
        assert torch.allclose(evolution(x, torch.ones(9, N, 1)), h, atol=1e-5)
        assert torch.equal(evolution(x, torch.zeros(9, N, 1)), torch.zeros(N, 32))


def test_evolution_scales_the_update_gate_by_attention(tiny):
    """The AUGRU equations of DIEN, one item and step at a time."""
    evolution = tiny("dien").module.evolution
    x, attention = torch.randn(6, N, 32), torch.rand(6, N, 1)
    w_gate, w_new, u_gate, u_new = (
        evolution.gate_input,
        evolution.new_input,
        evolution.gate_state,
        evolution.new_state,
    )
    with torch.no_grad():
        found = evolution(x, attention)
        for item in range(N):
            h = torch.zeros(32)
            for step in range(6):
                i = x[step, item]
                gates = torch.sigmoid(w_gate @ i + evolution.gate_bias + h @ u_gate)
                u, r = gates[:32] * attention[step, item], gates[32:]
                candidate = torch.tanh(w_new @ i + evolution.new_bias + r * (h @ u_new))
                h = (1 - u) * h + u * candidate
            assert torch.allclose(found[item], h, atol=1e-5)


def test_ad_attention_is_a_softmax_over_steps_of_a_bilinear_score(tiny):
    attention = tiny("dien").module.attention
    states, ad = torch.randn(9, N, 32), torch.randn(N, 32)
    with torch.no_grad():
        weights = attention(states, ad)
        scores = torch.einsum("tnh,hd,nd->tn", states, attention.weight, ad)
        assert weights.shape == (9, N, 1)
        assert torch.allclose(weights.sum(0), torch.ones(N, 1), atol=1e-6)
        assert torch.allclose(weights.squeeze(2), torch.softmax(scores, 0), atol=1e-5)
        assert not torch.allclose(weights, attention(states, ad + 1))


def test_diens_ad_reaches_the_interest_through_attention(tiny):
    """With the ad's own column taken from the top chain, the score still follows the ad."""
    model = tiny("dien")
    features, history = model.inputs(N)
    changed = features.clone()
    changed[:, 1] = features[:, 1].flip(0)
    seen = []
    hook = model.module.evolution.register_forward_hook(lambda _, __, interest: seen.append(interest))
    try:
        model.score((features, history))
        model.score((changed, history))
    finally:
        hook.remove()
    assert not torch.equal(seen[0], seen[1])

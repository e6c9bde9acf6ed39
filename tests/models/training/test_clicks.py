import numpy as np
import torch

from tailrank.core import stream
from tailrank.models.training import ClickSettings, resized
from tailrank.models.training import clicks as module
from tailrank.models.training.clicks import Clicks
from tailrank.zoo import get


def course(data, name="rm-small", **settings):
    return Clicks(resized(get(name), data.rows), data, 0, ClickSettings(**settings))


def test_logits_are_those_of_the_network(clicks_data):
    made = course(clicks_data, "rm-med")
    inputs, _ = made._batch(clicks_data.train.part(0, 50))
    with torch.no_grad():
        assert torch.allclose(torch.sigmoid(made._logits(inputs)), made.module(*inputs), atol=1e-6)


def test_the_loss_of_certain_mistakes_is_finite(clicks_data):
    made = course(clicks_data)
    with torch.no_grad():
        made.module.top.biases[-1].fill_(500.0)
    loss = made.loss(0, stream(0, "unused"))
    assert torch.isfinite(loss)
    assert loss > 100


def test_every_example_comes_once_a_pass(clicks_data, monkeypatch):
    made = course(clicks_data, batch=1000, passes=2.0)
    seen = []
    monkeypatch.setattr(made, "_logits", lambda inputs: seen.append(inputs[0][:, 0]) or torch.zeros(len(inputs[0])))
    for step in range(made.steps):
        made.loss(step, stream(0, "unused"))
    for number in range(2):
        found = torch.cat(seen[4 * number : 4 * number + 4])
        assert np.array_equal(np.sort(found.numpy()), np.sort(clicks_data.train.dense[:, 0]))
    assert not torch.equal(seen[0], seen[4])


def test_sparse_gradients_are_the_whole_ones(clicks_data, monkeypatch):
    gradients = []
    for most in (1 << 40, 0):
        monkeypatch.setattr(module, "_DENSE_TABLE", most)
        made = course(clicks_data)
        made.module.lookup.weight.requires_grad_(True)
        made.loss(0, stream(0, "unused")).backward()
        gradients.append(made.module.lookup.weight.grad)
    assert gradients[1].is_sparse
    assert torch.allclose(gradients[0], gradients[1].to_dense(), atol=1e-7)

import numpy as np
import pytest
import torch

from tailrank.core import BadInputError, stream
from tailrank.models import build
from tailrank.models.training import resized
from tailrank.models.training.preferences import Preferences, Settings

SHORT = Settings(factor_steps=20, chain_steps=10, batch=32, chain_batch=16, ahead=3, rivals=8, bf16=False)


@pytest.fixture
def course(pair_network, walks_data):
    return Preferences(resized(pair_network, walks_data.rows), walks_data, 0, SHORT)


def test_the_network_gives_the_courses_sums_as_probabilities(course, pair_network, walks_data):
    network = resized(pair_network, walks_data.rows)
    for name, weight in course.weights.items():
        weight += torch.from_numpy(stream(1, name).normal(0, 0.3, weight.shape).astype(np.float32))
    model = build(network, memory_bytes=network.table_bytes)
    course.finish(model)
    scale, shift = course._calibration()
    users, items = walks_data.rows
    held = type(course.histories)(walks_data.train, walks_data.validation)  # served with the hold-out's clicks known
    bags = held.now(torch.arange(users))
    factors = bags.vectors(course._tables("mf"), course.weights["mf.base"]) @ course.weights["mf.items"].T
    every = torch.arange(items).expand(users, items)
    chain = course._chain(bags.vectors(course._tables("mlp"), course.weights["mlp.base"]), every)
    user, item = torch.arange(users).repeat_interleave(items), torch.arange(items).repeat(users)
    ids = torch.stack([user, item + users], dim=1)
    with torch.no_grad():
        scores = model.module(ids, ids)
    expected = torch.sigmoid(scale * (factors + chain) + shift).flatten()
    assert torch.allclose(scores, expected, atol=1e-5)


def test_rivals_stand_for_all_items_on_average(course):
    scores = torch.from_numpy(stream(2, "scores").normal(0, 2, (1, 40)).astype(np.float32))
    scores[0, :5] = -1e9  # seen before
    rival, log_share = course._rivals(scores, stream(2, "draws"), 40_000)
    assert rival.min() >= 5
    estimates = torch.exp(scores.gather(1, rival) - log_share).double() * 40_000
    error = estimates.std() / 40_000**0.5
    assert abs(estimates.mean() - scores.double().exp().sum()) < 5 * error


def test_the_chain_rests_while_the_product_learns(course):
    assert all(name.startswith("mf.") for name in course.rates(SHORT.factor_steps - 1))
    assert set(course.rates(SHORT.factor_steps)) == set(course.weights)


def test_the_chains_loss_is_that_of_the_factors_where_the_chain_says_nothing(pair_network, walks_data):
    network = resized(pair_network, walks_data.rows)
    many = Settings(factor_steps=1, chain_steps=1, batch=64, chain_batch=64, ahead=3, rivals=20_000, bf16=False)
    course = Preferences(network, walks_data, 0, many)
    course.weights["chain.1.weight"].zero_()
    whole, sampled = (float(course.loss(step, stream(0, "same"))) for step in (0, 1))
    assert sampled == pytest.approx(whole, abs=0.02)


def test_bf16_changes_little(pair_network, walks_data):
    network = resized(pair_network, walks_data.rows)
    losses = [
        float(Preferences(network, walks_data, 0, Settings(bf16=bf16)).loss(5000, stream(0, "same")))
        for bf16 in (False, True)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


def test_data_without_clicks_is_refused(pair_network, walks_data):
    train = walks_data.train
    none = type(train)(np.zeros_like(train.label), train.dense, train.ids, train.rows)
    empty = type(walks_data)("empty", none, walks_data.validation, walks_data.queries, ())
    with pytest.raises(BadInputError, match="no clicks"):
        Preferences(resized(pair_network, walks_data.rows), empty, 0)

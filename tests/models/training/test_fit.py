import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tailrank.core import BadInputError
from tailrank.datasets import load
from tailrank.metrics import auc, ndcg
from tailrank.models.training import ClickSettings, Settings, fit, restore, score_tables
from tailrank.models.training import preferences as preferences_module
from tailrank.models.training.clicks import Clicks
from tailrank.zoo import get

QUICK = ClickSettings(passes=1, batch=256)
WALKS = Settings(factor_steps=60, chain_steps=20, batch=64, chain_batch=32, ahead=2, rivals=16, bf16=False)


def same_weights(one, other):
    ours, theirs = one.require_module().state_dict(), other.require_module().state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_what_follows_is_learnt(pair_network, walks_data):
    trained = fit(pair_network, walks_data, settings=WALKS)
    tables = score_tables({"pair": trained.model}, walks_data.queries)
    queries = len(walks_data.queries)
    found = ndcg(tables.label.reshape(queries, -1), tables.scores["pair"].reshape(queries, -1), 10)
    by_chance = sum(1 / np.log2(rank + 2) for rank in range(10)) / len(tables.item) * queries
    assert found.mean() > 3 * by_chance


def test_clicks_are_learnt():
    data = load("synthetic", examples=30_000, validation=2000, queries=4, candidates=256)
    trained = fit("rm-med", data, settings=ClickSettings(passes=1, batch=256, rate=4e-3, table_rate=8e-3))
    label = data.validation.label
    rate = float(data.train.label.mean())
    constant = -np.mean(label * np.log(rate) + (1 - label) * np.log(1 - rate))
    assert -max(quality for _, quality in trained.facts["hold_out"]) < constant - 0.01
    tables = score_tables({"a": trained.model}, data.queries)
    assert auc(tables.label > 0, tables.scores["a"]) > 0.6


@pytest.mark.parametrize("name", ["rm-small", "pair"])
def test_it_goes_on_to_the_same_bits(name, pair_network, walks_data, clicks_data, tmp_path, monkeypatch):
    course, network, data, settings = {
        "rm-small": (Clicks, "rm-small", clicks_data, QUICK),
        "pair": (preferences_module.Preferences, pair_network, walks_data, WALKS),
    }[name]
    whole = fit(network, data, settings=settings)
    loss, stops = course.loss, [9]

    def interrupted(self, step, rng):
        if step in stops:
            stops.remove(step)
            raise KeyboardInterrupt
        return loss(self, step, rng)

    monkeypatch.setattr(course, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(network, data, settings=settings, out=tmp_path / "tier")
    with pytest.raises(BadInputError, match="no trained model") as caught:
        restore(tmp_path / "tier")
    assert "interrupted" in caught.value.hint
    again = fit(network, data, settings=settings, out=tmp_path / "tier")
    assert same_weights(again.model, whole.model)
    assert same_weights(restore(tmp_path / "tier"), whole.model)


def test_a_finished_training_is_kept_and_not_done_again(clicks_data, tmp_path):
    first = fit("rm-small", clicks_data, settings=QUICK, out=tmp_path / "tier")
    said = []
    again = fit("rm-small", clicks_data, settings=QUICK, out=tmp_path / "tier", progress=said.append)
    assert same_weights(first.model, again.model)
    assert not said
    assert json.loads((tmp_path / "tier" / "model.json").read_text())["facts"]["steps"] == first.facts["steps"]
    assert {path.name for path in (tmp_path / "tier").iterdir()} == {"model.json", "model.safetensors"}
    assert restore(tmp_path / "tier").network.tables[0].rows == clicks_data.rows[0]


def test_a_folder_of_something_else_is_refused(clicks_data, tmp_path):
    fit("rm-small", clicks_data, settings=QUICK, out=tmp_path)
    with pytest.raises(BadInputError, match=r"`rm-small`.*`rm-med`"):
        fit("rm-med", clicks_data, settings=QUICK, out=tmp_path)
    with pytest.raises(BadInputError, match="seed 0, asked for is seed 1"):
        fit("rm-small", clicks_data, settings=QUICK, out=tmp_path, seed=1)
    with pytest.raises(BadInputError, match=r"`rm-small`.*`rm-large`"):
        restore(tmp_path, "rm-large")


def test_networks_that_do_not_fit_are_refused(clicks_data, walks_data):
    with pytest.raises(BadInputError, match="rm-small"):
        fit("rm-small", walks_data)
    with pytest.raises(BadInputError, match="not trained"):
        fit(replace(get("neumf-1m-small"), family="wnd"), walks_data)
    with pytest.raises(BadInputError, match="settings of another family"):
        fit("rm-small", clicks_data, settings=WALKS)

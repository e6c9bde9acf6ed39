import numpy as np
import pytest
import torch
from torch import nn

from tailrank.core import BadInputError
from tailrank.engine.torch_scorer import TorchScorer
from tailrank.models import Model, build
from tailrank.models.training import network_inputs, resized, score_tables
from tailrank.native import available
from tailrank.zoo import get


@pytest.fixture
def model(clicks_data):
    network = resized(get("rm-med"), clicks_data.rows)
    return build(network, memory_bytes=network.table_bytes)


@pytest.mark.skipif(not available(), reason="torch's kernels round by the shape of the batch")
@pytest.mark.parametrize("name", ["rm-large", "pair"])
def test_tables_hold_the_bits_of_the_engines_scorer(name, pair_network, clicks_data, walks_data):
    data = walks_data if name == "pair" else clicks_data
    network = resized(pair_network if name == "pair" else get(name), data.rows)
    model = build(network, memory_bytes=network.table_bytes)
    tables = score_tables({name: model}, data.queries, batch=333)
    assert tables.facts["exact"]
    total = data.queries.candidates
    scorer = TorchScorer(model.executor("native"), network_inputs(network, *data.queries.examples(0, total)))
    rng = np.random.default_rng(0)
    for first in rng.integers(0, total - 300, 20):
        size = int(rng.integers(1, 300))
        assert np.array_equal(scorer.score(first, first + size), tables.scores[name][first : first + size])
        rows = rng.choice(total, size)
        assert np.array_equal(scorer.score_rows(rows), tables.scores[name][rows])


def test_scores_are_the_models(model, clicks_data):
    tables = score_tables({"a": model}, clicks_data.queries, threads=1, batch=100)
    queries = clicks_data.queries
    expected = model.score(network_inputs(model.network, *queries.examples(0, queries.candidates)))
    assert np.allclose(tables.scores["a"], expected.numpy(), atol=1e-5)
    assert np.array_equal(tables.label, queries.label)


def test_tables_are_kept_where_asked(model, clicks_data, tmp_path):
    said = []
    score_tables({"a": model}, clicks_data.queries, out=tmp_path / "tables", progress=said.append)
    assert (tmp_path / "tables").is_dir()
    assert "scoring with a" in said[-1]


def test_models_over_other_rows_are_refused(clicks_data):
    with pytest.raises(BadInputError, match="was built for tables of rows"):
        score_tables({"rm-small": build("rm-small", memory_bytes=2_000_000)}, clicks_data.queries)


def test_models_of_ones_own_are_refused(clicks_data):
    own = Model(name="own", module=nn.Identity(), draw=lambda *_: (torch.zeros(1),))
    with pytest.raises(BadInputError, match="no network of the zoo"):
        score_tables({"own": own}, clicks_data.queries)

import numpy as np
import pytest
import torch

from tailrank.core import BadInputError, SetupError
from tailrank.models import counted_flops, operators, resolve
from tailrank.models import weights as weights_module
from tailrank.models.onnx_model import load_onnx

pytest.importorskip("onnx", reason="the extra tailrank[onnx] is not installed")
pytest.importorskip("onnxruntime", reason="the extra tailrank[onnx] is not installed")


class Last:
    """Every access goes to the last row."""

    def draw(self, rows, count, rng):
        return np.full(count, rows - 1)


@pytest.fixture
def unknown(write_onnx):
    """Write a graph whose ids are shifted by 5 before they name rows of a table of 70."""

    def write(sidecar=None):
        nodes = [
            ("Add", ("ids", "shift"), ("moved",), {}),
            ("Gather", ("table", "moved"), ("rows",), {}),
            ("Squeeze", ("rows", "one"), ("score",), {}),
        ]
        weights = {"shift": np.array([5]), "one": np.array([1]), "table": np.arange(70, dtype=np.float32)}
        path = write_onnx(nodes, {"ids": ("INT64", ("n", 1))}, weights)
        if sidecar is not None:
            path.with_name("model.onnx.toml").write_text(sidecar)
        return path

    return write


@pytest.mark.parametrize("ids", ["INT64", "INT32"])
def test_scores_are_those_computed_by_hand(small_onnx, ids):
    model = load_onnx(small_onnx(ids))
    drawn, dense = model.inputs(200, seed=3)
    table, w = small_onnx.weights["table"], small_onnx.weights["w"]
    logit = table[drawn.numpy(), 0].sum(1) + (dense.numpy() @ w)[:, 0]
    np.testing.assert_allclose(model.score((drawn, dense)).numpy(), 1 / (1 + np.exp(-logit)), atol=1e-6)
    assert model.table_bytes == 50 * 4


def test_inputs_are_what_the_graph_takes_and_cover_it(small_onnx):
    ids, dense = load_onnx(small_onnx("INT32")).inputs(500)
    assert (ids.shape, ids.dtype, dense.shape, dense.dtype) == ((500, 3), torch.int32, (500, 4), torch.float32)
    assert set(ids.unique().tolist()) == set(range(50))  # each is missed once in 10**13
    assert 0 <= dense.min() < 0.05 < 0.95 < dense.max() < 1


def test_inputs_repeat_with_their_seed_and_follow_the_accesses(small_onnx):
    model = load_onnx(small_onnx())
    first, again, other = (model.inputs(9, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    ids, _ = model.inputs(9, Last())
    assert ids.unique().tolist() == [49]


def test_resolve_takes_a_file_and_it_has_no_torch_module(small_onnx):
    path = small_onnx()
    model = resolve(str(path), memory_bytes=1)
    assert (model.name, model.network, model.module) == (str(path), None, None)
    assert operators(model, 4, repeats=2)["other"] == 1.0
    with pytest.raises(BadInputError, match="is no torch module"):
        counted_flops(model, 4)
    with pytest.raises(BadInputError, match=r"surely_absent\.onnx: No such file"):
        resolve("surely_absent.onnx", memory_bytes=1)


def test_rows_that_the_graph_does_not_say_are_asked_for(unknown):
    with pytest.raises(BadInputError, match="how many rows the ids of `ids` may name") as caught:
        load_onnx(unknown())
    assert caught.value.hint.endswith("say it in model.onnx.toml beside it: inputs.ids.rows = 1000")


@pytest.mark.parametrize("sidecar", ["inputs.ids.rows = 65", "[inputs.ids]\nrows = 65\n"])
def test_the_file_beside_says_them(unknown, sidecar):
    model = load_onnx(unknown(sidecar))
    (ids,) = model.inputs(2000)
    assert (ids.min().item(), ids.max().item()) == (0, 64)
    assert torch.equal(model.score((ids,)), ids.flatten().float() + 5)


def test_names_that_are_no_bare_keys_are_quoted_in_the_hint(write_onnx):
    path = write_onnx([("Cast", ("a/b:0",), ("score",), {"to": 1})], {"a/b:0": ("INT64", ("n",))})
    with pytest.raises(BadInputError) as caught:
        load_onnx(path)
    line = caught.value.hint.partition("beside it: ")[2]
    path.with_name("model.onnx.toml").write_text(line)
    assert load_onnx(path).inputs(3)[0].shape == (3,)


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("inputs.ids.rows = 0", "inputs"),
        ("inputs.ids.row = 5", "row"),
        ("inputs.other.rows = 5", "no input of ids called `other`"),
        ("inputs.ids.rows = 100", "fails: .*"),
        ("inputs.ids.rows = 65\noutput = 'rank'", "no output `rank`"),
        ("inputs.ids.rows =", "not valid TOML"),
    ],
)
def test_mistakes_in_the_file_beside_are_named(unknown, sidecar, message):
    with pytest.raises(BadInputError, match=message) as caught:
        load_onnx(unknown(sidecar))
    assert caught.value.hint
    assert "model.onnx" in caught.value.message


def test_fewer_rows_than_the_table_may_be_said_but_not_more(small_onnx):
    path = small_onnx()
    beside = path.with_name("model.onnx.toml")
    beside.write_text("inputs.ids.rows = 7")
    assert load_onnx(path).inputs(500)[0].max() == 6
    beside.write_text("inputs.ids.rows = 51")
    with pytest.raises(BadInputError, match=r"inputs\.ids\.rows is 51; its table has 50 rows"):
        load_onnx(path)
    beside.write_text("inputs.dense.rows = 5")
    with pytest.raises(BadInputError, match="no input of ids called `dense`"):
        load_onnx(path)


def test_of_several_outputs_one_is_named(small_onnx):
    path = small_onnx(outputs=("logit", "score"))
    with pytest.raises(BadInputError, match="2 outputs: logit, score") as caught:
        load_onnx(path)
    beside = path.with_name("model.onnx.toml")
    beside.write_text('output = "score"')
    scores = load_onnx(path).score(load_onnx(path).inputs(20))
    assert 'output = "logit"' in caught.value.hint
    beside.write_text('output = "logit"')
    logits = load_onnx(path).score(load_onnx(path).inputs(20))
    assert torch.allclose(torch.sigmoid(logits), scores)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("Identity", ("x",), ("score",), {})], r"shape \(1, 4\) for 1 items, not \(n,\) or \(n, 1\)"),
        ([("ReduceSum", ("x",), ("score",), {"keepdims": 0})], r"shape \(\) for 1 items"),
        ([("Reshape", ("x", "eight"), ("score",), {})], "scoring 1 items fails"),
    ],
)
def test_outputs_that_are_no_scores_are_refused(write_onnx, nodes, message):
    path = write_onnx(nodes, {"x": ("FLOAT", ("n", 4))}, {"eight": np.array([8])})
    with pytest.raises(BadInputError, match=message) as caught:
        load_onnx(path)
    assert caught.value.hint


def test_whole_numbers_are_no_scores(write_onnx):
    path = write_onnx([("Cast", ("x",), ("score",), {"to": 7})], {"x": ("FLOAT", ("n",))}, output_type="INT64")
    with pytest.raises(BadInputError, match="output is of type int64"):
        load_onnx(path)


def test_a_host_without_the_memory_is_refused(small_onnx, monkeypatch):
    path = small_onnx()
    monkeypatch.setattr(weights_module, "available_bytes", lambda: 0)
    with pytest.raises(SetupError, match="do not fit"):
        load_onnx(path)

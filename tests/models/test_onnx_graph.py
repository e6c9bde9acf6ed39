import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from tailrank.core import BadInputError, SetupError
from tailrank.models.onnx_executor import OnnxExecutor
from tailrank.models.onnx_graph import GraphInput, read_graph

pytest.importorskip("onnx", reason="the extra tailrank[onnx] is not installed")

TABLE = np.zeros((70, 2), dtype=np.float32)
INT = np.array

# Ways to move ids (n, 3) unchanged, from `ids` to `moved`, with the weights they need.
MOVES = {
    "cast": ([("Cast", ("ids",), ("moved",), {"to": 6})], {}),
    "columns": ([("Gather", ("ids", "two"), ("moved",), {"axis": 1})], {"two": INT([0, 2])}),
    "concat": ([("Concat", ("ids", "ids"), ("moved",), {"axis": 1})], {}),
    "flatten": ([("Flatten", ("ids",), ("moved",), {"axis": 1})], {}),
    "identity": ([("Identity", ("ids",), ("moved",), {})], {}),
    "reshape": ([("Reshape", ("ids", "flat"), ("moved",), {})], {"flat": INT([-1])}),
    "slice": ([("Slice", ("ids", "one", "two", "one"), ("moved",), {})], {"one": INT([1]), "two": INT([2])}),
    "split": ([("Split", ("ids", "parts"), ("moved", "rest"), {"axis": 1})], {"parts": INT([1, 2])}),
    "transpose": ([("Transpose", ("ids",), ("moved",), {"perm": [1, 0]})], {}),
    "unsqueeze, squeeze": (
        [("Unsqueeze", ("ids", "one"), ("m",), {}), ("Squeeze", ("m", "one"), ("moved",), {})],
        {"one": INT([1])},
    ),
}
IDS = {"ids": ("INT64", ("n", 3))}


@pytest.fixture
def through(write_onnx):
    """Write a graph whose ids are moved in some way and then name rows of a table."""

    def write(way, rows=70, axis=0, table=None):
        nodes, weights = MOVES[way]
        held = {"table": TABLE[:rows] if axis == 0 else TABLE[:rows].T}
        look_up = ("Gather", (table or "table", "moved"), ("score",), {"axis": axis})
        return write_onnx([*nodes, look_up], IDS, held | weights)

    return write


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("way", MOVES)
def test_ids_are_followed_to_their_table(through, way, axis):
    graph = read_graph(through(way, 41, axis))
    assert graph.inputs == (GraphInput("ids", "int64", (3,), 41),)
    assert graph.outputs == ("score",)
    assert graph.table_bytes == 41 * 2 * 4
    assert graph.weight_bytes >= graph.table_bytes


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(way=st.sampled_from(sorted(MOVES)), rows=st.integers(1, 70))
def test_the_rows_found_are_exactly_those_that_the_runtime_takes(through, way, rows):
    pytest.importorskip("onnxruntime")
    path = through(way, rows)
    (found,) = read_graph(path).inputs
    assert found.rows == rows
    executor = OnnxExecutor(path, "score")
    assert executor.output((torch.full((4, 3), found.rows - 1),)).size > 0
    with pytest.raises(Exception, match=r"out of bounds|out of range|must be within"):
        executor.output((torch.full((4, 3), found.rows),))


def test_the_smallest_of_several_tables_counts_and_all_are_tables(write_onnx):
    nodes = [
        ("Gather", ("large", "ids"), ("a",), {}),
        ("Gather", ("small", "ids"), ("b",), {}),
        ("Add", ("a", "b"), ("score",), {}),
    ]
    path = write_onnx(nodes, IDS, {"large": TABLE, "small": TABLE[:9], "unused": TABLE})
    graph = read_graph(path)
    assert graph.inputs[0].rows == 9
    assert graph.table_bytes == (70 + 9) * 2 * 4
    assert graph.weight_bytes == (70 + 9 + 70) * 2 * 4


@pytest.mark.parametrize(
    ("nodes", "weights"),
    [
        ([("Cast", ("held",), ("table",), {"to": 1})], {"held": TABLE[:30].astype(np.float16)}),
        (
            [("DequantizeLinear", ("held", "scale"), ("table",), {})],
            {"held": TABLE[:30].astype(np.int8), "scale": np.float32(0.1)},
        ),
        ([("Identity", ("held",), ("table",), {})], {"held": TABLE[:30]}),
    ],
)
def test_tables_are_found_behind_a_cast(write_onnx, nodes, weights):
    path = write_onnx([*nodes, ("Gather", ("table", "ids"), ("score",), {})], IDS, weights)
    assert read_graph(path).inputs[0].rows == 30


def test_a_table_may_be_a_constant(write_onnx):
    from onnx import numpy_helper

    constant = ("Constant", (), ("table",), {"value": numpy_helper.from_array(TABLE[:12])})
    path = write_onnx([constant, ("Gather", ("table", "ids"), ("score",), {})], IDS)
    assert read_graph(path).inputs[0].rows == 12


@pytest.mark.parametrize(
    "nodes",
    [
        [("Add", ("ids", "shift"), ("moved",), {}), ("Gather", ("table", "moved"), ("score",), {})],
        [("Cast", ("ids",), ("score",), {"to": 1})],
        [("Mul", ("dense", "dense"), ("made",), {}), ("Gather", ("made", "ids"), ("score",), {})],
    ],
)
def test_ids_that_are_changed_or_name_rows_of_no_table_stay_unknown(write_onnx, nodes):
    inputs = IDS | {"dense": ("FLOAT", ("n", 4))}
    found = read_graph(write_onnx(nodes, inputs, {"shift": INT([5]), "table": TABLE}))
    assert [each.rows for each in found.inputs] == [None, None]


class Exported(nn.Module):
    """A network as people export them: a pooled bag (a Loop in the graph), an embedding, dense features."""

    def __init__(self):
        super().__init__()
        self.bag, self.single = nn.EmbeddingBag(37, 4, mode="sum"), nn.Embedding(11, 4)
        self.top = nn.Linear(10, 1)

    def forward(self, dense, many, one):
        return torch.sigmoid(self.top(torch.cat([dense, self.bag(many), self.single(one)], 1)))


def test_what_torch_exports_is_understood_and_scores_the_same(tmp_path):
    module, path = Exported().eval(), tmp_path / "exported.onnx"
    inputs = (torch.rand(5, 2), torch.randint(0, 37, (5, 3)), torch.randint(0, 11, (5,)))
    names = ["dense", "many", "one"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further library is deprecated
        torch.onnx.export(
            module,
            inputs,
            str(path),
            input_names=names,
            output_names=["score"],
            dynamic_axes={name: {0: "items"} for name in [*names, "score"]},
            dynamo=False,
        )
    graph = read_graph(path)
    assert graph.inputs == (
        GraphInput("dense", "float32", (2,)),
        GraphInput("many", "int64", (3,), 37),
        GraphInput("one", "int64", (), 11),
    )
    assert graph.table_bytes == (37 + 11) * 4 * 4
    pytest.importorskip("onnxruntime")
    executor = OnnxExecutor(path, "score")
    with torch.inference_mode():
        for items in (1, 5):
            part = tuple(each[:items] for each in inputs)
            assert torch.allclose(executor(part), module(*part).flatten(), atol=1e-6)


def test_weights_listed_as_inputs_are_none(write_onnx):
    """As files of old versions list them."""
    inputs = IDS | {"table": ("FLOAT", (70, 2))}
    path = write_onnx([("Gather", ("table", "ids"), ("score",), {})], inputs, {"table": TABLE})
    assert [each.name for each in read_graph(path).inputs] == ["ids"]


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        ("DOUBLE", ("n", 3), "input `x` is not of type float32, int32, int64"),
        ("FLOAT16", ("n", 3), "input `x` is not of type"),
        ("STRING", ("n",), "input `x` is not of type"),
        ("FLOAT", (5, 3), "input `x` does not leave the number of items open"),
        ("FLOAT", (), "input `x` does not leave the number of items open"),
        ("FLOAT", None, "input `x` does not leave the number of items open"),
        ("FLOAT", ("n", "m"), "input `x` has open axes after the first"),
        ("FLOAT", ("n", None), "input `x` has open axes after the first"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_a_way_out(write_onnx, kind, shape, message):
    path = write_onnx([("Identity", ("x",), ("score",), {})], {"x": (kind, shape)})
    with pytest.raises(BadInputError, match=message) as caught:
        read_graph(path)
    assert caught.value.hint


def test_a_file_that_is_none_or_no_model_is_refused(tmp_path, write_onnx):
    with pytest.raises(BadInputError, match=r"absent\.onnx: No such file"):
        read_graph(tmp_path / "absent.onnx")
    text = tmp_path / "text.onnx"
    text.write_text("these are words, not a graph")
    with pytest.raises(BadInputError, match="not an ONNX model"):
        read_graph(text)
    empty = tmp_path / "empty.onnx"
    empty.write_bytes(b"")
    with pytest.raises(BadInputError, match="the graph has no inputs"):
        read_graph(empty)


def test_a_host_without_the_library_is_told_what_to_install(write_onnx, monkeypatch):
    path = write_onnx([("Identity", ("x",), ("score",), {})], {"x": ("FLOAT", ("n",))})
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SetupError, match="need the library `onnx`") as caught:
        read_graph(path)
    assert caught.value.hint == "pip install 'tailrank[onnx]'"

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tailrank.models import Model, build
from tailrank.models.inputs import Inputs

TINY_BYTES = 2_000_000


@functools.cache
def _tiny(name: str, tasks: int | None) -> Model:
    return build(name, memory_bytes=TINY_BYTES, tasks=tasks)


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Model]:
    """A network with tables of 2 MB, built once."""
    return lambda name, tasks=None: _tiny(name, tasks)


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Inputs, int, int], Inputs]:
    return lambda inputs, start, stop: tuple(tensor[start:stop] for tensor in inputs)


@pytest.fixture(autouse=True)
def one_thread():
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)


@pytest.fixture
def write_onnx(tmp_path) -> Callable[..., Path]:
    """Write an .onnx file: nodes as (operator, inputs, outputs, attributes), inputs as name -> (type, shape)."""
    onnx = pytest.importorskip("onnx", reason="the extra tailrank[onnx] is not installed")
    from onnx import helper, numpy_helper

    def value(name: str, kind: str, shape: tuple[Any, ...] | None) -> Any:
        return helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape)

    def write(nodes, inputs, weights=None, outputs=("score",), name="model.onnx", output_type="FLOAT") -> Path:
        graph = helper.make_graph(
            [helper.make_node(kind, list(read), list(made), **attributes) for kind, read, made, attributes in nodes],
            "graph",
            [value(each, *what) for each, what in inputs.items()],
            [value(each, output_type, None) for each in outputs],
            [numpy_helper.from_array(np.asarray(array), each) for each, array in (weights or {}).items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return write


@pytest.fixture
def small_onnx(write_onnx) -> Callable[..., Path]:
    """score = sigmoid(dense . w + sum of the rows of a (50, 1) table that three ids name); dense is (n, 4)."""
    rng = np.random.default_rng(5)
    weights = {"w": rng.normal(size=(4, 1)).astype(np.float32), "table": rng.normal(size=(50, 1)).astype(np.float32)}

    def write(ids="INT64", items="n", rows=50, **more) -> Path:
        nodes = [
            ("Gather", ("table", "ids"), ("rows",), {"axis": 0}),
            ("Flatten", ("rows",), ("flat",), {"axis": 1}),
            ("MatMul", ("dense", "w"), ("line",), {}),
            ("Concat", ("flat", "line"), ("all",), {"axis": 1}),
            ("ReduceSum", ("all", "axes"), ("logit",), {"keepdims": 1}),
            ("Sigmoid", ("logit",), ("score",), {}),
        ]
        held = {"w": weights["w"], "table": weights["table"][:rows], "axes": np.array([1])}
        return write_onnx(nodes, {"ids": (ids, (items, 3)), "dense": ("FLOAT", (items, 4))}, held, **more)

    write.weights = weights
    return write

"""ONNX Runtime and OpenVINO.

The exporter has no good word for an EmbeddingBag, so the exported twin gathers rows and sums them. DIEN's first
recurrence is a GRU and is exported as one, which both libraries run faster than its steps. Tables never go through a
file: the graph is exported with a few rows, and the libraries are given the model's own memory.
"""

import copy
import io
import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from rivals.way import Absent, Bench, Maker, Way
from tailrank.models import Inputs
from tailrank.models.interest import Interests
from tailrank.models.layers import Lookup, WeightedLookup

__all__ = ["MAKERS"]

ROWS = 8  # of a table while it is exported


class _Gathered(nn.Module):
    """A `Lookup` of rows gathered and summed; a table of few rows stands for the real one."""

    def __init__(self, lookup: Lookup) -> None:
        super().__init__()
        self.weight = nn.Parameter(lookup.weight[:ROWS].clone(), requires_grad=False)
        self.shape = (lookup.tables, lookup.pooling, lookup.dim)
        self.steps_first, self.apart = lookup.steps_first, lookup.sequence or lookup.pooling == 1

    def forward(self, ids: Tensor) -> Tensor:
        rows = F.embedding(ids.t() if self.steps_first else ids, self.weight)
        return rows if self.steps_first or self.apart else rows.view(-1, *self.shape).sum(2)


class _GatheredWeights(nn.Module):
    def __init__(self, lookup: WeightedLookup) -> None:
        super().__init__()
        self.weight = nn.Parameter(lookup.weight[:ROWS].clone(), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.weight).sum(1)


class _Gru(nn.Module):
    """`Interests` as torch's GRU, whose update gate is one minus ours: its sign is turned."""

    def __init__(self, block: Interests) -> None:
        super().__init__()
        h = block.width
        self.gru = nn.GRU(block.gate_input.shape[1], h)
        inputs, states, bias = block.gate_input, block.gate_state.t(), block.gate_bias
        new_state = block.new_state.t()
        with torch.no_grad():
            self.gru.weight_ih_l0.copy_(torch.cat([inputs[h:], -inputs[:h], block.new_input]))
            self.gru.weight_hh_l0.copy_(torch.cat([states[h:], -states[:h], new_state]))
            self.gru.bias_ih_l0.copy_(torch.cat([bias[h:], -bias[:h], block.new_bias]))
            self.gru.bias_hh_l0.zero_()

    def forward(self, steps: Tensor) -> Tensor:
        states: Tensor = self.gru(steps)[0]
        return states


SWAPS: tuple[tuple[type[nn.Module], Callable[[Any], nn.Module]], ...] = (
    (Lookup, _Gathered),
    (WeightedLookup, _GatheredWeights),
    (Interests, _Gru),
)


def _twin(module: nn.Module) -> nn.Module:
    """Return the exportable twin; all weights but the tables are shared."""
    twin = copy.deepcopy(module, {id(weight): weight for weight in module.parameters()})
    for block in list(twin.modules()):
        for name, child in list(block.named_children()):
            for kind, swap in SWAPS:
                if type(child) is kind:
                    setattr(block, name, swap(child))
    return twin.eval()


def _names(count: int) -> list[str]:
    return [f"input_{number}" for number in range(count)]


def _exported(bench: Bench) -> Any:
    """Return the graph as a ModelProto, its tables cut to `ROWS`."""
    if find_spec("onnx") is None:
        raise Absent("onnx is not installed")
    import onnx

    inputs = bench.model.inputs(8)
    sample = tuple(each if each.is_floating_point() else torch.zeros_like(each) for each in inputs)
    names, file = _names(len(inputs)), io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _twin(bench.module),
            sample,
            file,
            dynamo=False,
            opset_version=17,
            input_names=names,
            output_names=["scores"],
            dynamic_axes={name: {0: "items"} for name in (*names, "scores")},
        )
    return onnx.load_from_string(file.getvalue())


def _graph(bench: Bench) -> Any:
    return copy.deepcopy(bench.once("onnx graph", lambda: _exported(bench)))


def _tables(bench: Bench) -> dict[str, NDArray[np.float32]]:
    kinds = (Lookup, WeightedLookup)
    blocks = {name: block for name, block in bench.module.named_modules() if isinstance(block, kinds)}
    return {f"{name}.weight": block.weight.detach().numpy() for name, block in blocks.items()}


def _saved(bench: Bench, graph: Any) -> Path:
    """Save `graph` with tables said to lie in a file beside it, which is there but empty: they are given in memory."""
    import onnx

    folder = Path(bench.files.enter_context(tempfile.TemporaryDirectory(prefix="onnx-")))
    tables, size = _tables(bench), 0
    for weight in graph.graph.initializer:
        if weight.name in tables:
            weight.ClearField("raw_data")
            weight.dims[0] = len(tables[weight.name])
            weight.data_location = onnx.TensorProto.EXTERNAL
            weight.external_data.add(key="location", value="tables")
            size = max(size, tables[weight.name].nbytes)
    with (folder / "tables").open("wb") as file:
        file.truncate(size)
    onnx.save_model(graph, str(folder / "model.onnx"))
    return folder / "model.onnx"


def _session(bench: Bench, path: Path) -> Way:
    if find_spec("onnxruntime") is None:
        raise Absent("onnxruntime is not installed")
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    values = {name: ort.OrtValue.ortvalue_from_numpy(table) for name, table in _tables(bench).items()}
    for name, value in values.items():
        options.add_initializer(name, value)
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    bench.made[str(path)] = values  # the session does not keep them alive

    def prepare(inputs: Inputs) -> tuple[Any, NDArray[np.float32], Inputs]:
        binding, shape = session.io_binding(), [len(inputs[0]), *tail]
        scores = np.empty(shape, dtype=np.float32)
        for name, tensor in zip(_names(len(inputs)), inputs, strict=True):
            kind = tensor.numpy().dtype.type
            binding.bind_input(name, "cpu", 0, kind, list(tensor.shape), tensor.data_ptr())
        binding.bind_output("scores", "cpu", 0, np.float32, shape, scores.ctypes.data)
        return binding, scores, inputs

    tail = [int(size) for size in session.get_outputs()[0].shape[1:]]

    def run(prepared: tuple[Any, NDArray[np.float32], Inputs]) -> NDArray[np.float32]:
        session.run_with_iobinding(prepared[0])
        return prepared[1]

    return Way(run, prepare, lambda scores: scores.reshape(-1), note=f"onnxruntime {ort.__version__}")


def _ort(bench: Bench, _: int) -> Way:
    return _session(bench, _saved(bench, _graph(bench)))


def _ort_int8(bench: Bench, _: int) -> Way:
    """Dynamic quantisation of the matrix products; the tables stay float32."""
    graph = _graph(bench)
    if find_spec("onnxruntime") is None:
        raise Absent("onnxruntime is not installed")
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    folder = Path(bench.files.enter_context(tempfile.TemporaryDirectory(prefix="onnx-")))
    plain, small = folder / "plain.onnx", folder / "small.onnx"
    onnx.save_model(graph, str(plain))
    quantize_dynamic(str(plain), str(small), op_types_to_quantize=["MatMul", "Gemm"], per_channel=True)
    return _session(bench, _saved(bench, onnx.load(str(small))))


def _request(model: Any, note: str) -> Way:
    import openvino as ov

    hints = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }
    request = ov.Core().compile_model(model, "CPU", hints).create_infer_request()

    def prepare(inputs: Inputs) -> list[Any]:
        return [ov.Tensor(each.numpy(), shared_memory=True) for each in inputs]

    def run(tensors: list[Any]) -> Any:
        for number, tensor in enumerate(tensors):
            request.set_input_tensor(number, tensor)
        request.infer()
        return request.get_output_tensor(0)

    return Way(
        run, prepare, lambda scores: np.array(scores.data).reshape(-1), note=f"{note}, openvino {ov.__version__}"
    )


def _need_openvino() -> None:
    if find_spec("openvino") is None:
        raise Absent("openvino is not installed")


def _openvino(bench: Bench, _: int) -> Way:
    _need_openvino()
    import openvino as ov

    sample = bench.model.inputs(8)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        model = ov.convert_model(bench.module, example_input=sample)
    for number, value in enumerate(model.inputs):
        kind = ov.Type.f32 if sample[number].is_floating_point() else ov.Type.i32
        value.get_node().set_partial_shape(ov.PartialShape([-1, *sample[number].shape[1:]]))
        value.get_node().set_element_type(kind if sample[number].dtype != torch.int64 else ov.Type.i64)
    model.validate_nodes_and_infer_types()
    return _request(model, "torch front end")


def _openvino_onnx(bench: Bench, _: int) -> Way:
    _need_openvino()
    import onnx
    import openvino as ov

    graph, tables = _graph(bench), _tables(bench)
    for weight in [each for each in graph.graph.initializer if each.name in tables]:
        shape = tables[weight.name].shape
        graph.graph.input.append(onnx.helper.make_tensor_value_info(weight.name, onnx.TensorProto.FLOAT, shape))
        graph.graph.initializer.remove(weight)
    model = ov.Core().read_model(graph.SerializeToString(), b"")
    for parameter in model.get_parameters():
        table = tables.get(parameter.get_friendly_name())
        if table is not None:
            constant = ov.opset13.constant(table, shared_memory=True)
            parameter.output(0).replace(constant.output(0))
            model.remove_parameter(parameter)
    model.validate_nodes_and_infer_types()
    return _request(model, "ONNX front end")


MAKERS = (
    Maker("ONNX Runtime", "fp32", _ort),
    Maker("OpenVINO, torch", "fp32", _openvino),
    Maker("OpenVINO, ONNX", "fp32", _openvino_onnx),
    Maker("ONNX Runtime, dynamic", "int8", _ort_int8),
)

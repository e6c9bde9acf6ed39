"""What an .onnx file says of its inputs: names, types, shapes, and how many rows the tables have that ids go to.

The graph is read, not run. Ids are followed from an input through operators that move them without changing them, up
to a Gather from a table of known shape, in the bodies of loops and branches too (an EmbeddingBag is often a Loop).
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tailrank.core import BadInputError
from tailrank.models.onnx_executor import missing

__all__ = ["Graph", "GraphInput", "read_graph"]

_TYPES: Final[dict[int, str]] = {1: "float32", 6: "int32", 7: "int64"}  # TensorProto.DataType
_SAME_IDS: Final[frozenset[str]] = frozenset(
    (
        "Cast",
        "Concat",
        "Expand",
        "Flatten",
        "Identity",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    )
)
_SAME_ROWS: Final[frozenset[str]] = frozenset(("Cast", "DequantizeLinear", "Identity"))


@dataclass(frozen=True)
class GraphInput:
    """An input with one row per item, each of `shape`; `type` is float32, int32 or int64.

    `rows` is how many rows the smallest table has that its ids name; None where the graph does not say.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    rows: int | None = None


@dataclass(frozen=True)
class Graph:
    """What is known of a graph: its inputs and outputs in order, bytes of tables and of all weights."""

    inputs: tuple[GraphInput, ...]
    outputs: tuple[str, ...]
    table_bytes: int
    weight_bytes: int


def read_graph(path: Path) -> Graph:
    """Return what the file at `path` says; raises `BadInputError` for one that is no model, or whose inputs do not fit.

    Inputs fit whose first axis is the number of items, left open, and whose other axes are fixed, of float32, int32 or
    int64.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise missing("onnx") from error
    try:
        graph: Any = onnx.load(path, load_external_data=False).graph
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", hint="give the path of a readable .onnx file") from None
    except DecodeError:
        raise BadInputError(f"{path}: not an ONNX model", hint="write it with torch.onnx.export, say") from None
    nodes = _Nodes(graph)
    inputs, tables = [], set()
    for each in graph.input:
        if each.name not in nodes.weights:  # old files list their weights as inputs too
            read = nodes.tables_of(each.name)
            rows = min((nodes.rows(table, axis) for table, axis in read), default=None)
            tables |= {table for table, _ in read}
            inputs.append(_input(path, each, rows))
    if not inputs:
        raise BadInputError(f"{path}: the graph has no inputs", hint="export the model with its inputs as arguments")
    return Graph(
        inputs=tuple(inputs),
        outputs=tuple(each.name for each in graph.output),
        table_bytes=sum(nodes.bytes(table) for table in tables),
        weight_bytes=sum(nodes.bytes(weight) for weight in nodes.weights),
    )


def _input(path: Path, value: Any, rows: int | None) -> GraphInput:
    where, tensor = f"{path}: input `{value.name}`", value.type.tensor_type
    if tensor.elem_type not in _TYPES:
        hint = "export the model with inputs of one of these types, and let the graph cast them"
        raise BadInputError(f"{where} is not of type {', '.join(_TYPES.values())}", hint=hint)
    axes = tensor.shape.dim if tensor.HasField("shape") else []
    if not axes or axes[0].HasField("dim_value"):
        hint = f"export it with a dynamic first axis, e.g. dynamic_axes={{'{value.name}': {{0: 'items'}}}}"
        raise BadInputError(f"{where} does not leave the number of items open on its first axis", hint=hint)
    shape = tuple(int(axis.dim_value) for axis in axes[1:])  # an open axis reads 0
    if not all(shape):
        raise BadInputError(f"{where} has open axes after the first", hint="export it with those axes fixed")
    kind = _TYPES[tensor.elem_type]
    return GraphInput(value.name, kind, shape, None if kind == "float32" else rows)


class _Nodes:
    """The nodes and weights of a graph and of all graphs within: names are unique over them all."""

    def __init__(self, graph: Any) -> None:
        self.weights: dict[str, Any] = {}  # name -> TensorProto
        self._readers: dict[str, list[Any]] = defaultdict(list)
        self._makers: dict[str, Any] = {}
        for each in _graphs(graph):
            self.weights |= {weight.name: weight for weight in each.initializer}
            for node in each.node:
                for name in node.input:
                    self._readers[name].append(node)
                for name in node.output:
                    self._makers[name] = node
                constant = next((a.t for a in node.attribute if node.op_type == "Constant" and a.name == "value"), None)
                if constant is not None:
                    self.weights[node.output[0]] = constant

    def tables_of(self, name: str) -> set[tuple[str, int]]:
        """Return the tables, and the axis of their rows, that the ids in `name` go to."""
        found: set[tuple[str, int]] = set()
        todo, seen = [name], {name}
        while todo:
            ids = todo.pop()
            for node in self._readers[ids]:
                if node.op_type == "Gather" and node.input[1] == ids:
                    table = self._table(node.input[0])
                    if table is not None:
                        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
                        found.add((table, axis))
                elif node.op_type in _SAME_IDS or (node.op_type == "Gather" and node.input[0] == ids):
                    todo += [each for each in node.output if each not in seen]
                    seen |= set(node.output)
        return found

    def rows(self, table: str, axis: int) -> int:
        """Return how many rows `table` has along `axis`."""
        return int(self.weights[table].dims[axis])

    def bytes(self, weight: str) -> int:
        """Return the bytes of a weight, at four bytes a value."""
        return 4 * math.prod(int(axis) for axis in self.weights[weight].dims)

    def _table(self, name: str) -> str | None:
        """Return the weight that `name` is, perhaps cast or dequantised first."""
        while name not in self.weights:
            maker = self._makers.get(name)
            if maker is None or maker.op_type not in _SAME_ROWS:
                return None
            name = maker.input[0]
        return name if self.weights[name].dims else None


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield `graph` and the bodies within it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for body in [attribute.g, *attribute.graphs]:
                yield from _graphs(body)

"""ONNX Runtime as an executor: one session for all threads, each call on the thread that makes it, free of the GIL."""

from pathlib import Path
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tailrank.core import BadInputError, SetupError
from tailrank.models.executor import first_rows
from tailrank.models.inputs import Inputs

__all__ = ["OnnxExecutor", "missing"]

_SIZES = (1, 3, 64)
_ARRAYS: Final[dict[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


def missing(library: str) -> SetupError:
    """Return the error of a host without `library`."""
    return SetupError(f".onnx files need the library `{library}`", hint="pip install 'tailrank[onnx]'")


@final
class OnnxExecutor:
    """An `Executor` of the .onnx file at `path`; `output` names the scores, (n,) or (n, 1).

    Inputs come in the order of the graph's; they are not copied where their types are the graph's. Raises
    `BadInputError` where ONNX Runtime cannot load the file, and `SetupError` without the library.
    """

    def __init__(self, path: Path, output: str) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise missing("onnxruntime") from error
        self.kind = "onnxruntime"
        self.precision = "fp32"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are the parallelism
        options.log_severity_level = 3  # errors; warnings are for those who write graphs
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own types share no base
            line = str(error).strip().partition("\n")[0]
            hint = "try it with onnx.checker.check_model, or export it for an older opset"
            raise BadInputError(f"{path}: ONNX Runtime cannot load it: {line}", hint=hint) from error
        self.version: str = onnxruntime.__version__
        self._output = [output]
        self._inputs = [(each.name, _ARRAYS[each.type]) for each in self._session.get_inputs()]

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`."""
        return torch.from_numpy(self.output(inputs).astype(np.float32, copy=False)).reshape(-1)

    def output(self, inputs: Inputs) -> NDArray[Any]:
        """Return the graph's output as it is."""
        feeds = {name: _array(tensor, kind) for (name, kind), tensor in zip(self._inputs, inputs, strict=True)}
        found: NDArray[Any] = self._session.run(self._output, feeds)[0]
        return found

    def warm(self, inputs: Inputs) -> None:
        """Run a few sizes up to all of `inputs`: the session's memory grows to what the largest needs."""
        for size in (*_SIZES, len(inputs[0])):
            self(first_rows(inputs, min(size, len(inputs[0]))))

    def facts(self) -> dict[str, Any]:
        """Return the kind, the precision and the library's version."""
        return {"executor": self.kind, "precision": self.precision, "onnxruntime": self.version}


def _array(tensor: Tensor, kind: type[np.generic]) -> NDArray[Any]:
    return np.ascontiguousarray(tensor.numpy(), dtype=kind)  # a view where it is so already

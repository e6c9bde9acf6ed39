"""The kinds of executor by name: which run which models, in which precisions."""

from typing import TYPE_CHECKING, Final, Literal, get_args

from torch import nn

from tailrank.core import BadInputError, SetupError
from tailrank.models.auto import choose
from tailrank.models.compiled import CompiledExecutor
from tailrank.models.executor import Executor
from tailrank.models.native.executor import native_executor
from tailrank.models.torch_executor import in_bf16, make_torch_executor
from tailrank.models.weights import require_memory
from tailrank.native import Precision, remedy, why_not

if TYPE_CHECKING:
    from tailrank.models.model import Model

__all__ = ["Kind", "Precision", "make_executor"]

Kind = Literal["auto", "native", "torch", "compiled", "onnxruntime"]

_PRECISIONS: Final[dict[Kind, tuple[Precision, ...]]] = {
    "auto": ("fp32",),
    "native": ("fp32", "bf16", "int8"),
    "torch": ("fp32", "bf16"),
    "compiled": ("fp32", "bf16"),
    "onnxruntime": ("fp32",),
}


def make_executor(model: "Model", kind: Kind = "auto", precision: Precision = "fp32") -> Executor:
    """Return an executor of `kind` for `model`, its weights held in `precision`.

    `auto` measures and takes the fastest for each batch size: native or torch for a network of the zoo, torch for a
    module of the user's own, ONNX Runtime for an .onnx file. It never lowers the precision, and does not try
    `compiled`, which takes seconds for each shape and network. Raises `BadInputError` for a combination that cannot
    be, and `SetupError` where this host lacks what it needs.
    """
    _require_known(kind, precision)
    kinds = _kinds_of(model)
    if kind not in kinds:
        runs = "ONNX Runtime" if model.session else "modules of your own" if model.network is None else "the zoo"
        hint = f"for {runs}: {', '.join(kinds)}"
        raise BadInputError(f"the executor `{kind}` cannot run `{model.name}`", hint=hint)
    if model.session is not None:
        return model.session
    if kind == "native":
        return _require_native(model, precision)
    module = model.require_module()
    if precision == "bf16":
        module = _reduced(model, module)
    if kind == "compiled":
        compiled = CompiledExecutor(module, precision)
        compiled.warm(model.inputs(64))
        return compiled
    if kind == "torch" or model.network is None:
        return make_torch_executor(module, model.inputs, precision)
    return choose(
        [lambda: native_executor(model, precision), lambda: make_torch_executor(module, model.inputs)],
        model.inputs,
        reference=model.score,
    )


def _require_known(kind: Kind, precision: Precision) -> None:
    if kind not in _PRECISIONS:
        raise BadInputError(f"unknown executor `{kind}`", hint=f"one of: {', '.join(_PRECISIONS)}")
    if precision not in get_args(Precision):
        raise BadInputError(f"unknown precision `{precision}`", hint=f"one of: {', '.join(get_args(Precision))}")
    if precision not in _PRECISIONS[kind]:
        able = ", ".join(name for name, precisions in _PRECISIONS.items() if precision in precisions)
        hint = f"executors that do: {able}; lower precision changes scores, so it is only taken by name"
        raise BadInputError(f"the executor `{kind}` has no precision `{precision}`", hint=hint)


def _kinds_of(model: "Model") -> tuple[Kind, ...]:
    if model.session is not None:
        return ("auto", "onnxruntime")
    if model.network is None:
        return ("auto", "torch", "compiled")
    return ("auto", "native", "torch", "compiled")


def _require_native(model: "Model", precision: Precision) -> Executor:
    found = native_executor(model, precision)
    if found is None:
        raise SetupError(f"no native executor: {why_not()}", hint=f"{remedy()}, or choose the executor `torch`")
    return found


def _reduced(model: "Model", module: nn.Module) -> nn.Module:
    """Return `module` in bf16, tried on a few items."""
    require_memory(model.table_bytes // 2)
    try:
        reduced = in_bf16(module)
        reduced(*model.inputs(3))
    except (RuntimeError, TypeError, ValueError) as error:
        line = str(error).strip().partition("\n")[0]
        message = f"`{model.name}` does not run with weights in bf16: {line}"
        raise BadInputError(message, hint="choose the precision `fp32`") from error
    return reduced

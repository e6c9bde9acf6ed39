"""PyTorch: eager, TorchScript, compiled ahead of the batch and ahead of time."""

import copy
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rivals.way import Bench, Maker, Way
from tailrank.models.layers import Lookup, WeightedLookup

__all__ = ["MAKERS"]

SLOW_S = 20.0  # a compilation that takes longer is made once, for every count of items


class _Half(nn.Module):
    """A module with all weights in bf16; dense inputs are converted, scores are float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        memo = {id(w): nn.Parameter(w.detach().to(torch.bfloat16), requires_grad=False) for w in module.parameters()}
        self.inner = copy.deepcopy(module, memo)

    def forward(self, *inputs: Tensor) -> Tensor:
        halves = [each.to(torch.bfloat16) if each.is_floating_point() else each for each in inputs]
        scores: Tensor = self.inner(*halves).float()
        return scores


class _Outside(nn.Module):
    """The module with its tables as arguments, so that a package need not hold gigabytes."""

    def __init__(self, module: nn.Module, tables: list[str], inputs: int) -> None:
        super().__init__()
        self.inner, self.tables, self.inputs = module, tables, inputs

    def forward(self, *values: Tensor) -> Tensor:
        weights = dict(zip(self.tables, values[self.inputs :], strict=True))
        scores: Tensor = torch.func.functional_call(self.inner, weights, values[: self.inputs])
        return scores


def _half(bench: Bench) -> nn.Module:
    made: nn.Module = bench.once("torch bf16", lambda: _Half(bench.module).eval())
    return made


def _call(module: Any, matmul: str = "highest", note: str = "") -> Way:
    return Way(run=lambda inputs: module(*inputs), matmul=matmul, note=note)


def _eager(bench: Bench, _: int) -> Way:
    return _call(bench.module)


def _medium(bench: Bench, _: int) -> Way:
    return _call(bench.module, "medium")


def _eager_bf16(bench: Bench, _: int) -> Way:
    return _call(_half(bench))


def _packed(bench: Bench, _: int) -> Way:
    """Tailrank's own TorchScript with packed layers, as it was before there was a native executor."""
    executor: Any = bench.model.executor(kind="torch")
    executor.warm(bench.model.inputs(1024))
    note = f"{executor.kind}, {executor.matmul_precision}, packed from {executor.packed_from}"
    return Way(run=executor, matmul=executor.matmul_precision, note=note)


def _frozen(bench: Bench, _: int) -> Way:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(bench.module, bench.model.inputs(8), check_trace=False)  # type: ignore[no-untyped-call]
        return _call(torch.jit.freeze(traced))


def _compiled(bench: Bench, items: int, key: str, module: nn.Module, matmul: str) -> Way:
    """Compile for exactly `items`; or, where that takes long (a recurrence is unrolled), once for any count above one.

    Dynamo quietly runs eager what it cannot capture: whole graphs are demanded and captured calls counted.
    """
    import torch._dynamo
    import torch._inductor.config
    from torch._dynamo.utils import counters

    torch._inductor.config.freezing = True  # type: ignore[attr-defined]
    torch.set_float32_matmul_precision(matmul)
    if f"{key}, any items" in bench.made and items > 1:
        return _call(bench.made[f"{key}, any items"], matmul, "one graph for every count of items")
    network = bench.model.network
    long = bench.made.get(f"{key}, seconds", 0.0) > SLOW_S or bool(network and network.recurrent)
    dynamic = long and items > 1
    before, began = counters["stats"]["unique_graphs"], time.monotonic()
    compiled: Any = torch.compile(_fresh(module), fullgraph=True, dynamic=dynamic)
    compiled(*bench.model.inputs(items))
    graphs = counters["stats"]["unique_graphs"] - before
    if graphs < 1:
        raise RuntimeError("no graph was compiled: this would have timed eager")
    bench.made[f"{key}, seconds"] = time.monotonic() - began
    if dynamic:
        bench.made[f"{key}, any items"] = compiled
    return _call(compiled, matmul, f"{graphs} graph{', any items' if dynamic else ''}")


def _fresh(module: nn.Module) -> Any:
    """Return a function of its own code object: dynamo keeps what it compiled by code, and looks through all of it."""
    names: dict[str, Any] = {"module": module}
    exec("def forward(*inputs):\n    return module(*inputs)\n", names)
    return names["forward"]


def _compile(bench: Bench, items: int) -> Way:
    return _compiled(bench, items, "compile", bench.module, "highest")


def _compile_medium(bench: Bench, items: int) -> Way:
    return _compiled(bench, items, "compile medium", bench.module, "medium")


def _compile_bf16(bench: Bench, items: int) -> Way:
    return _compiled(bench, items, "compile bf16", _half(bench), "highest")


def _aoti(bench: Bench, _: int) -> Way:
    """One package for any count of items; the tables are its arguments."""
    import torch._inductor

    blocks = {name: block for name, block in bench.module.named_modules() if isinstance(block, Lookup | WeightedLookup)}
    tables = [f"{name}.weight" for name in blocks]
    weights = tuple(block.weight.detach() for block in blocks.values())
    inputs = bench.model.inputs(64)
    count = torch.export.Dim("items", min=1, max=4096)
    shapes = ((*({0: count} for _ in inputs), *(None for _ in weights)),)
    torch.set_float32_matmul_precision("highest")
    folder = bench.files.enter_context(tempfile.TemporaryDirectory(prefix="aoti-"))
    with torch.no_grad():
        program = torch.export.export(
            _Outside(bench.module, tables, len(inputs)), (*inputs, *weights), dynamic_shapes=shapes
        )
        path = torch._inductor.aoti_compile_and_package(
            program, package_path=str(Path(folder) / "model.pt2"), inductor_configs={"freezing": False}
        )
    package = torch._inductor.aoti_load_package(path)
    return Way(run=lambda values: package(*values, *weights), note="one package for any items")


MAKERS = (
    Maker("torch eager", "fp32", _eager),
    Maker("torch eager, medium", "fp32", _medium),
    Maker("TorchScript, packed", "fp32", _packed),
    Maker("TorchScript, frozen", "fp32", _frozen),
    Maker("torch.compile", "fp32", _compile, per_batch=True, slow=True),
    Maker("torch.compile, medium", "fp32", _compile_medium, per_batch=True, slow=True),
    Maker("AOTInductor", "fp32", _aoti, slow=True),
    Maker("torch eager", "bf16", _eager_bf16),
    Maker("torch.compile", "bf16", _compile_bf16, per_batch=True, slow=True),
)

import pytest
import torch
from torch import nn

from tailrank.core import BadInputError, SetupError
from tailrank.models import Model, auto
from tailrank.models import kinds as kinds_module
from tailrank.models.auto import AutoExecutor
from tailrank.models.compiled import CompiledExecutor
from tailrank.models.onnx_model import load_onnx


class Mixing(nn.Module):
    """Mixes types once its weights are in bf16."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 1)

    def forward(self, x):
        return torch.addmm(self.line.bias, torch.ones(len(x), 4), self.line.weight.T).flatten() + x.sum(1)


@pytest.fixture
def own():
    return Model("mine:net", nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)).eval(), lambda n, *_: (torch.ones(n, 4),))


class Native:
    """Stands in for the native executor: the model's scores plus `error`."""

    kind = "native"

    def __init__(self, model, precision, error=0.0):
        self.model, self.precision, self.error = model, precision, error

    def __call__(self, inputs):
        return self.model.score(inputs) + self.error

    def warm(self, inputs):
        pass

    def facts(self):
        return {"executor": self.kind, "precision": self.precision}


@pytest.fixture
def install_native(monkeypatch):
    """Install a function as the maker of native executors; None: as on a host where it was not built."""

    def install(make):
        monkeypatch.setattr(kinds_module, "native_executor", make or (lambda model, precision: None))

    return install


def test_auto_takes_the_faster_of_native_and_torch(tiny, install_native, monkeypatch):
    install_native(Native)
    model = tiny("ncf")
    monkeypatch.setattr(auto, "_time_ns", lambda executor, inputs: 1 if executor.kind == "native" else 10)
    assert isinstance(model.executor(), Native)
    monkeypatch.setattr(auto, "_time_ns", lambda executor, inputs: 10 if executor.kind == "native" else 1)
    assert model.executor().kind == "torchscript"
    small_is_native = {True: {1, 4, 16}, False: {64, 256, 1024}}
    monkeypatch.setattr(
        auto, "_time_ns", lambda executor, inputs: len(inputs[0]) not in small_is_native[executor.kind == "native"]
    )
    mixed = model.executor()
    assert isinstance(mixed, AutoExecutor)
    assert [(first, each.kind) for first, each in mixed.ranges] == [(1, "native"), (32, "torchscript")]


def test_auto_refuses_a_native_executor_with_other_scores(tiny, install_native):
    install_native(lambda model, precision: Native(model, precision, error=0.01))
    executor = tiny("ncf").executor()
    assert executor.facts()["executor"] == "torchscript"
    assert "differs by" in executor.facts()["refused"]["native"]


def test_auto_runs_without_a_native_executor(tiny, install_native, monkeypatch):
    install_native(None)
    monkeypatch.setattr(kinds_module, "remedy", lambda: "mend it")
    assert tiny("ncf").executor().kind == "torchscript"
    with pytest.raises(SetupError, match="no native executor") as caught:
        tiny("ncf").executor("native")
    assert caught.value.hint.startswith("mend it")


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_native_passes_the_precision_on(tiny, install_native, precision):
    install_native(Native)
    assert tiny("ncf").executor("native", precision).precision == precision


@pytest.mark.parametrize("name", ["ncf", "wnd", "din", "dien", "rmc1", "din-artifact", "dien-artifact"])
def test_torch_in_bf16_is_near_and_says_so(tiny, name):
    model = tiny(name)
    inputs = model.inputs(60)
    executor = model.executor("torch", "bf16")
    assert executor.facts()["precision"] == "bf16"
    difference = (executor(inputs) - model.score(inputs)).abs().max().item()
    assert 1e-6 < difference < 0.02  # it is another precision, and no other network
    assert all(weight.dtype == torch.float32 for weight in model.module.parameters())


def test_bf16_that_a_module_cannot_run_in_is_refused():
    model = Model("mine:mixing", Mixing().eval(), lambda n, *_: (torch.ones(n, 4),))
    with pytest.raises(BadInputError, match="`mine:mixing` does not run with weights in bf16"):
        model.executor("torch", "bf16")
    assert model.executor("torch")(model.inputs(3)).shape == (3,)


def test_an_own_module_runs_in_torch(own):
    assert own.executor().kind == own.executor("torch").kind == "torchscript"


def test_compiled_is_compiled_at_once_and_only_when_named(own, monkeypatch):
    warmed = []
    monkeypatch.setattr(CompiledExecutor, "warm", lambda self, inputs: warmed.append(len(inputs[0])))
    own.executor()
    assert warmed == []
    assert own.executor("compiled").kind == "compiled"
    assert warmed == [64]


@pytest.mark.parametrize(
    ("kind", "precision", "message", "hint"),
    [
        ("fast", "fp32", "unknown executor `fast`", "auto, native, torch, compiled, onnxruntime"),
        ("torch", "fp8", "unknown precision `fp8`", "fp32, bf16, int8"),
        ("auto", "bf16", "`auto` has no precision `bf16`", "native, torch, compiled"),
        ("torch", "int8", "`torch` has no precision `int8`", "do: native;"),
        ("onnxruntime", "bf16", "`onnxruntime` has no precision `bf16`", "native, torch, compiled"),
        ("native", "fp32", "`native` cannot run `mine:net`", "auto, torch, compiled"),
        ("onnxruntime", "fp32", "`onnxruntime` cannot run `mine:net`", "auto, torch, compiled"),
    ],
)
def test_what_cannot_be_is_refused_naming_what_can(own, kind, precision, message, hint):
    with pytest.raises(BadInputError, match=message) as caught:
        own.executor(kind, precision)
    assert hint in caught.value.hint


def test_an_onnx_file_runs_in_onnx_runtime_only(small_onnx):
    pytest.importorskip("onnxruntime", reason="the extra tailrank[onnx] is not installed")
    model = load_onnx(small_onnx())
    assert model.executor() is model.executor("onnxruntime") is model.session
    for kind in ("torch", "native", "compiled"):
        with pytest.raises(BadInputError, match=f"`{kind}` cannot run") as caught:
            model.executor(kind)
        assert "auto, onnxruntime" in caught.value.hint

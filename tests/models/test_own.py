import runpy
import sys
from pathlib import Path

import pytest
import torch

from tailrank.core import BadInputError
from tailrank.models import load, operators, resolve

EXAMPLES = Path(__file__).parents[2] / "examples"

SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, out=None):
        super().__init__()
        self.line = nn.Linear(4, 1)
        self.out = out
    def forward(self, x):
        return self.out(self.line(x)) if self.out else self.line(x).squeeze(1)
    def make_inputs(self, n):
        return (torch.randn(n, 4),)

class Bare(nn.Module):
    def forward(self, x):
        return x.sum(1)

instance = Net()
def function(): return Net()
def pair(): return Bare(), lambda n: (torch.ones(n, 4),)
column = Net(lambda y: y)
number = 5
bare = Bare()
def needs_arguments(x): return x
def no_tuple(): return Bare(), lambda n: torch.ones(n, 4)
def wrong_rows(): return Bare(), lambda n: (torch.ones(7, 4),)
def scalar(): return Bare(), lambda n: (torch.tensor(1.0),)
wide = Net(lambda y: y.expand(-1, 3))
one_number = Net(lambda y: y.sum())
whole_numbers = Net(lambda y: y.long())
no_tensor = Net(lambda y: 3)
def failing(): return nn.Linear(9, 1), lambda n: (torch.ones(n, 4),)
def inputs_fail():
    def make_inputs(n): raise KeyError("ids")
    return Bare(), make_inputs
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder with a module of models in it."""
    (tmp_path / "mine_models.py").write_text(SOURCE)
    (tmp_path / "mine_broken.py").write_text("1 / 0\n")
    (tmp_path / "mine_needs.py").write_text("import surely_not_installed\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in ("mine_models", "mine_broken", "mine_needs"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("attribute", ["instance", "Net", "function", "pair", "column"])
def test_every_accepted_form_scores(here, attribute):
    model = load(f"mine_models:{attribute}")
    scores = model.score(model.inputs(6))
    assert scores.shape == (6,)
    assert scores.dtype == torch.float32
    assert torch.allclose(model.executor()(model.inputs(6)), model.score(model.inputs(6)), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine_models:", "does not name a model"),
        (":x", "does not name a model"),
        ("surely_absent:x", "no module is called `surely_absent`"),
        ("mine_models.deeper:x", "no module is called|fails"),
        ("mine_broken:x", "fails: ZeroDivisionError"),
        ("mine_needs:x", "needs `surely_not_installed`"),
        ("mine_models:absent", "has no `absent`"),
        ("mine_models:number", "gives a int, not a torch.nn.Module"),
        ("mine_models:bare", "says nothing of its inputs"),
        ("mine_models:needs_arguments", "calling it fails: TypeError"),
        ("mine_models:no_tuple", "returns a Tensor"),
        ("mine_models:wrong_rows", r"input 0 has shape \(7, 4\) for n=1"),
        ("mine_models:scalar", r"input 0 has shape \(\)"),
        ("mine_models:wide", r"shape \(1, 3\) for 1 items"),
        ("mine_models:one_number", r"shape \(\) for 1 items"),
        ("mine_models:whole_numbers", "torch.int64 scores"),
        ("mine_models:no_tensor", "returns a int"),
        ("mine_models:failing", "scoring 1 items fails: RuntimeError"),
        ("mine_models:inputs_fail", r"make_inputs\(1\) fails: KeyError"),
    ],
)
def test_every_mistake_says_what_is_wrong_and_how_to_mend_it(here, name, message):
    with pytest.raises(BadInputError, match=message) as caught:
        load(name)
    assert caught.value.hint


def test_resolve_takes_either(here):
    assert resolve("mine_models:pair", memory_bytes=1).network is None
    assert resolve("ncf", memory_bytes=10**6).network.name == "ncf"
    with pytest.raises(BadInputError, match="unknown network"):
        resolve("mine_models", memory_bytes=10**6)


def test_inputs_repeat_with_their_seed(here):
    model = load("mine_models:instance")
    ((first,), (again,), (other,)) = (model.inputs(4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_all_time_of_an_own_model_is_other(here):
    assert operators(load("mine_models:instance"), 4, repeats=2)["other"] == 1.0


def test_the_example_runs_and_loads(monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    runpy.run_path("own_model.py", run_name="__main__")
    assert "scores of five items" in capsys.readouterr().out
    model = load("own_model:build")
    assert model.table_bytes == (10_000 + 50_000) * 32 * 4
    sys.modules.pop("own_model")

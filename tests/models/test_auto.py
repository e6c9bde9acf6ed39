import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, SetupError
from tailrank.models import auto
from tailrank.models.auto import SIZES, AutoExecutor, Range, choose
from tailrank.models.torch_executor import TorchExecutor


class Fake:
    """An executor that takes `times[size]`, and whose scores are off by `error`."""

    precision = "fp32"

    def __init__(self, kind, times=None, error=0.0):
        self.kind, self.times, self.error = kind, times, error
        self.sizes, self.warmed = [], []

    def __call__(self, inputs):
        self.sizes.append(len(inputs[0]))
        return inputs[0].sum(1) + self.error

    def warm(self, inputs):
        self.warmed.append(len(inputs[0]))

    def facts(self):
        return {"executor": self.kind, "precision": self.precision}


def make_inputs(items):
    return (torch.linspace(0, 1, items * 2).reshape(items, 2),)


def reference(inputs):
    return inputs[0].sum(1)


@pytest.fixture
def stated_times(monkeypatch):
    monkeypatch.setattr(auto, "_time_ns", lambda executor, inputs: executor.times[len(inputs[0])])


def chosen(executors, sizes=SIZES):
    return choose([lambda each=each: each for each in executors], make_inputs, sizes, reference=reference)


def at(executor, size):
    """Return who scores batches of `size`."""
    if not isinstance(executor, AutoExecutor):
        return executor
    fakes = [each.executor for each in executor.ranges]
    for fake in fakes:
        fake.sizes.clear()
    executor(make_inputs(size))
    return next(fake for fake in fakes if fake.sizes == [size])


@settings(max_examples=60, deadline=None)
@given(times=st.lists(st.lists(st.integers(1, 10**6), min_size=6, max_size=6), min_size=1, max_size=4))
def test_every_measured_size_goes_to_an_executor_within_a_tenth_of_the_best(times):
    fakes = [Fake(str(number), dict(zip(SIZES, each, strict=True))) for number, each in enumerate(times)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auto, "_time_ns", lambda executor, inputs: executor.times[len(inputs[0])])
        executor = chosen(fakes)
    for size in SIZES:
        assert at(executor, size).times[size] * 0.9 <= min(fake.times[size] for fake in fakes) + 1e-6
    for low, high in itertools.pairwise(SIZES):
        between = [at(executor, size) for size in range(low, min(high, low + 40) + 1)]
        assert set(between) <= {at(executor, low), at(executor, high)}


@pytest.mark.usefixtures("stated_times")
def test_one_that_wins_everywhere_is_returned_itself():
    fast, slow = Fake("fast", dict.fromkeys(SIZES, 10)), Fake("slow", dict.fromkeys(SIZES, 30))
    assert chosen([slow, fast]) is fast
    assert chosen([fast, slow]) is fast


@pytest.mark.usefixtures("stated_times")
def test_an_earlier_one_stays_unless_a_tenth_slower():
    first = Fake("first", dict.fromkeys(SIZES, 100))
    assert chosen([first, Fake("second", dict.fromkeys(SIZES, 91))]) is first
    second = Fake("second", dict.fromkeys(SIZES, 89))
    assert chosen([first, second]) is second


@pytest.mark.usefixtures("stated_times")
def test_a_border_lies_at_the_geometric_mean_of_the_sizes_around_it():
    small, large = Fake("small", {4: 1, 64: 9}), Fake("large", {4: 5, 64: 2})
    executor = chosen([small, large], sizes=(4, 64))
    assert executor.ranges == (Range(1, small), Range(16, large))
    assert [at(executor, size).kind for size in (1, 4, 15, 16, 64, 5000)] == ["small"] * 3 + ["large"] * 3
    assert executor.facts()["executor"] == "small from 1 items, large from 16 items"
    assert [each["from_items"] for each in executor.facts()["ranges"]] == [1, 16]


@pytest.mark.usefixtures("stated_times")
def test_one_with_other_scores_is_refused_however_fast_and_the_result_says_so():
    right = Fake("right", dict.fromkeys(SIZES, 100))
    wrong = Fake("wrong", dict.fromkeys(SIZES, 1), error=1e-3)
    executor = chosen([wrong, right])
    assert all(at(executor, size) is right for size in (1, 16, 3000))
    assert executor.facts()["executor"] == "right"
    assert "differs by 1.0e-03" in executor.facts()["refused"]["wrong"]
    with pytest.raises(BadInputError, match=r"no executor gives the model's scores: wrong differs by 1\.0e-03"):
        chosen([wrong])


def test_scores_of_another_shape_are_refused(monkeypatch):
    column = Fake("column")
    monkeypatch.setattr(Fake, "__call__", lambda self, inputs: inputs[0].sum(1, keepdim=True))
    with pytest.raises(BadInputError, match=r"column returns shape \(1, 1\) for 1 items"):
        chosen([column])


def test_candidates_that_cannot_run_here_are_passed_over():
    only = Fake("only")
    assert choose([lambda: None, lambda: only], make_inputs, reference=reference) is only
    with pytest.raises(SetupError, match="no executor runs"):
        choose([lambda: None], make_inputs, reference=reference)


def test_each_is_warmed_with_what_it_will_get():
    small, large = Fake("small"), Fake("large")
    executor = AutoExecutor([Range(1, small), Range(16, large)])
    executor.warm(make_inputs(100))
    executor.warm(make_inputs(10))
    assert (small.warmed, large.warmed) == ([15, 10], [100])


def test_timing_sees_other_rows_each_call(monkeypatch):
    """The rows that one call brought into a cache are not those of the next."""
    seen = []
    monkeypatch.setattr(auto, "_time_ns", lambda executor, inputs: seen.append(inputs[0].data_ptr()) or 1)
    chosen([Fake("a"), Fake("b")])
    assert all(first != second for first, second in itertools.pairwise(seen))


def test_a_real_choice_gives_the_models_scores(tiny, rows_of):
    model = tiny("ncf")
    torch.set_float32_matmul_precision("high")
    executor = choose(
        [
            lambda: TorchExecutor(model.module, "eager", "highest", packed=None, packed_from=None),
            lambda: model.executor("torch"),
        ],
        model.inputs,
        (1, 16, 64),
        reference=model.score,
    )
    assert torch.get_float32_matmul_precision() == "high"
    inputs = model.inputs(100)
    for size in (1, 7, 40, 100):
        part = rows_of(inputs, 0, size)
        assert torch.allclose(executor(part), model.score(part), rtol=0, atol=1e-5)

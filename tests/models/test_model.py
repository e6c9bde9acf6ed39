import itertools
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, SetupError
from tailrank.models import build
from tailrank.models import weights as weights_module
from tailrank.zoo import get, names

ITEMS = 40


@pytest.mark.parametrize("name", names())
def test_scores_are_one_finite_float_per_item_and_differ(tiny, name):
    model = tiny(name)
    scores = model.score(model.inputs(ITEMS))
    assert scores.shape == (ITEMS,)
    assert scores.dtype == torch.float32
    assert torch.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert len(scores.unique()) > ITEMS // 2


@pytest.mark.parametrize("name", names())
@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, ITEMS - 1)))
def test_any_partition_of_a_query_gives_the_same_scores(tiny, rows_of, name, cuts):
    model = tiny(name)
    inputs = model.inputs(ITEMS)
    bounds = [0, *sorted(cuts), ITEMS]
    parts = [model.score(rows_of(inputs, a, b)) for a, b in itertools.pairwise(bounds)]
    assert torch.allclose(torch.cat(parts), model.score(inputs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", names())
def test_an_items_score_depends_on_its_own_row_only(tiny, name):
    model = tiny(name)
    inputs = model.inputs(ITEMS)
    order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(1))
    shuffled = model.score(tuple(tensor[order].contiguous() for tensor in inputs))
    assert torch.allclose(shuffled, model.score(inputs)[order], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", names())
def test_every_input_column_matters(tiny, name):
    """Changing all of one input tensor changes scores: no input is ignored."""
    model = tiny(name)
    inputs, others = model.inputs(ITEMS), model.inputs(ITEMS, seed=1)
    scores = model.score(inputs)
    for number in range(len(inputs)):
        changed = (*inputs[:number], others[number], *inputs[number + 1 :])
        assert not torch.allclose(model.score(changed), scores, rtol=0, atol=1e-7)


def test_weights_and_inputs_repeat_with_their_seeds():
    first, again, other = (build("ncf", memory_bytes=10**6, seed=seed) for seed in (7, 7, 8))
    inputs = first.inputs(9, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(inputs, again.inputs(9, seed=3), strict=True))
    assert torch.equal(first.score(inputs), again.score(inputs))
    assert not torch.equal(first.score(inputs), other.score(inputs))


def test_scale_and_bytes_are_stated():
    model = build("rmc1", memory_bytes=5_000_000)
    held = sum(p.numel() * 4 for name, p in model.module.named_parameters() if name == "lookup.weight")
    assert held == model.table_bytes <= 5_000_000
    assert model.scale == pytest.approx(5_000_000 / get("rmc1").table_bytes)
    assert model.network.flops_per_item == get("rmc1").flops_per_item


def test_a_network_object_can_be_built():
    assert build(get("ncf"), memory_bytes=10**6).name == "ncf"


def test_a_host_without_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(weights_module, "available_bytes", lambda: 10**9)
    with pytest.raises(SetupError, match=r"3\.84 GB .* do not fit the 1\.00 GB"):
        build("dien", memory_bytes=3_840_000_000)


def test_unknown_names_and_too_many_tasks():
    with pytest.raises(BadInputError, match="unknown network"):
        build("rmc9", memory_bytes=10**6)
    with pytest.raises(BadInputError, match="one task"):
        build("wnd", memory_bytes=10**6, tasks=3)


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_multi_task_score_is_the_mean_of_its_probabilities(tiny, tasks):
    model = tiny("mtwnd", tasks)
    inputs = model.inputs(ITEMS)
    with torch.inference_mode():
        probabilities = model.module.probabilities(*inputs)
    assert probabilities.shape == (ITEMS, tasks)
    assert torch.allclose(model.score(inputs), probabilities.mean(1))


def test_threads_may_score_at_once(tiny):
    model = tiny("din")
    inputs = [model.inputs(ITEMS, seed=seed) for seed in range(4)]
    expected = [model.score(each) for each in inputs]
    found = [[] for _ in range(4)]

    def work(number: int) -> None:
        found[number].extend(model.score(inputs[number]) for _ in range(10))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for scores, right in zip(found, expected, strict=True):
        assert len(scores) == 10
        assert all(torch.allclose(each, right, rtol=0, atol=1e-6) for each in scores)


def test_scoring_keeps_no_gradients(tiny):
    model = tiny("ncf")
    assert not model.score(model.inputs(2)).requires_grad

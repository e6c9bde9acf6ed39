"""Every interleaving of copies and launches that the streams' waits allow gives the same scores."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.models.gpu.context import Context, Loaded, rows_at, rows_between
from tailrank.models.gpu.device import HostDevice
from tailrank.models.gpu.layout import Layout, buckets
from tailrank.models.gpu.placement import placed

ROWS = 90


@pytest.fixture(scope="module")
def inputs(tiny):
    return tiny("rmc1").inputs(ROWS, seed=4)


@pytest.fixture(scope="module")
def loaded(tiny, inputs):
    module = tiny("rmc1").module

    def make(device, largest=16, **changes):
        first = tuple(tensor[:1] for tensor in inputs)
        there = placed(module, device, torch.float32)
        parts = (there, device, torch.float32, "highest", Layout.of(inputs), buckets(largest), first)
        return Loaded(*parts, **changes)

    return make


@pytest.fixture(scope="module")
def expected(tiny, inputs):
    return tiny("rmc1").score(inputs).numpy()


def same(found, scores):
    return np.allclose(found, scores, rtol=0, atol=1e-6)


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_any_order_of_work_gives_the_same_scores(late, loaded, inputs, expected, slots):
    for seed in range(6):
        context = Context(loaded(late(seed=seed)), slots=slots)
        for first, items in ((0, 1), (3, 16), (20, 17), (0, ROWS), (50, 40), (7, 5)):
            assert same(context.score(rows_between(inputs, first), items), expected[first : first + items])


def test_without_the_wait_the_same_device_shows_it(late, loaded, inputs, expected):
    """The device of these tests is worth something: it fails where the streams do not wait for each other."""

    def wrong(seed):
        device = late(seed=seed)
        context = Context(loaded(device), slots=2)
        device.waits = False
        try:
            return not same(context.score(rows_between(inputs, 0), ROWS), expected)
        except (IndexError, RuntimeError):  # ids that are no ids
            return True

    assert any(wrong(seed) for seed in range(10))


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.integers(0, ROWS - 1), max_size=60))
def test_rows_are_gathered_in_their_order(loaded, inputs, expected, rows):
    chosen = np.asarray(rows, dtype=np.int64)
    context = Context(loaded(HostDevice()), slots=2)
    assert same(context.score(rows_at(inputs, chosen), len(rows)), expected[chosen])


def test_two_batches_in_flight_each_give_their_own_scores(late, loaded, inputs, expected):
    device = late(seed=3)
    context = Context(loaded(device), slots=2)
    fill = rows_between(inputs, 0)
    one, two = context.submit(fill, 0, 10), context.submit(fill, 10, 25)
    with pytest.raises(RuntimeError, match="take a result first"):
        context.submit(fill, 25, 30)
    assert same(context.result(two), expected[10:25])
    three = context.submit(fill, 25, 26)
    assert same(context.result(one), expected[:10])
    assert same(context.result(three), expected[25:26])


def test_the_second_batch_is_copied_while_the_first_is_still_to_be_computed(late, loaded, inputs):
    """What two slots are for: the second copy is queued behind the first copy alone."""
    device = late()
    context = Context(loaded(device), slots=2)
    copies, launches = device.streams
    device.synchronize()
    context.submit(rows_between(inputs, 0), 0, 16)
    context.submit(rows_between(inputs, 0), 16, 32)
    while copies.work:  # the launches have not moved
        ready, do = copies.work.popleft()
        assert ready()
        do()
    assert len(launches.work) == 2 * 5


def test_a_batch_that_cannot_be_filled_leaves_the_context_as_it_was(loaded, inputs, expected):
    context = Context(loaded(HostDevice()), slots=1)
    for rows in ([0, ROWS], [-1]):
        with pytest.raises((IndexError, RuntimeError)):
            context.score(rows_at(inputs, np.asarray(rows)), len(rows))
    with pytest.raises(RuntimeError):
        context.score(rows_between(inputs, ROWS - 20), 30)
    assert same(context.score(rows_between(inputs, 0), ROWS), expected)


def test_scores_are_the_callers_own(loaded, inputs, expected):
    context = Context(loaded(HostDevice()))
    first = context.result(context.submit(rows_between(inputs, 0), 0, 5))
    context.score(rows_between(inputs, 40), 5)
    assert same(first, expected[:5])
    assert first.dtype == np.float32


def test_no_items_have_no_scores(loaded, inputs):
    assert Context(loaded(HostDevice())).score(rows_between(inputs, 0), 0).shape == (0,)


def test_padding_is_a_row_of_the_batch(late, loaded, inputs):
    """Not what an earlier batch left there, which may be no valid row at all."""
    seen = []

    class Sees(torch.nn.Module):
        def forward(self, dense, ids):
            seen.append((dense.clone(), ids.clone()))
            return dense.sum(1)

    device = late()
    context = Context(Loaded(Sees(), device, torch.float32, "highest", Layout.of(inputs), buckets(16), inputs))
    context.score(rows_between(inputs, 30), 9)
    dense, ids = seen[-1]
    assert len(dense) == 12
    assert torch.equal(ids[:9], inputs[1][30:39])
    assert torch.equal(ids[9:], inputs[1][30:31].expand(3, -1))
    assert torch.equal(dense[9:], inputs[0][30:31].expand(3, -1))


def test_stamps_follow_each_other(late, loaded, inputs, expected):
    context = Context(loaded(late()))
    scores, stamps = context.stamped(rows_between(inputs, 0), 7)
    assert same(scores, expected[:7])
    assert stamps.to_device_ns >= 1e6  # one step of this device is a millisecond
    assert stamps.compute_ns >= 1e6
    assert stamps.to_host_ns == 2e6  # a copy and the event behind it, alone on their stream

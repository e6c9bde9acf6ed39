from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tailrank.models.gpu.layout import Layout, buckets


@given(st.integers(1, 5000))
def test_buckets_are_powers_of_two_and_points_half_way_up_to_the_first_that_holds_the_largest(largest):
    sizes = buckets(largest)
    assert sizes[0] == 1
    assert sizes[-1] >= largest
    assert len(sizes) == 1 or sizes[-2] < largest
    assert all(a < b <= 2 * a for a, b in pairwise(sizes))
    for size in sizes:
        power = 1 << (size.bit_length() - 1)
        assert size in (power, power + power // 2)


def test_no_size_between_is_left_out():
    assert buckets(16) == (1, 2, 3, 4, 6, 8, 12, 16)
    assert buckets(17) == (1, 2, 3, 4, 6, 8, 12, 16, 24)


@given(st.integers(1, 4096))
def test_padding_adds_less_than_half(items):
    assert next(size for size in buckets(4096) if size >= items) < 1.5 * items


@pytest.mark.parametrize("largest", [0, -3])
def test_a_batch_has_an_item(largest):
    with pytest.raises(ValueError, match="at least one item"):
        buckets(largest)


TYPES = [torch.float32, torch.int32, torch.int64, torch.bfloat16, torch.uint8, torch.bool]
PARTS = st.lists(st.tuples(st.lists(st.integers(1, 5), max_size=2), st.sampled_from(TYPES)), min_size=1, max_size=4)


@given(PARTS, st.integers(1, 40))
def test_views_hold_what_is_written_and_do_not_overlap(parts, rows):
    inputs = tuple(torch.randint(0, 2, (rows, *shape)).to(dtype) for shape, dtype in parts)
    layout = Layout.of(inputs)
    block = torch.zeros(layout.size_bytes(rows) + 7, dtype=torch.uint8)
    views = layout.views(block, rows)
    for view, tensor in zip(views, inputs, strict=True):
        assert (view.shape, view.dtype) == (tensor.shape, tensor.dtype)
        view.copy_(tensor)
    assert all(torch.equal(view, tensor) for view, tensor in zip(views, inputs, strict=True))
    assert not block[-7:].any()
    places = [view.data_ptr() - block.data_ptr() for view in views]
    assert all(place % 256 == 0 for place in places)

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.datasets import Examples, Queries, RankingData


def examples(count: int = 4) -> Examples:
    ids = np.stack([np.arange(count) % 3, np.arange(count) % 5], axis=1).astype(np.int32)
    return Examples(np.zeros(count, np.float32), np.ones((count, 2), np.float32), ids, (3, 5))


def queries(sizes: list[int]) -> Queries:
    """Queries over five items, features chosen so that each value tells its table and row."""
    rng = np.random.default_rng(len(sizes))
    count = len(sizes)
    return Queries(
        first=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item=rng.integers(0, 5, sum(sizes)).astype(np.int32),
        label=rng.random(sum(sizes)).astype(np.float32),
        query_dense=np.arange(count, dtype=np.float32)[:, None],
        query_ids=np.arange(count, dtype=np.int32)[:, None],
        item_dense=-np.arange(5, dtype=np.float32)[:, None],
        item_ids=np.arange(10, dtype=np.int32).reshape(5, 2),
        rows=(max(count, 1), 10, 10),
    )


@given(sizes=st.lists(st.integers(0, 6), max_size=8), data=st.data())
def test_features_are_the_querys_then_the_items(sizes: list[int], data: st.DataObject) -> None:
    asked = queries(sizes)
    end = data.draw(st.integers(0, sum(sizes)))
    first = data.draw(st.integers(0, end))
    dense, ids = asked.examples(first, end)
    owner = [query for query, size in enumerate(sizes) for _ in range(size)][first:end]
    item = asked.item[first:end].tolist()
    assert dense.tolist() == [[query, -i] for query, i in zip(owner, item, strict=True)]
    assert ids.tolist() == [[query, 2 * i, 2 * i + 1] for query, i in zip(owner, item, strict=True)]
    assert (dense.dtype, ids.dtype) == (np.float32, np.int32)
    assert asked.sizes.tolist() == sizes


@given(sizes=st.lists(st.integers(0, 6), min_size=1, max_size=8), count=st.integers(1, 10))
def test_a_subset_is_the_first_queries(sizes: list[int], count: int) -> None:
    whole = queries(sizes)
    part = whole.subset(count)
    assert part.sizes.tolist() == sizes[:count]
    for got, kept in zip(part.examples(0, part.candidates), whole.examples(0, part.candidates), strict=True):
        assert (got == kept).all()


@given(sizes=st.lists(st.integers(0, 6), max_size=8), size=st.integers(1, 9))
def test_batches_cover_each_candidate_once(sizes: list[int], size: int) -> None:
    covered = [row for first, end in queries(sizes).batches(size) for row in range(first, end)]
    assert covered == list(range(sum(sizes)))
    assert all(end - first <= size for first, end in queries(sizes).batches(size))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": np.array([0, 2, 1, 5])}, "does not cut 5 candidates"),
        ({"first": np.array([1, 2, 3, 5])}, "does not cut"),
        ({"first": np.array([0, 2, 3, 4])}, "does not cut"),
        ({"first": np.array([], dtype=np.int64)}, "does not cut"),
        ({"label": np.zeros(4, np.float32)}, "4 labels for 5 candidates"),
        ({"label": np.full(5, -1, np.float32)}, "at least 0"),
        ({"label": np.full(5, np.nan, np.float32)}, "finite"),
        ({"item": np.full(5, 5, np.int32)}, "not all below 5"),
        ({"item": np.full(5, -1, np.int32)}, "not all below 5"),
        ({"rows": (3, 10)}, "2 columns of ids for 1 tables"),
        ({"rows": (2, 10, 10)}, "ids of table 0 go from 0 to 2, its rows from 0 to 1"),
        ({"query_dense": np.zeros((2, 1), np.float32)}, "3 queries with dense"),
        ({"item_ids": np.zeros((5,), np.int32)}, "items with dense"),
        ({"item_ids": np.full((5, 2), -3, np.int32)}, "from -3"),
    ],
)
def test_queries_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        replace(queries([2, 1, 2]), **change)  # type: ignore[arg-type]


def test_a_range_or_count_outside_is_refused() -> None:
    with pytest.raises(BadInputError, match="no candidates 3 to 9 of 5"):
        queries([2, 3]).examples(3, 9)
    with pytest.raises(BadInputError, match="nothing to rank"):
        queries([2, 3]).subset(0)


def test_parts_of_examples_are_views() -> None:
    whole = examples(10)
    part = whole.part(2, 5)
    assert len(part) == 3
    assert np.shares_memory(part.ids, whole.ids)
    assert (part.ids == whole.ids[2:5]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.full(4, np.inf, np.float32)}, "finite"),
        ({"dense": np.zeros((3, 2), np.float32)}, "4 examples with dense"),
        ({"rows": (3,)}, "2 columns of ids for 1 tables"),
        ({"rows": (3, 3)}, "ids of table 1 go from 0 to 3"),
    ],
)
def test_examples_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        replace(examples(), **change)  # type: ignore[arg-type]


def test_parts_of_data_agree() -> None:
    asked = queries([2, 3])
    own = Examples(np.zeros(1, np.float32), np.zeros((1, 2), np.float32), np.zeros((1, 3), np.int32), asked.rows)
    data = RankingData("own", own, own, asked, ("rm-small",))
    assert data.rows == asked.rows
    with pytest.raises(BadInputError, match="differ in tables or dense"):
        RankingData("mixed", own, examples(), asked, ())

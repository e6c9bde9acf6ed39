import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.datasets import RankingData, load
from tailrank.datasets.synthetic import DENSE, GRADES, PAIRS, RANK, ROWS, Truth
from tailrank.metrics import ndcg


def tiny(**options: object) -> RankingData:
    return load("synthetic", tiny=True, **options)  # type: ignore[arg-type]


def by_query(data: RankingData) -> np.ndarray:
    return data.queries.label.reshape(len(data.queries), -1)


def test_shapes_are_those_of_the_tiers() -> None:
    from tailrank.zoo import get

    data = tiny()
    for name in data.networks:
        network = get(name)
        assert (network.dense, len(network.tables)) == (DENSE, len(ROWS))
    assert data.rows == ROWS
    assert data.train.dense.shape == (4000, DENSE)
    assert data.queries.examples(0, 10)[1].shape == (10, len(ROWS))


def test_the_true_order_is_ideal() -> None:
    graded, true = by_query(tiny()), by_query(tiny(relevance="probability"))
    assert ndcg(graded, true, 64) == pytest.approx(1)
    assert ndcg(true, true, 64) == pytest.approx(1)
    for grades in graded:
        assert [(grades >= worth).sum() for _, worth in GRADES] == [max(1, round(share * 256)) for share, _ in GRADES]


def test_clicks_come_with_the_true_probability() -> None:
    options = {"queries": 200, "candidates": 500, "examples": 1, "validation": 1}
    true = load("synthetic", relevance="probability", **options).queries  # type: ignore[arg-type]
    clicked = load("synthetic", relevance="clicks", **options).queries  # type: ignore[arg-type]
    assert (true.item == clicked.item).all()
    for low in np.arange(0, 1, 0.2):
        among = (true.label >= low) & (true.label < low + 0.2)
        spread = np.sqrt((true.label[among] * (1 - true.label[among])).sum())
        assert abs(clicked.label[among].sum() - true.label[among].sum()) < 5 * spread


def test_training_clicks_are_as_likely_as_the_truth_says() -> None:
    """Users and items of training come from where those of queries come from, and so do their clicks."""
    data = load("synthetic", examples=50_000, queries=400, candidates=500, relevance="probability")
    means = by_query(data).mean(axis=1)
    error = np.hypot(means.std() / np.sqrt(len(means)), 0.5 / np.sqrt(50_000))
    assert abs(data.train.label.mean() - means.mean()) < 5 * error
    assert 0.1 < means.mean() < 0.5


def test_candidates_are_different_items() -> None:
    queries = load("synthetic", tiny=True, queries=5, candidates=256).queries
    assert all(len(set(items)) == 256 for items in queries.item.reshape(5, 256).tolist())


def test_ids_follow_zipf() -> None:
    data = load("synthetic", examples=20_000, queries=1, candidates=1)
    for table, rows in enumerate(ROWS[:10]):  # a user's, drawn anew for each example
        share = 1 / np.sum(1 / np.arange(1, rows + 1))
        for rank in (1, 2):
            expected = share / rank
            found = float((data.train.ids[:, table] == rank - 1).mean())
            assert found == pytest.approx(expected, abs=5 * np.sqrt(expected / 20_000))


def cut(parts: tuple[np.ndarray, ...], rank: int) -> tuple[np.ndarray, ...]:
    """Keep the first `rank` dimensions of hidden vectors."""
    hidden = parts[1].reshape(len(parts[1]), len(PAIRS), RANK).copy()
    hidden[..., rank:] = 0
    return parts[0], hidden.reshape(len(hidden), -1), parts[2]


def test_more_dimensions_rank_better() -> None:
    """Whoever sees only so many of the hidden dimensions ranks worse, but far better than by chance."""
    from tailrank.datasets.synthetic import ITEM_DENSE, ITEM_ROWS, USER_DENSE, USER_ROWS, _draw

    truth = Truth(0)
    items, users = _draw(0, "i", 2048, ITEM_DENSE, ITEM_ROWS), _draw(0, "u", 40, USER_DENSE, USER_ROWS)
    of_items, of_users = truth.item_parts(items), truth.user_parts(users)
    quality = []
    for rank in (0, 4, 16, RANK):
        cut_items = cut(of_items, rank)
        found = []
        for user in range(len(users)):
            own = tuple(part[user] for part in of_users)
            true, seen = truth.log_odds(own, of_items), truth.log_odds(own, cut_items)  # type: ignore[arg-type]
            found.append(ndcg(1 / (1 + np.exp(-true)), seen, 64))
        quality.append(np.mean(found))
    assert quality[0] < quality[1] < quality[2] < quality[3]
    assert quality[3] == pytest.approx(1)
    assert quality[1] - 0.3 > np.mean(1 / (1 + np.exp(-true)))


@settings(max_examples=15, deadline=None)
@given(queries=st.integers(1, 6), candidates=st.integers(1, 300), seed=st.integers(0, 10**6))
def test_any_size_is_served(queries: int, candidates: int, seed: int) -> None:
    data = load("synthetic", seed=seed, examples=50, validation=1, queries=queries, candidates=candidates)
    assert data.queries.sizes.tolist() == [candidates] * queries
    assert (by_query(data).max(axis=1) == 4).all()


def test_the_seed_decides_every_bit() -> None:
    one, same, other = tiny(seed=3), tiny(seed=3), tiny(seed=4)
    assert (one.train.ids == same.train.ids).all()
    assert (one.train.label == same.train.label).all()
    assert (one.queries.label == same.queries.label).all()
    assert not (one.train.ids == other.train.ids).all()


def test_the_truth_does_not_depend_on_how_much_is_drawn() -> None:
    few, more = tiny(queries=2, relevance="probability"), tiny(queries=6, relevance="probability")
    assert (by_query(more)[:2] == by_query(few)).all()
    assert (tiny(examples=10).queries.label == tiny().queries.label).all()


def test_max_queries_bounds_the_queries() -> None:
    assert len(load("synthetic", tiny=True, max_queries=3).queries) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries": 0}, "0 queries"),
        ({"candidates": -1}, "-1 candidates"),
        ({"examples": 0}, "0 examples"),
        ({"relevance": "stars"}, "unknown relevance `stars`"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        tiny(**options)

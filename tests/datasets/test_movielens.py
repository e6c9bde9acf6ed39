from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.datasets import RankingData, load

Rating = tuple[int, int, float, int]
Write = Callable[[Path, str, Sequence[Rating]], Path]


@pytest.fixture
def root(tmp_path: Path, write_ratings: Write, some_ratings: list[Rating]) -> Path:
    write_ratings(tmp_path, "ratings.dat", some_ratings)
    return tmp_path


def histories(ratings: list[Rating]) -> list[list[Rating]]:
    """Each user's ratings in time, by ascending user."""
    users = sorted({rating[0] for rating in ratings})
    return [sorted((r for r in ratings if r[0] == user), key=lambda r: r[3]) for user in users]


@pytest.mark.parametrize("relevance", ["rated", "rating"])
def test_a_query_has_all_items_not_rated_before(relevance: str, root: Path, some_ratings: list[Rating]) -> None:
    data = load("movielens-1m", root, relevance=relevance)
    items = sorted({rating[1] for rating in some_ratings})
    queries, users = data.queries, histories(some_ratings)
    assert len(queries) == len(users)
    assert sorted(queries.query_ids[:, 0].tolist()) == list(range(len(users)))
    for query, user in enumerate(queries.query_ids[:, 0]):
        history = users[user]
        held = min(10, max(1, round(0.2 * len(history))))
        before, after = history[:-held], history[-held:]
        part = slice(queries.first[query], queries.first[query + 1])
        candidates = [items[item] for item in queries.item[part]]
        assert sorted(candidates) == sorted(set(items) - {rating[1] for rating in before})
        worth = {rating[1]: rating[2] if relevance == "rating" else 1.0 for rating in after}
        assert queries.label[part].tolist() == [worth.get(item, 0.0) for item in candidates]


def test_ids_are_the_user_and_the_item(root: Path) -> None:
    data = load("movielens-1m", root)
    dense, ids = data.queries.examples(0, data.queries.candidates)
    assert dense.shape == (data.queries.candidates, 0)
    assert (ids[:, 0] == np.repeat(data.queries.query_ids[:, 0], data.queries.sizes)).all()
    assert (ids[:, 1] == data.queries.item).all()
    assert data.networks == ("neumf-1m-tiny", "neumf-1m-small", "neumf-1m-medium", "neumf-1m-large")


def test_nothing_to_be_found_is_trained_on_as_a_click(root: Path) -> None:
    data = load("movielens-1m", root)
    dense_, ids = data.queries.examples(0, data.queries.candidates)
    wanted = {tuple(pair) for pair in ids[data.queries.label > 0].tolist()}
    for part in (data.train, data.validation):
        clicked = {tuple(pair) for pair in part.ids[part.label > 0].tolist()}
        assert clicked
        assert not clicked & wanted
    assert dense_.size == 0


def same(one: RankingData, other: RankingData) -> bool:
    pairs = [(one.queries.item, other.queries.item), (one.train.ids, other.train.ids)]
    return all(a.shape == b.shape and bool((a == b).all()) for a, b in pairs)


def test_the_seed_decides_all(root: Path) -> None:
    assert same(load("movielens-1m", root, seed=4), load("movielens-1m", root, seed=4))
    assert not same(load("movielens-1m", root, seed=4), load("movielens-1m", root, seed=5))


def test_fewer_queries_are_the_first_of_more(root: Path) -> None:
    few, all_ = load("movielens-1m", root, max_queries=7).queries, load("movielens-1m", root).queries
    assert len(few) == 7
    assert (all_.subset(7).item == few.item).all()
    assert (all_.subset(7).query_ids == few.query_ids).all()


def test_candidates_are_bounded_unless_queries_are_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tailrank.datasets import movielens

    whole = load("movielens-1m", root).queries
    monkeypatch.setattr(movielens, "MOST_CANDIDATES", int(whole.first[5]))
    assert len(load("movielens-1m", root).queries) == 5
    assert len(load("movielens-1m", root, max_queries=20).queries) == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"protocol": "random"}, "unknown protocol `random`"),
        ({"relevance": "stars"}, "unknown relevance `stars`"),
        ({"negatives": 0}, "0 negatives"),
        ({"max_examples": 3}, "at most 3 examples"),
        ({"hold_out": 0.9}, "holding out 0.9"),
        ({"protocol": "ncf"}, "no NCF test lists; looked for ncf_ml-1m.test.rating.gz"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], message: str, root: Path) -> None:
    with pytest.raises(BadInputError, match=message):
        load("movielens-1m", root, **options)


def test_users_with_too_little_to_ask_are_told(tmp_path: Path, write_ratings: Write) -> None:
    write_ratings(tmp_path, "u.data", [(1, 1, 3.0, 1), (1, 2, 3.0, 2), (2, 1, 4.0, 5)])
    with pytest.raises(BadInputError, match="no user of `movielens-100k` has anything to find"):
        load("movielens-100k", tmp_path)


@pytest.mark.data
def test_popularity_finds_more_than_chance_on_real_users(real_data: Path) -> None:
    from tailrank.metrics import ndcg

    data = load("movielens-1m", real_data / "movielens" / "ml-1m", max_queries=500, negatives=1)
    clicked = np.bincount(data.train.ids[data.train.label > 0, 1], minlength=data.rows[1])
    queries = data.queries
    assert 3400 < queries.sizes.mean() < 3650
    chance = np.random.default_rng(0).random(queries.candidates)
    gained = {"popular": clicked[queries.item].astype(float), "chance": chance}
    quality = {
        name: np.mean(
            [
                ndcg(queries.label[a:b], scores[a:b], 64)
                for a, b in zip(queries.first[:-1], queries.first[1:], strict=True)
            ]
        )
        for name, scores in gained.items()
    }
    assert quality["popular"] > 3 * quality["chance"] > 0

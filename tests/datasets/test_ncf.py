import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.datasets import RankingData, load
from tailrank.datasets.ncf import numbered
from tailrank.datasets.ratings import Ratings

Rating = tuple[int, int, float, int]
Write = Callable[[Path, str, Sequence[Rating]], Path]
NEGATIVES = 12


@pytest.fixture
def grouped(some_ratings: list[Rating]) -> list[Rating]:
    """Ratings as ratings.dat has them: by user, in no order of time."""
    return sorted(some_ratings, key=lambda rating: rating[0])


@pytest.fixture
def lists(grouped: list[Rating]) -> dict[int, tuple[int, list[int]]]:
    """Each user's last item and others that the user never rated, by their own ids; user 1's first negative repeats
    the positive."""
    rng = np.random.default_rng(8)
    items = sorted({rating[1] for rating in grouped})
    found = {}
    for user in sorted({rating[0] for rating in grouped}):
        own = [rating for rating in grouped if rating[0] == user]
        last = max(own, key=lambda rating: rating[3])[1]
        unrated = [item for item in items if item not in {rating[1] for rating in own}]
        found[user] = (last, [int(item) for item in rng.permutation(unrated)[:NEGATIVES]])
    found[1][1][0] = found[1][0]
    return found


def write_lists(folder: Path, grouped: list[Rating], lists: dict[int, tuple[int, list[int]]]) -> None:
    """Write the test files in NCF's numbers."""
    number = {item: place for place, item in enumerate(dict.fromkeys(rating[1] for rating in grouped))}
    users = {user: place for place, user in enumerate(sorted(lists))}
    ratings = [f"{users[user]}\t{number[item]}\t5\t97830000\n" for user, (item, _) in lists.items()]
    negatives = [
        "\t".join([f"({users[user]},{number[item]})", *(str(number[other]) for other in others)]) + "\n"
        for user, (item, others) in lists.items()
    ]
    (folder / "ncf_ml-1m.test.rating.gz").write_bytes(gzip.compress("".join(ratings).encode()))
    (folder / "ml-1m.test.negative").write_text("".join(negatives))


def candidates(data: RankingData, items: list[int], users: list[int]) -> dict[int, tuple[set[int], list[int]]]:
    """Each user's candidates and those among them to be found, by their own ids."""
    queries, found = data.queries, {}
    for query, user in enumerate(queries.query_ids[:, 0]):
        part = slice(queries.first[query], queries.first[query + 1])
        own = [items[item] for item in queries.item[part]]
        assert len(set(own)) == len(own)
        found[users[user]] = (set(own), [item for item, label in zip(own, queries.label[part], strict=True) if label])
    return found


def test_lists_are_as_published(
    tmp_path: Path, write_ratings: Write, grouped: list[Rating], lists: dict[int, tuple[int, list[int]]]
) -> None:
    write_ratings(tmp_path, "ratings.dat", grouped)
    write_lists(tmp_path, grouped, lists)
    data = load("movielens-1m", tmp_path, protocol="ncf")
    found = candidates(data, sorted({rating[1] for rating in grouped}), sorted(lists))
    assert found == {user: ({item, *others}, [item]) for user, (item, others) in lists.items()}
    assert data.facts["positive_among_negatives"] == 1
    assert min(data.queries.sizes) == NEGATIVES


def test_all_but_the_positive_trains_or_validates(
    tmp_path: Path, write_ratings: Write, grouped: list[Rating], lists: dict[int, tuple[int, list[int]]]
) -> None:
    write_ratings(tmp_path, "ratings.dat", grouped)
    write_lists(tmp_path, grouped, lists)
    data = load("movielens-1m", tmp_path, protocol="ncf")
    items, users = sorted({rating[1] for rating in grouped}), sorted(lists)
    kept = [
        {(users[user], items[item]) for user, item in part.ids[part.label > 0]}
        for part in (data.train, data.validation)
    ]
    assert kept[0] | kept[1] == {r[:2] for r in grouped} - {(user, item) for user, (item, _) in lists.items()}
    assert not kept[0] & kept[1]
    assert len(kept[1]) == len(users)


def test_numbers_are_recovered_from_ratings_in_another_order(
    tmp_path: Path, write_ratings: Write, grouped: list[Rating], lists: dict[int, tuple[int, list[int]]]
) -> None:
    write_ratings(tmp_path, "ratings.parquet", sorted(grouped, key=lambda rating: (rating[0], rating[3])))
    write_lists(tmp_path, grouped, lists)
    data = load("movielens-1m", tmp_path, protocol="ncf")
    found = candidates(data, sorted({rating[1] for rating in grouped}), sorted(lists))
    rated = {user: {rating[1] for rating in grouped if rating[0] == user} for user in lists}
    for user, (own, wanted) in found.items():
        assert own & rated[user] == set(wanted)
        assert wanted == [lists[user][0]]  # the last in time, for which the assignment is chosen
        assert len(own) == len({lists[user][0], *lists[user][1]})
    if data.facts["items_of_unsure_number"] == 0:
        assert {user: own for user, (own, _) in found.items()} == {u: {i, *o} for u, (i, o) in lists.items()}


def test_where_lists_leave_a_choice_positives_are_last_in_time() -> None:
    """Two users with items of their own, and nothing listed that tells a user's own items apart."""
    user, item = np.repeat(np.arange(2, dtype=np.int32), 3), np.array([4, 0, 2, 1, 5, 3], dtype=np.int32)
    everything = np.arange(6)
    ratings = Ratings(user, item, np.ones(6, np.float32), everything, np.arange(2), everything, {})
    rated = np.zeros((2, 6), dtype=np.bool_)
    rated[user, item] = True
    for first in range(3):
        for second in range(3, 6):
            found, unsure = numbered(ratings, rated, np.array([first, second]), np.array([[3, 4], [0, 1]]))
            assert (found[first], found[second]) == (2, 3)
            assert sorted(found[:3]) == [0, 2, 4]
            assert unsure == 6


def test_lists_of_other_ratings_are_refused(
    tmp_path: Path, write_ratings: Write, grouped: list[Rating], lists: dict[int, tuple[int, list[int]]]
) -> None:
    write_ratings(tmp_path, "ratings.dat", grouped)
    write_lists(tmp_path, grouped[::-1], lists)
    with pytest.raises(BadInputError, match="contradict the ratings"):
        load("movielens-1m", tmp_path, protocol="ncf")
    write_lists(tmp_path, grouped, {user: lists[user] for user in sorted(lists)[:-1]})
    with pytest.raises(BadInputError, match="do not fit ratings of 30 users"):
        load("movielens-1m", tmp_path, protocol="ncf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\tx\t5\t1\n", "damaged"),
        ("0\t3\t5\t1\n", "do not fit each other"),
        ("", "do not fit each other"),
    ],
)
def test_damaged_lists_are_refused(
    text: str,
    message: str,
    tmp_path: Path,
    write_ratings: Write,
    grouped: list[Rating],
    lists: dict[int, tuple[int, list[int]]],
) -> None:
    write_ratings(tmp_path, "ratings.dat", grouped)
    write_lists(tmp_path, grouped, lists)
    (tmp_path / "ncf_ml-1m.test.rating.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(BadInputError, match=message):
        load("movielens-1m", tmp_path, protocol="ncf")


@pytest.mark.data
def test_popularity_gives_the_known_floor(real_data: Path) -> None:
    """HR@10 and NDCG@10 of counting each item's ratings outside of the test, better ranks at equal counts."""
    data = load("movielens-1m", real_data / "movielens" / "ml-1m", protocol="ncf", negatives=1)
    parts = (data.train, data.validation)
    popularity = sum(np.bincount(part.ids[part.label > 0, 1], minlength=data.rows[1]) for part in parts)
    assert popularity.sum() == 1_000_209 - 6040
    queries = data.queries
    scores, query = popularity[queries.item], np.repeat(np.arange(len(queries)), queries.sizes)
    positive = scores[queries.label > 0]
    rank = np.bincount(query, scores > positive[query])
    hit = rank < 10
    assert (len(rank), data.facts["positive_among_negatives"]) == (6040, 156)
    assert round(float(hit.mean()), 4) == 0.4538
    assert round(float((hit / np.log2(rank + 2)).mean()), 4) == 0.2545

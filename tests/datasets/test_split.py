from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.datasets.ratings import Ratings
from tailrank.datasets.split import by_time, sampled

ITEMS = 25


def ratings_of(counts: list[int], seed: int = 0) -> Ratings:
    """Users with so many ratings of different items, in time."""
    rng = np.random.default_rng(seed)
    item = np.concatenate([rng.permutation(ITEMS)[:count] for count in counts]).astype(np.int32)
    user = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    everything = np.arange(len(item), dtype=np.int64)
    return Ratings(user, item, np.ones(len(item), np.float32), everything, np.arange(len(counts)), np.arange(ITEMS), {})


counts = st.lists(st.integers(1, ITEMS), min_size=1, max_size=12)


@given(counts=counts, share=st.floats(0.01, 0.5), most=st.integers(1, 12))
def test_time_parts_each_users_ratings(counts: list[int], share: float, most: int) -> None:
    ratings = ratings_of(counts)
    split = by_time(ratings, share, most)
    for user, count in enumerate(counts):
        parts = "".join(
            "t" * int(a) + "v" * int(b) + "q" * int(c)
            for a, b, c in zip(split.train, split.validation, split.test, strict=True)
        )[ratings.first[user] : ratings.first[user + 1]]
        held = 0 if count < 3 else min(most, max(1, round(share * count)))
        assert parts == "t" * (count - held - (held > 0)) + "v" * (held > 0) + "q" * held
        assert "t" in parts


@pytest.mark.parametrize(("share", "most"), [(0, 5), (0.6, 5), (-1, 5), (0.2, 0), (float("nan"), 3)])
def test_a_share_that_cannot_be_is_refused(share: float, most: int) -> None:
    with pytest.raises(BadInputError, match="holding out"):
        by_time(ratings_of([5]), share, most)


@settings(deadline=None)
@given(counts=counts, negatives=st.integers(1, 5), seed=st.integers(0, 99))
def test_negatives_are_of_the_clicks_user_and_not_known(counts: list[int], negatives: int, seed: int) -> None:
    ratings = ratings_of(counts, seed)
    split = by_time(ratings, 0.2, 10)
    found = sampled(ratings, split.train, split.train, negatives, 10**6, seed, "train")
    known = set(zip(ratings.user[split.train].tolist(), ratings.item[split.train].tolist(), strict=True))
    pairs = [(int(user), int(item)) for user, item in found.ids]
    clicked = [pair for pair, label in zip(pairs, found.label, strict=True) if label == 1]
    others = [pair for pair, label in zip(pairs, found.label, strict=True) if label == 0]
    assert sorted(clicked) == sorted(known)
    assert not known.intersection(others)
    per_user = Counter(user for user, _ in known)
    assert Counter(user for user, _ in others) == {
        user: negatives * count for user, count in per_user.items() if count < ITEMS
    }


def test_every_unknown_item_is_as_likely() -> None:
    ratings = ratings_of([20, 24, 10])
    everything = np.ones(len(ratings.user), dtype=np.bool_)
    found = sampled(ratings, everything, everything, 2000, 10**6, 3, "train")
    for user in range(3):
        negative = found.ids[(found.ids[:, 0] == user) & (found.label == 0), 1]
        unknown = sorted(set(range(ITEMS)) - set(ratings.item[ratings.user == user].tolist()))
        times = np.bincount(negative, minlength=ITEMS)[unknown]
        expected = len(negative) / len(unknown)
        assert times.sum() == len(negative)
        assert abs(times - expected).max() <= 5 * np.sqrt(expected)  # five standard deviations of a Poisson count


def test_what_is_held_out_may_be_a_negative() -> None:
    ratings = ratings_of([20])
    split = by_time(ratings, 0.5, 10)
    found = sampled(ratings, split.train, split.train, 100, 10**6, 0, "train")
    held = set(ratings.item[split.test].tolist())
    assert held <= set(found.ids[found.label == 0, 1].tolist())


def test_at_most_so_many_examples_chosen_by_seed() -> None:
    ratings = ratings_of([20] * 50)
    everything = np.ones(1000, dtype=np.bool_)
    one, same, other = (sampled(ratings, everything, everything, 4, 500, seed, "train") for seed in (1, 1, 2))
    assert len(one) == 500
    assert one.label.sum() == 100
    assert (one.ids == same.ids).all()
    assert not (one.ids == other.ids).all()

"""Who is asked about what: users' ratings parted by time into training, validation and what a ranking should find."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, stream
from tailrank.datasets.ranking_data import Examples
from tailrank.datasets.ratings import Ratings

__all__ = ["Split", "by_time", "sampled"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """What becomes of each rating: masks (n,) over the ratings, which no two of `train`, `validation`, `test` share."""

    train: Mask
    validation: Mask
    test: Mask


def by_time(ratings: Ratings, share: float, most: int) -> Split:
    """Part each user's ratings: the last `share` of them, at least 1 and at most `most`, are to be found.

    The one before those validates, all earlier ones train. Users with under three ratings only train.
    Raises `BadInputError` for a share that is not above 0 and at most 0.5, or `most` below 1.
    """
    if not 0 < share <= 0.5 or most < 1:
        raise BadInputError(
            f"holding out {share} of a user's ratings, at most {most}", hint="a share up to 0.5, and at least 1"
        )
    first = ratings.first
    count = np.diff(first)
    held = np.clip(np.round(share * count).astype(np.int64), 1, most)
    held[count < 3] = 0
    left = first[1:][ratings.user] - np.arange(len(ratings.user))  # 1 for a user's last
    test = left <= held[ratings.user]
    validation = (left == held[ratings.user] + 1) & (held[ratings.user] > 0)
    return Split(train=~test & ~validation, validation=validation, test=test)


def sampled(ratings: Ratings, chosen: Mask, known: Mask, negatives: int, most: int, seed: int, name: str) -> Examples:
    """Return the ratings that are `chosen` as clicks, with `negatives` sampled items each that were not.

    Negatives are uniform among the items that the user has no `known` rating of. What is held out for later may be
    among them, as nobody knows better then; kept out, it would be the one thing never seen to be irrelevant, and a
    network could learn that. At most `most` examples, drawn by `seed`; by user, the clicks of each in time order.
    """
    rng = stream(seed, name)
    picked = np.flatnonzero(chosen)
    clicks = max(1, most // (1 + negatives))
    if len(picked) > clicks:
        picked = np.sort(rng.choice(picked, clicks, replace=False))
    user, item = ratings.user[picked], ratings.item[picked]
    asked = np.repeat(user, negatives)
    drawn, there = _unknown(ratings, known, asked, rng)
    users, items = np.concatenate([user, asked[there]]), np.concatenate([item, drawn[there]])
    label = np.zeros(len(users), dtype=np.float32)
    label[: len(user)] = 1
    order = np.argsort(users, kind="stable")  # training can learn from what a user clicked next
    ids = np.stack([users, items], axis=1)[order].astype(np.int32)
    rows = (len(ratings.users), len(ratings.items))
    return Examples(label[order], np.empty((len(ids), 0), dtype=np.float32), ids, rows)


def _unknown(ratings: Ratings, known: Mask, users: I32, rng: np.random.Generator) -> tuple[I64, Mask]:
    """One uniform item for each of `users` among those without a `known` rating by the user, and whether there is one.

    The r-th such item is r plus how many known ones come before it: with a user's known items k_0 < k_1 < ..., those
    with k_j - j <= r. All users' k_j - j in one sorted array make that a single search, with nothing to reject.
    """
    items = len(ratings.items)
    user, item = ratings.user[known].astype(np.int64), ratings.item[known].astype(np.int64)
    key = np.sort(user * items + item)
    user = key // items
    first = np.searchsorted(user, np.arange(len(ratings.users) + 1))
    rank = np.arange(len(key)) - first[user]
    steps = user * (items + 1) + key % items - rank
    left = items - np.diff(first)[users]
    drawn = (rng.random(len(users)) * left).astype(np.int64)
    before = np.searchsorted(steps, users.astype(np.int64) * (items + 1) + drawn, side="right") - first[users]
    return drawn + before, left > 0

"""The protocol of NCF (He et al., WWW 2017): find one held-out item among it and 99 others, for every user.

Its test files number users and items in their own way: users by id, items as they first appear in ratings.dat. Where
the ratings came in another order, as in a parquet by time, the numbers are recovered: a user's new items have
consecutive numbers, a listed negative was not rated by its user, and the positive was. See `numbered`.
"""

import gzip
import re
import zlib
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.datasets.ratings import Ratings
from tailrank.datasets.source import Source
from tailrank.datasets.split import Split

__all__ = ["FILES", "leave_one_out"]

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

FILES = tuple(f"{prefix}ml-1m.test.{{}}{suffix}" for prefix in ("ncf_", "") for suffix in (".gz", ""))
"""Where the test files are looked for, `rating` or `negative` being the blank."""


def leave_one_out(source: Source, ratings: Ratings) -> tuple[Split, list[I64], dict[str, object]]:
    """Return the split, each user's candidates (the positive first), and facts.

    A listed negative that is the positive itself is dropped. Raises `BadInputError` if the test files are missing or
    damaged, or do not fit `ratings`.
    """
    source.progress("reading the NCF test lists")
    positive, negative = _read(source)
    if len(positive) != len(ratings.users) or max(positive.max(), negative.max()) >= len(ratings.items):
        raise BadInputError(
            f"NCF test lists of {len(positive)} users do not fit ratings of {len(ratings.users)} users",
            hint="they belong to MovieLens-1M",
        )
    rated = np.zeros((len(ratings.users), len(ratings.items)), dtype=np.bool_)
    rated[ratings.user, ratings.item] = True
    in_file_order = ".dat" in str(ratings.facts["file"])
    item, ambiguous = (_as_they_appear(ratings), 0) if in_file_order else numbered(ratings, rated, positive, negative)
    positive, negative = item[positive], item[negative]
    users = np.arange(len(positive))
    same = negative == positive[:, None]
    wrong = int((~rated[users, positive]).sum()) + int((rated[users[:, None], negative] & ~same).sum())
    if wrong:
        raise BadInputError(f"{wrong} entries of the NCF test lists contradict the ratings", hint="use MovieLens-1M's")
    facts: dict[str, object] = {
        "positive_among_negatives": int(same.any(axis=1).sum()),
        "items_of_unsure_number": ambiguous,
    }
    lists = [np.concatenate([[p], n[n != p]]) for p, n in zip(positive, negative, strict=True)]
    return _split(ratings, positive), lists, facts


def _split(ratings: Ratings, positive: I64) -> Split:
    """All ratings but the positives train, save each user's last other one, which validates."""
    test = ratings.item == positive[ratings.user]
    rest = np.flatnonzero(~test)
    user = ratings.user[rest]
    last = np.flatnonzero(np.diff(user, append=-1) != 0)
    many = np.bincount(user, minlength=len(ratings.users))[user[last]] > 1
    validation = np.zeros(len(test), dtype=np.bool_)
    validation[rest[last[many]]] = True
    return Split(train=~test & ~validation, validation=validation, test=test)


def _as_they_appear(ratings: Ratings) -> I64:
    """Items in the order in which the file has them first."""
    row = np.full(len(ratings.items), np.iinfo(np.int64).max)
    np.minimum.at(row, ratings.item, ratings.row)
    return np.argsort(row, kind="stable")


def numbered(ratings: Ratings, rated: Mask, positive: I64, negative: I64) -> tuple[I64, int]:
    """Return the item of each of NCF's numbers (items,), and how many could be exchanged without contradiction.

    Numbers rise with the first user who rated the item; among one user's new items the assignment is sought that
    contradicts no list, and of those the one by which most positives are their user's last rating.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse.csgraph import connected_components

    users, items = rated.shape
    by_item = np.ascontiguousarray(rated.T)
    by = by_item.argmax(axis=1)  # first user
    order = np.argsort(by, kind="stable")
    edges = np.flatnonzero(np.diff(by[order], prepend=-1, append=users))
    asked = _users_of(positive[:, None], items)
    other = np.where(negative == positive[:, None], items, negative)  # the positive among its negatives says nothing
    listed = _users_of(other, items + 1)
    last = ratings.item[ratings.first[1:] - 1]
    item, ambiguous = np.empty(items, dtype=np.int64), 0
    for start, end in pairwise(edges):
        raw = order[start:end]
        rated_raw = by_item[raw]
        against = np.array(
            [
                rated_raw[:, listed[number]].sum(axis=1) + (~rated_raw[:, asked[number]]).sum(axis=1)
                for number in range(start, end)
            ]
        )
        late = np.array([(last[asked[number]][:, None] == raw).sum(axis=0) for number in range(start, end)])
        row, column = linear_sum_assignment(against * users - late)
        item[start:end][row] = raw[column]
        groups = connected_components(against[:, column] == 0, connection="strong")[1]
        ambiguous += int((np.bincount(groups)[groups] > 1).sum())
    return item, ambiguous


def _users_of(numbers: I64, items: int) -> list[I64]:
    """The users that each of `items` numbers is listed for, `numbers` (users, k) being each user's."""
    order = np.argsort(numbers.ravel(), kind="stable")
    counts = np.bincount(numbers.ravel(), minlength=items)
    return np.split(order // numbers.shape[1], np.cumsum(counts)[:-1])


def _read(source: Source) -> tuple[I64, I64]:
    """Each user's positive (users,) and negatives (users, 99), in NCF's numbers."""
    ratings, negatives = (_lines(source, kind) for kind in ("rating", "negative"))
    try:
        pairs = np.array([line.split()[:2] for line in ratings], dtype=np.int64).reshape(-1, 2)
        fields = [re.split(r"[(),\s]+", line.strip("( \n")) for line in negatives]
        table = np.array(fields, dtype=np.int64).reshape(len(negatives), -1)
    except ValueError as error:
        raise BadInputError(f"the NCF test lists are damaged: {error}", hint="download them again") from None
    if len(pairs) == 0 or table.shape[1] < 3 or not (pairs == table[:, :2]).all() or min(pairs.min(), table.min()) < 0:
        raise BadInputError("the two NCF test lists do not fit each other", hint="download them again")
    if not (pairs[:, 0] == np.arange(len(pairs))).all():
        raise BadInputError("the NCF test lists do not have one line a user in order", hint="download them again")
    return pairs[:, 1], table[:, 2:]


def _lines(source: Source, kind: str) -> list[str]:
    folder = source.root.parent if source.root is not None and source.root.is_file() else source.root
    names = [name.format(kind) for name in FILES]
    path = next((folder / name for name in names if folder and (folder / name).is_file()), None) if folder else None
    if path is None:
        raise BadInputError(
            f"{folder}: no NCF test lists; looked for {', '.join(names)}", hint='or leave out protocol="ncf"'
        )
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("ascii")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInputError(f"{path}: cannot be read: {error}", hint="download it again") from None
    return [line for line in text.splitlines() if line]

"""Synthetic data with planted preferences: DLRM-shaped, as large as asked, and the true ranking is known.

A click's log-odds is what larger networks see better. It adds, of users u and items i,
- a bias per id of every table: any network learns it;
- products <p, q> of hidden vectors of `RANK` dimensions over pairs of a user's and an item's table, the variance of
  dimension k falling as 1 / k: a network of dim 4 holds half of it, of dim 16 five sixths, of dim 32 all;
- waves in random directions of all dense features, which cross users with items and need width and depth.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, stream
from tailrank.datasets.ranking_data import Examples, Queries, RankingData
from tailrank.datasets.source import Source

__all__ = ["DENSE", "NETWORKS", "ROWS", "Relevance", "Truth", "load_synthetic"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

NETWORKS = ("rm-small", "rm-med", "rm-large")
USER_ROWS = (2000, 1500, 1000, 300, 300, 300, 300, 100, 40, 12)
ITEM_ROWS = (2000, 2000, 2000, 1500, 1500, 1000, 1000, 800, 300, 300, 300, 300, 100, 50, 24, 8)
ROWS = USER_ROWS + ITEM_ROWS
"""Ids of the 26 tables, a user's ten before an item's sixteen: 19,034 in all, so that a tier trains in minutes."""
USER_DENSE, ITEM_DENSE = 5, 8
DENSE = USER_DENSE + ITEM_DENSE
PAIRS = ((3, 8), (4, 9), (5, 10), (6, 11))  # (a user's table, an item's table) whose ids have hidden vectors
RANK = 32
WAVES = 12
BIAS, PRODUCTS, WAVE, OFFSET = 1.2, 2.4, 0.9, -1.6  # spread of the biases; variance; spread; log-odds without them
ZIPF = 1.0  # exponent of how often ids occur
CHUNK = 16_384  # pairs of user and item at a time, to bound memory

Relevance = Literal["graded", "probability", "clicks"]
GRADES = ((0.005, 4.0), (0.015, 3.0), (0.04, 2.0), (0.1, 1.0))
"""Graded relevance: the best 0.5 % of a query's candidates by true probability are worth 4, to 1.5 % 3, and so on."""


@dataclass(frozen=True)
class People:
    """Users or items by their features: dense (n, D) and ids (n, T)."""

    dense: F32
    ids: I32

    def __len__(self) -> int:
        return len(self.ids)


class Truth:
    """The planted preferences of a seed: a click's log-odds for any user and item."""

    def __init__(self, seed: int) -> None:
        rng = stream(seed, "truth")
        spectrum = np.sqrt(1 / np.arange(1, RANK + 1))
        spectrum *= np.sqrt(PRODUCTS / len(PAIRS)) / np.linalg.norm(spectrum)
        self._biases = [rng.normal(0, BIAS / np.sqrt(len(ROWS)), rows) for rows in ROWS]
        self._users = [rng.normal(size=(USER_ROWS[user], RANK)) * spectrum for user, _ in PAIRS]
        self._items = [rng.normal(size=(ITEM_ROWS[item], RANK)) for _, item in PAIRS]
        directions = rng.normal(size=(WAVES, DENSE)) * rng.uniform(0.6, 1.4, (WAVES, 1)) / np.sqrt(DENSE / 4)
        self._to_user, self._to_item = directions[:, :USER_DENSE].T, directions[:, USER_DENSE:].T
        self._phase = rng.uniform(0, 2 * np.pi, WAVES)
        self._amplitude = WAVE * np.sqrt(2 / WAVES)

    def user_parts(self, users: People) -> tuple[F64, F64, F64]:
        """Return what log-odds need of `users`: bias (n,), hidden vectors (n, P * RANK), wave arguments (n, W)."""
        bias = np.sum([b[users.ids[:, t]] for t, b in enumerate(self._biases[: len(USER_ROWS)])], axis=0)
        hidden = [table[users.ids[:, user]] for table, (user, _) in zip(self._users, PAIRS, strict=True)]
        return bias, np.concatenate(hidden, axis=1), users.dense @ self._to_user + self._phase

    def item_parts(self, items: People) -> tuple[F64, F64, F64]:
        """Return what log-odds need of `items`, as `user_parts`."""
        bias = np.sum([b[items.ids[:, t]] for t, b in enumerate(self._biases[len(USER_ROWS) :])], axis=0)
        hidden = [table[items.ids[:, item]] for table, (_, item) in zip(self._items, PAIRS, strict=True)]
        return bias, np.concatenate(hidden, axis=1), items.dense @ self._to_item

    def log_odds(self, user: tuple[F64, F64, F64], item: tuple[F64, F64, F64]) -> F64:
        """Return the log-odds of a click for parts of users and items that broadcast against each other: (n,)."""
        products = np.einsum("...k,...k->...", user[1], item[1])
        waves = self._amplitude * np.cos(user[2] + item[2]).sum(axis=-1)
        return np.asarray(OFFSET + user[0] + item[0] + products + waves)


def load_synthetic(
    source: Source,
    *,
    examples: int = 500_000,
    validation: int = 50_000,
    queries: int = 500,
    candidates: int = 4096,
    relevance: Relevance = "graded",
    tiny: bool = False,
) -> RankingData:
    """Return planted data: clicks to train on, and `queries` new users with `candidates` of the items each.

    Of `source` only the seed and `max_queries` matter: there are no files.
    `relevance` of a candidate: "graded" 0..4 by its rank in the true probability, so the true order has NDCG 1 and
    differs from query to query only in order (see `GRADES`); "probability", the true one; "clicks", one draw from it.
    `tiny` gives small counts wherever the others are left as they are: for tests. Same arguments, same bits; the
    truth depends on `seed` alone.
    Raises `BadInputError` for counts below 1 or an unknown relevance.
    """
    if tiny:
        shrunk = (min(examples, 4000), min(validation, 500), min(queries, 8), min(candidates, 256))
        examples, validation, queries, candidates = shrunk
    _check({"examples": examples, "validation": validation, "queries": queries, "candidates": candidates}, relevance)
    seed, queries = source.seed, min(queries, source.max_queries or queries)
    truth = Truth(seed)
    items = _draw(seed, "items", max(8192, 2 * candidates), ITEM_DENSE, ITEM_ROWS)
    askers = _draw(seed, "askers", queries, USER_DENSE, USER_ROWS)
    facts = {
        "truth": "biases per id, products of hidden vectors of 32 dimensions, waves over dense features",
        "items": len(items),
        "relevance": relevance,
        "queries": queries,
        "candidates_per_query": candidates,
        "train_examples": examples,
    }
    return RankingData(
        name="synthetic",
        train=_clicks(truth, items, seed, "train", examples),
        validation=_clicks(truth, items, seed, "validation", validation),
        queries=_queries(truth, askers, items, seed, candidates, relevance),
        networks=NETWORKS,
        facts=facts,
    )


def _draw(seed: int, name: str, count: int, dense: int, rows: tuple[int, ...]) -> People:
    """Users or items: standard normal dense features, Zipf ids."""
    columns = []
    for table, size in enumerate(rows):
        weights = np.arange(1, size + 1) ** -ZIPF
        edges = np.cumsum(weights) / weights.sum()
        drawn = np.searchsorted(edges, stream(seed, name, "ids", table).random(count), side="right")
        columns.append(np.minimum(drawn, size - 1).astype(np.int32))
    return People(stream(seed, name, "dense").standard_normal((count, dense), dtype=np.float32), np.stack(columns, 1))


def _clicks(truth: Truth, items: People, seed: int, name: str, count: int) -> Examples:
    """`count` impressions of a new user and any item each, clicked with the true probability."""
    users = _draw(seed, name, count, USER_DENSE, USER_ROWS)
    shown = stream(seed, name, "shown").integers(0, len(items), count)
    chance = stream(seed, name, "clicks").random(count)
    label = np.empty(count, dtype=np.float32)
    parts, of_items = truth.user_parts, truth.item_parts(items)
    for first in range(0, count, CHUNK):
        part = slice(first, first + CHUNK)
        item = shown[part]
        odds = truth.log_odds(
            parts(People(users.dense[part], users.ids[part])), (of_items[0][item], of_items[1][item], of_items[2][item])
        )
        label[part] = chance[part] < _probability(odds)
    dense = np.concatenate([users.dense, items.dense[shown]], axis=1)
    return Examples(label, dense, np.concatenate([users.ids, items.ids[shown]], axis=1), ROWS)


def _queries(truth: Truth, askers: People, items: People, seed: int, candidates: int, relevance: Relevance) -> Queries:
    """One query a user of `askers`: candidates without replacement, in no order, with their true relevance."""
    rng, clicks = stream(seed, "candidates"), stream(seed, "relevance")
    item = np.empty((len(askers), candidates), dtype=np.int32)
    label = np.empty((len(askers), candidates), dtype=np.float32)
    users, of_items = truth.user_parts(askers), truth.item_parts(items)
    for query in range(len(askers)):
        chosen = rng.permutation(len(items))[:candidates]
        user = (users[0][query], users[1][query], users[2][query])
        odds = truth.log_odds(user, (of_items[0][chosen], of_items[1][chosen], of_items[2][chosen]))
        item[query], label[query] = chosen, _relevance(odds, relevance, clicks)
    first = np.arange(len(askers) + 1, dtype=np.int64) * candidates
    dense, ids = (askers.dense, items.dense), (askers.ids, items.ids)
    return Queries(first, item.ravel(), label.ravel(), dense[0], ids[0], dense[1], ids[1], ROWS)


def _relevance(odds: F64, relevance: Relevance, rng: np.random.Generator) -> F64:
    if relevance == "probability":
        return _probability(odds)
    if relevance == "clicks":
        return (rng.random(len(odds)) < _probability(odds)).astype(np.float64)
    grades = np.zeros(len(odds))
    order = np.argsort(-odds, kind="stable")
    for share, grade in reversed(GRADES):
        grades[order[: max(1, round(share * len(odds)))]] = grade
    return grades


def _probability(odds: F64) -> F64:
    return np.asarray(1 / (1 + np.exp(-odds)))


def _check(counts: dict[str, int], relevance: str) -> None:
    for name, count in counts.items():
        if count < 1:
            raise BadInputError(f"synthetic data with {count} {name}", hint="give at least 1")
    if relevance not in get_args(Relevance):
        raise BadInputError(f"unknown relevance `{relevance}`", hint=f"one of {', '.join(get_args(Relevance))}")

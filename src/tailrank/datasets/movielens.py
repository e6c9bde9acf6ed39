"""MovieLens as a ranking task: a query is a real user, and the candidates are all items the user has not rated yet."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, stream
from tailrank.datasets.ncf import leave_one_out
from tailrank.datasets.ranking_data import Queries, RankingData
from tailrank.datasets.ratings import Ratings, read_ratings
from tailrank.datasets.source import Source
from tailrank.datasets.split import Split, by_time, sampled

__all__ = ["Protocol", "Relevance", "load_movielens"]

I64 = NDArray[np.int64]

Protocol = Literal["time", "ncf"]
Relevance = Literal["rated", "rating"]
MOST_CANDIDATES = 25_000_000  # of all queries, unless max_queries says otherwise: 200 MB


def load_movielens(
    source: Source,
    *,
    protocol: Protocol = "time",
    hold_out: float = 0.2,
    hold_out_most: int = 10,
    relevance: Relevance = "rated",
    negatives: int = 4,
    max_examples: int = 6_000_000,
) -> RankingData:
    """Return the MovieLens data set that `source` names, as users (table 0) and items (table 1).

    protocol "time": the last `hold_out` of a user's ratings in time, at least 1 and at most `hold_out_most`, are what
    the user's query should find among all items without an earlier rating by the user; the one before them validates,
    the rest train. The limit keeps the labels near the moment of the query for users with hundreds of ratings.
    protocol "ncf" (1M only): the published leave-one-out lists, one positive among up to 100 candidates.

    `relevance` "rated": a held-out item is worth 1 whatever its stars, which is what the networks are trained to tell;
    "rating": it is worth its stars. To each click `negatives` items are sampled; at most `max_examples` train.
    Queries come in random order, and the candidates of each, by the seed; without max_queries there are as many as
    have 25 million candidates in all. Raises `BadInputError` for what it cannot read or was asked wrongly.
    """
    _check(protocol, relevance, negatives, max_examples)
    ratings = read_ratings(source)
    facts: dict[str, Any] = {"protocol": protocol, "relevance": relevance, "negatives": negatives, **ratings.facts}
    lists: list[I64] | None = None
    if protocol == "ncf":
        split, lists, found = leave_one_out(source, ratings)
        facts |= found
    else:
        split = by_time(ratings, hold_out, hold_out_most)
        facts |= {"hold_out": hold_out, "hold_out_most": hold_out_most}
    seed, seen = source.seed, split.train | split.validation
    source.progress("sampling negatives")
    train = sampled(ratings, split.train, split.train, negatives, max_examples, seed, "train")
    validation = sampled(ratings, split.validation, seen, negatives, max_examples, seed, "validation")
    source.progress("laying out queries")
    queries = _queries(source, ratings, split, lists, relevance)
    facts |= {
        "train_examples": len(train),
        "queries": len(queries),
        "users_with_a_query": int(split.test[ratings.first[1:] - 1].sum()) if lists is None else len(lists),
        "candidates_per_query": round(queries.candidates / len(queries), 1),
        "relevant_per_query": round(float((queries.label > 0).sum()) / len(queries), 2),
    }
    size = "20m" if source.name in ("movielens-20m", "movielens-25m") else "1m"
    tiers = ("small", "medium", "large") if size == "20m" else ("tiny", "small", "medium", "large")
    networks = tuple(f"neumf-{size}-{tier}" for tier in tiers)
    return RankingData(source.name, train, validation, queries, networks, facts)


def _queries(source: Source, ratings: Ratings, split: Split, lists: list[I64] | None, relevance: Relevance) -> Queries:
    """A query for each user with something to find, or as many as are wanted, in an order drawn by the seed."""
    first, items = ratings.first, np.arange(len(ratings.items), dtype=np.int32)
    asking = np.unique(ratings.user[split.test])
    if len(asking) == 0:
        raise BadInputError(
            f"no user of `{source.name}` has anything to find", hint="users need at least three ratings for a query"
        )
    asking = stream(source.seed, "queries").permutation(asking)[: source.max_queries]
    rng = stream(source.seed, "candidates")
    sizes: list[int] = []
    chosen, labels, room = [], [], MOST_CANDIDATES
    for user in asking:
        part = slice(first[user], first[user + 1])
        item, test = ratings.item[part], split.test[part]
        worth = np.zeros(len(items), dtype=np.float32)
        worth[item[test]] = 1 if relevance == "rated" else ratings.rating[part][test]
        candidates = np.delete(items, item[~test]) if lists is None else lists[user].astype(np.int32)
        room -= len(candidates)
        if room < 0 and sizes and source.max_queries is None:
            break
        candidates = rng.permutation(candidates)
        sizes.append(len(candidates))
        chosen.append(candidates)
        labels.append(worth[candidates])
    none = np.empty((len(sizes), 0), dtype=np.float32), np.empty((len(items), 0), dtype=np.float32)
    return Queries(
        first=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item=np.concatenate(chosen),
        label=np.concatenate(labels),
        query_dense=none[0],
        query_ids=asking[: len(sizes), None].astype(np.int32),
        item_dense=none[1],
        item_ids=items[:, None],
        rows=(len(ratings.users), len(ratings.items)),
    )


def _check(protocol: str, relevance: str, negatives: int, max_examples: int) -> None:
    for what, value, known in (("protocol", protocol, Protocol), ("relevance", relevance, Relevance)):
        if value not in get_args(known):
            raise BadInputError(f"unknown {what} `{value}` of MovieLens", hint=f"one of {', '.join(get_args(known))}")
    if negatives < 1 or max_examples < 1 + negatives:
        raise BadInputError(
            f"{negatives} negatives to a click, at most {max_examples} examples", hint="at least 1, and room for both"
        )

"""Criteo as a ranking task: no users are known, so queries are made of rows of the log's last period."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, stream
from tailrank.datasets.criteo_rows import read_clicks
from tailrank.datasets.ranking_data import Examples, Queries, RankingData
from tailrank.datasets.source import Source

__all__ = ["Ids", "Protocol", "hashed", "load_criteo", "vocabulary"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
U32 = NDArray[np.uint32]

Protocol = Literal["fixed-clicks", "artifact"]
Ids = Literal["hashed", "vocabulary"]
NETWORKS = ("rm-small", "rm-med", "rm-large")
CANDIDATES, CLICKS, QUERIES = 4096, 64, 500
ARTIFACT_ROWS = 100_000  # the rows of which RecPipe's artifact cuts its queries
TEST_PARTS, VALIDATION_PARTS = 7, 14


def load_criteo(
    source: Source,
    *,
    protocol: Protocol = "fixed-clicks",
    candidates: int | None = None,
    clicks: int | None = None,
    ids: Ids = "hashed",
    buckets: int = 10_000,
    min_count: int = 10,
    max_rows: int = 1_000_000,
) -> RankingData:
    """Return the first `max_rows` rows of the Criteo files in the root of `source`, parted by time.

    The last seventh is ranked (the last of DLRM's seven days), the fourteenth before it validates, the rest trains.
    Counts become log(1 + max(count, 0)), 0 where missing. `ids` "hashed": of `buckets` rows a table, row 0 for missing;
    "vocabulary": a row each for what the training period has `min_count` times, row 0 for missing, row 1 for others.

    protocol "fixed-clicks": a query is `clicks` (64) clicked rows and as many others of the ranked period as make
    `candidates` (4096), all drawn without replacement, in random order. Every query has equally much to find, so
    NDCG@64 does not grow with the pool, and all-relevant is a possible ideal. Of a short period at most half the
    rows, and half the clicks, go into a query, lest all be alike; queries share rows, so intervals over them say
    nothing of other days. protocol "artifact": as RecPipe's artifact, query q is the `candidates` consecutive rows
    from q * candidates on, of the period's first 100,000, beginning again at their end.
    Raises `BadInputError` for what it cannot read or was asked wrongly.
    """
    _check(protocol, ids, {"buckets": buckets - 1, "min_count": min_count, "max_rows": max_rows})
    log, facts = read_clicks(source, max_rows)
    test = len(log) - len(log) // TEST_PARTS
    train = test - len(log) // VALIDATION_PARTS
    if min(train, test - train, len(log) - test) < 1:
        raise BadInputError(f"{len(log)} rows are too few to part by time", hint=f"at least {VALIDATION_PARTS}")
    source.progress("numbering ids")
    numbers, rows = hashed(log.raw, buckets) if ids == "hashed" else vocabulary(log.raw, train, min_count)
    examples = Examples(log.label, log.dense, numbers, rows)
    ranked = examples.part(test, len(log))
    if protocol == "artifact":
        item = _consecutive(len(ranked), candidates, source.max_queries)
    else:
        item = _fixed_clicks(ranked.label, candidates, clicks, source)
    facts |= {
        "protocol": protocol,
        "ids": f"hashed to {buckets}" if ids == "hashed" else f"seen {min_count} times",
        "table_rows": sum(rows),
        "train_examples": train,
        "ranked_rows": len(ranked),
        "queries": len(item),
        "candidates_per_query": item.shape[1],
        "clicks_per_query": round(float(ranked.label[item].sum(axis=1).mean()), 1),
        "uses_per_ranked_row": round(item.size / len(ranked), 2),
    }
    parts = examples.part(0, train), examples.part(train, test)
    return RankingData(source.name, *parts, _queries(ranked, item), NETWORKS, facts)


def hashed(raw: U32, buckets: int) -> tuple[I32, tuple[int, ...]]:
    """Return the ids `raw` (n, T) hashed, each table in its own way, and the rows of the tables; 0 stays 0."""
    numbers = np.zeros(raw.shape, dtype=np.int32)
    for table in range(raw.shape[1]):
        word = raw[:, table].astype(np.uint64) + np.uint64(table << 32)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the finaliser of SplitMix64
            word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
        word ^= word >> np.uint64(31)
        numbers[:, table] = np.where(raw[:, table] == 0, 0, 1 + word % np.uint64(buckets - 1))
    return numbers, (buckets,) * raw.shape[1]


def vocabulary(raw: U32, train: int, min_count: int) -> tuple[I32, tuple[int, ...]]:
    """Return the ids `raw` (n, T) numbered by what the first `train` rows have, and the rows of the tables.

    0 is missing, 1 is seen less than `min_count` times, and from 2 on the most frequent come first.
    """
    numbers, rows = np.zeros(raw.shape, dtype=np.int32), []
    for table in range(raw.shape[1]):
        known, count = np.unique(raw[:train, table], return_counts=True)
        frequent = (count >= min_count) & (known != 0)
        known, count = known[frequent], count[frequent]
        number = np.empty(len(known) + 1, dtype=np.int32)
        number[np.argsort(-count, kind="stable")] = np.arange(2, len(known) + 2)
        place = np.searchsorted(known, raw[:, table])
        same = np.append(known, 0)[place] == raw[:, table]
        numbers[:, table] = np.where(raw[:, table] == 0, 0, np.where(same, number[place], 1))
        rows.append(len(known) + 2)
    return numbers, tuple(rows)


def _fixed_clicks(label: F32, candidates: int | None, clicks: int | None, source: Source) -> I32:
    """Rows of each query, (Q, N): so many clicked and others, drawn without replacement."""
    clicked, others = np.flatnonzero(label > 0), np.flatnonzero(label == 0)
    size = candidates or min(CANDIDATES, len(label) // 2)
    wanted = clicks or max(1, min(CLICKS, len(clicked) // 2, size // 2))
    if not 0 < wanted <= len(clicked) or not 0 < size - wanted <= len(others):
        raise BadInputError(
            f"queries of {size} rows with {wanted} clicks from {len(label)} rows with {len(clicked)} clicks",
            hint="ask for fewer candidates or clicks, or give more rows",
        )
    rng = stream(source.seed, "candidates")
    queries = source.max_queries or QUERIES
    item = np.empty((queries, size), dtype=np.int32)
    for query in range(queries):
        drawn = rng.choice(clicked, wanted, replace=False), rng.choice(others, size - wanted, replace=False)
        item[query] = rng.permutation(np.concatenate(drawn))
    return item


def _consecutive(rows: int, candidates: int | None, queries: int | None) -> I32:
    """Rows of each query, (Q, N): the artifact's blocks of consecutive rows."""
    period = min(rows, ARTIFACT_ROWS)
    size = candidates or min(CANDIDATES, period)
    if not 0 < size <= period:
        raise BadInputError(
            f"queries of {size} consecutive rows from {period}", hint="ask for fewer candidates, or give more rows"
        )
    count = queries or period // size
    return (np.arange(count * size) % period).astype(np.int32).reshape(count, size)


def _queries(ranked: Examples, item: I32) -> Queries:
    queries, size = item.shape
    return Queries(
        first=np.arange(queries + 1, dtype=np.int64) * size,
        item=item.ravel(),
        label=ranked.label[item.ravel()],
        query_dense=np.empty((queries, 0), dtype=np.float32),
        query_ids=np.empty((queries, 0), dtype=np.int32),
        item_dense=ranked.dense,
        item_ids=ranked.ids,
        rows=ranked.rows,
    )


def _check(protocol: str, ids: str, counts: dict[str, int]) -> None:
    for what, value, known in (("protocol", protocol, Protocol), ("ids", ids, Ids)):
        if value not in get_args(known):
            raise BadInputError(f"unknown {what} `{value}` of Criteo", hint=f"one of {', '.join(get_args(known))}")
    for name, count in counts.items():
        if count < 1:
            raise BadInputError(f"{name} is too small", hint="buckets from 2 on, counts and rows from 1 on")

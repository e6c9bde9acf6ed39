"""The quality of any funnel from score tables: each network scores every candidate once, the rest is slicing."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError, usable_cores

__all__ = ["FunnelQuality", "Parts"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Places = NDArray[np.int32] | NDArray[np.uint16]
Inside = NDArray[np.bool_]
Parts = Callable[[int], Sequence[tuple[Sequence[int], Sequence[int]]]]

KEPT_PREFIXES = 16  # a byte a candidate each
RETRIEVED = 0  # number of the order in which candidates come, which is nobody's ranking


class FunnelQuality:
    """NDCG@k of funnels over labelled queries whose candidates every network has scored.

    Q queries with M candidates in all, in CSR layout: candidates of query q are rows `first[q]` to `first[q + 1]`.
    `label` (M,) is their relevance, at least 0, and `scores` holds one array (M,) for each network. Within a query,
    higher scores rank first, and of equal scores the candidate that comes earlier.

    A funnel is `networks` (n_1 .. n_s) and `items` (i_1 .. i_s): the first network scores the first i_1 candidates
    of every query (None: all), its best i_2 go on to the second, and so on; the last network ranks what it gets, and
    its first k are judged against the best order of *all* the query's candidates (see `metrics.ndcg`). A query
    without any positive label has no best order: nan, and left out of means.

    `shares` is for stages that pass candidates on part by part, as their slices are done: it takes how many candidates
    a query has and returns the sizes of each stage's parts, in the order in which candidates come, and how many of its
    best each passes on; no numbers of these: the stage passes on the best of all. `scheduler.lay_out` knows them.

    Raises `BadInputError` for layouts that do not fit, labels below zero, scores that are nan, networks without
    scores, and stages that pass on more than they get. `threads` (absent: one a core) share the work of `means`; what
    they are changes no bit.
    """

    def __init__(
        self,
        first: ArrayLike,
        label: ArrayLike,
        scores: Mapping[str, ArrayLike],
        *,
        k: int = 64,
        threads: int | None = None,
    ) -> None:
        if k < 1:
            raise BadInputError(f"k is {k}: a ranking is judged by its first k, at least 1", hint="10 and 64 are usual")
        self.k = k
        self.threads = usable_cores() if threads is None else threads
        self.first, self.label = _layout(first, label)
        self.networks = tuple(scores)
        self.candidates = int(np.diff(self.first).max())
        kind = np.uint16 if self.candidates <= 1 << 16 else np.int32
        self._order = np.empty((len(scores) + 1, len(self.label)), kind)
        self._rank = np.empty_like(self._order)
        self._order[RETRIEVED] = self._rank[RETRIEVED] = _positions(self.first)
        for number, (name, each) in enumerate(scores.items(), 1):
            _sort(self.first, _checked(name, each, len(self.label)), self._order[number], self._rank[number])
        self._numbers = {name: number for number, name in enumerate(scores, 1)}
        self._discount = 1.0 / np.log2(np.arange(2, k + 2))
        self._ideal = _ideals(self.first, self.label, self._discount)
        self._kept: OrderedDict[tuple[object, ...], Inside] = OrderedDict()

    def __len__(self) -> int:
        return len(self.first) - 1

    def per_query(self, networks: Sequence[str], items: Sequence[int | None], *, shares: Parts | None = None) -> F64:
        """Return NDCG@k of every query, shape (Q,), under the funnel `networks` with `items`."""
        from tailrank.metrics import funnel_kernels

        numbers, counts = self._funnel(networks, items)
        inside, found = self._inside(numbers, counts, shares), np.empty(len(self))
        order = self._order[numbers[-1]]
        funnel_kernels.score(self.first, order, inside, self.label, self._discount, self._ideal, found)
        return found

    def judged(self, network: str, inside: ArrayLike) -> F64:
        """Return NDCG@k of every query, shape (Q,), when `network` ranks those of `inside` (M,), however chosen."""
        from tailrank.metrics import funnel_kernels

        numbers, _ = self._funnel((network,), (None,))
        given, found = np.ascontiguousarray(inside, np.bool_), np.empty(len(self))
        if given.shape != self.label.shape:
            raise BadInputError(
                f"{given.shape} candidates are in or out, and there are {len(self.label)}", hint="say it of each"
            )
        order = self._order[numbers[0]]
        funnel_kernels.score(self.first, order, given, self.label, self._discount, self._ideal, found)
        return found

    def mean(self, networks: Sequence[str], items: Sequence[int | None], *, shares: Parts | None = None) -> float:
        """Return the mean of `per_query` over the queries that have a positive label; nan where none has."""
        found = self.per_query(networks, items, shares=shares)[self._ideal > 0]
        return float(found.mean()) if len(found) else float("nan")

    def means(self, funnels: Sequence[tuple[Sequence[str], Sequence[int | None]]]) -> F64:
        """Return `mean` of many funnels, (networks, items) each, up to rounding; shape (funnels,).

        For thousands of funnels: they share what they begin with, and no candidate is looked at twice.
        """
        asked = [self._funnel(networks, items) for networks, items in funnels]
        if not asked:
            return np.zeros(0)
        from tailrank.metrics.funnel_grid import grid_means
        from tailrank.metrics.grid_kernels import GridTables

        tables = GridTables(self.first, self._order, self._rank, self.label, self._discount, self._ideal)
        return grid_means(tables, asked, self.threads)

    def sweep(self, networks: Sequence[str], items_before: Sequence[int | None] = ()) -> F64:
        """Return the mean NDCG@k for every number of items into the last of `networks`: shape (candidates + 1,).

        `items_before` are the items into the stages before it. The answer at n is `mean(networks, (*items_before, n))`
        up to rounding; at 0 it is 0, and beyond what the stage before gets it stays as it is. One walk down the order
        of the stage before: the last stage's best k are kept as candidates enter one by one.
        """
        from tailrank.metrics import funnel_kernels

        numbers, counts = self._funnel(networks, (*items_before, 1))
        inside, most, before = np.ones(len(self.label), np.bool_), self.candidates, RETRIEVED
        if items_before:
            inside, most, before = self._inside(numbers[:-1], counts[:-1]), counts[-2], numbers[-2]
        order, rank, grown = self._order[before], self._rank[numbers[-1]], np.zeros(self.candidates + 1)
        counted = funnel_kernels.sweep(
            self.first, order, inside, rank, self.label, self._discount, self._ideal, most, grown
        )
        return np.cumsum(grown) / counted if counted else np.full(len(grown), np.nan)

    def ranked(self, networks: Sequence[str], items: Sequence[int | None], query: int, k: int | None = None) -> I64:
        """Return the first `k` (absent: the funnel's own k) candidates of `query`, positions within it, best first."""
        if not 0 <= query < len(self):
            raise BadInputError(f"there is no query {query}", hint=f"queries are numbered 0 to {len(self) - 1}")
        rows = slice(self.first[query], self.first[query + 1])
        numbers, counts = self._funnel(networks, items)
        inside, order = self._inside(numbers, counts)[rows], self._order[numbers[-1], rows]
        ranked: I64 = order[inside[order]][: self.k if k is None else k].astype(np.int64)
        return ranked

    def _funnel(self, networks: Sequence[str], items: Sequence[int | None]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the numbers of the networks, and the items, at most as many as the largest query has; checked."""
        if len(networks) != len(items) or not networks:
            raise BadInputError(
                f"a funnel of {len(networks)} networks cannot have {len(items)} numbers of items",
                hint="give every network the number of items that go into it",
            )
        for name in networks:
            if name not in self._numbers:
                raise BadInputError(f"no scores of network `{name}`", hint=f"known: {', '.join(self.networks)}")
        known = [self.candidates if count is None else count for count in items]
        for number, count in enumerate(known):
            if count < 1:
                raise BadInputError(f"stage {number}: {count} items", hint="a stage gets at least one")
            if number and count > known[number - 1]:
                raise BadInputError(
                    f"stage {number} gets {count} items, but stage {number - 1} before it only {known[number - 1]}",
                    hint="a stage passes on at most what it gets",
                )
        return tuple(self._numbers[name] for name in networks), tuple(min(count, self.candidates) for count in known)

    def _inside(self, networks: tuple[int, ...], items: tuple[int, ...], shares: Parts | None = None) -> Inside:
        """Return who gets into the last of `networks`, shape (M,)."""
        key = networks[:-1], items, shares
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._narrowed(networks, items, shares)
            if len(self._kept) > KEPT_PREFIXES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    def _narrowed(self, networks: tuple[int, ...], items: tuple[int, ...], shares: Parts | None) -> Inside:
        from tailrank.metrics import funnel_kernels

        inside = np.empty(len(self.label), np.bool_)
        if len(items) == 1:
            everyone = np.ones(len(self.label), np.bool_)
            funnel_kernels.narrow(self.first, self._order[RETRIEVED], everyone, items[0], inside)
            return inside
        before = self._inside(networks[:-1], items[:-1], shares)
        order = self._order[networks[-2]]
        parted = _parted(self.first, before, len(networks) - 2, shares) if shares is not None else None
        if parted is None:
            funnel_kernels.narrow(self.first, order, before, items[-1], inside)
        else:
            funnel_kernels.narrow_parts(self.first, order, *parted, inside)
        return inside


def _layout(first: ArrayLike, label: ArrayLike) -> tuple[I64, F32]:
    begins, labels = np.array(first, np.int64), np.array(label, np.float32)  # kernels compile again for files on disk
    if begins.ndim != 1 or labels.ndim != 1 or len(begins) < 2 or begins[0] != 0 or begins[-1] != len(labels):
        raise BadInputError(
            f"queries that begin at {begins.shape} rows do not fit labels of shape {labels.shape}",
            hint="first runs from 0 to the number of candidates, one more entry than queries",
        )
    if np.any(np.diff(begins) < 1):
        raise BadInputError("a query has no candidates, or first decreases", hint="leave queries without any out")
    if not (np.isfinite(labels).all() and (labels >= 0).all()):
        raise BadInputError("labels must be finite and at least 0", hint="shift or clip them; 0 means irrelevant")
    return begins, labels


def _checked(name: str, scores: ArrayLike, rows: int) -> NDArray[np.floating]:
    given = np.asarray(scores)
    if given.shape != (rows,) or given.dtype.kind != "f":
        raise BadInputError(
            f"scores of `{name}` are {given.dtype} of shape {given.shape}, not one for each of {rows} candidates",
            hint="score every candidate with every network",
        )
    if np.isnan(given).any():
        raise BadInputError(f"scores of `{name}` hold nan, which has no rank", hint="score those candidates again")
    return given


def _positions(first: I64) -> I64:
    positions: I64 = np.arange(first[-1]) - np.repeat(first[:-1], np.diff(first))
    return positions


def _sort(first: I64, scores: NDArray[np.floating], order: Places, rank: Places) -> None:
    """Fill in each query's positions by score, higher first, then position; and the inverse."""
    exact = scores.dtype == np.float32
    keys = _keys(np.ascontiguousarray(scores, np.float32)) if exact else -scores
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        places = np.arange(end - begin)
        if exact:
            mine = (np.sort(keys[begin:end] | places.astype(np.uint64)) & np.uint64(0xFFFFFFFF)).astype(np.int64)
        else:
            mine = np.argsort(keys[begin:end], kind="stable")
        order[begin:end] = mine
        rank[begin:end][mine] = places


def _keys(scores: F32) -> NDArray[np.uint64]:
    """Return whole numbers that ascend as `scores` descend, a position fits below: sorted several times faster.

    The bits of floats ascend as they do, but for the sign: negative ones descend. Adding 0 makes -0 the 0 it equals.
    """
    bits = (scores + np.float32(0)).view(np.uint32)
    negative = bits >> np.uint32(31) == 1
    descending = np.where(negative, bits, ~(bits | np.uint32(0x80000000)))
    return descending.astype(np.uint64) << np.uint64(32)


def _ideals(first: I64, label: F32, discount: F64) -> F64:
    """Return DCG@k of the best order of every query, shape (Q,)."""
    ideal = np.empty(len(first) - 1)
    for query, (begin, end) in enumerate(zip(first[:-1].tolist(), first[1:].tolist(), strict=True)):
        best = np.sort(label[begin:end])[::-1][: len(discount)]
        ideal[query] = best.astype(np.float64) @ discount[: len(best)]
    return ideal


def _parted(first: I64, inside: Inside, stage: int, shares: Parts) -> tuple[I32, I64, I64] | None:
    """Return the part of each candidate (-1: not inside), and what the parts of each query pass on, in CSR layout.

    None where the stage does not pass on by parts.
    """
    part, quotas = np.full(len(inside), -1, np.int32), []
    known: dict[int, tuple[I32, I64]] = {}
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        if end - begin not in known:
            sizes, passed = shares(end - begin)[stage]
            numbers = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
            known[end - begin] = numbers, np.array(passed, np.int64)
        numbers, quota = known[end - begin]
        if len(quota) == 0:
            return None
        part[np.flatnonzero(inside[begin:end]) + begin] = numbers
        quotas.append(quota)
    ends = np.cumsum([len(quota) for quota in quotas])
    return part, np.concatenate([[0], ends[:-1]]).astype(np.int64), np.concatenate(quotas)

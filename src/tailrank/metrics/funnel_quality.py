"""The quality of any funnel from score tables: each network scores every candidate once, the rest is slicing."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError

__all__ = ["FunnelQuality", "Parts"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Inside = NDArray[np.bool_]
Parts = Callable[[int, int], tuple[Sequence[int], Sequence[int]]]
"""How a query's candidates are parted: (candidates, keep) -> sizes of the parts in order, and how many each passes on.
"""

KEPT_PREFIXES = 16  # a byte a candidate each
RETRIEVED = ""  # the order in which candidates come, which is nobody's ranking


class _Order(NamedTuple):
    """A network's ranking of all candidates of each query: positions, best first, and the inverse; shape (M,)."""

    order: I32
    rank: I32


class FunnelQuality:
    """NDCG@k of funnels over labelled queries whose candidates every network has scored.

    Q queries with M candidates in all, in CSR layout: candidates of query q are rows `first[q]` to `first[q + 1]`.
    `label` (M,) is their relevance, at least 0, and `scores` holds one array (M,) for each network. Within a query,
    higher scores rank first, and of equal scores the candidate that comes earlier.

    A funnel is `networks` (n_1 .. n_s) and `items` (i_1 .. i_s): the first network scores the first i_1 candidates
    of every query (None: all), its best i_2 go on to the second, and so on; the last network ranks what it gets, and
    its first k are judged against the best order of *all* the query's candidates (see `metrics.ndcg`). A query
    without any positive label has no best order: nan, and left out of means.

    Raises `BadInputError` for layouts that do not fit, labels below zero, scores that are nan, networks without
    scores, and stages that pass on more than they get.
    """

    def __init__(self, first: ArrayLike, label: ArrayLike, scores: Mapping[str, ArrayLike], *, k: int = 64) -> None:
        if k < 1:
            raise BadInputError(f"k is {k}: a ranking is judged by its first k, at least 1", hint="10 and 64 are usual")
        self.k = k
        self.first, self.label = _layout(first, label)
        self.networks = tuple(scores)
        self.candidates = int(np.diff(self.first).max())
        self._orders = {RETRIEVED: _Order(*[_positions(self.first)] * 2)}
        for name, each in scores.items():
            self._orders[name] = _sorted(self.first, _checked(name, each, len(self.label)))
        self._discount = 1.0 / np.log2(np.arange(2, k + 2))
        self._ideal = _ideals(self.first, self.label, self._discount)
        self._kept: OrderedDict[tuple[object, ...], Inside] = OrderedDict()

    def __len__(self) -> int:
        return len(self.first) - 1

    def per_query(
        self, networks: Sequence[str], items: Sequence[int | None], *, shares: Sequence[Parts | None] = ()
    ) -> F64:
        """Return NDCG@k of every query, shape (Q,), under the funnel `networks` with `items`.

        `shares[s]`, where given and not None, says that stage s passes on early: its candidates come in the parts it
        returns, each of which passes on its own best. What goes on is then not quite the best.
        """
        from tailrank.metrics import funnel_kernels

        inside = self._inside(*self._funnel(networks, items), tuple(shares))
        found = np.empty(len(self))
        order = self._orders[networks[-1]].order
        funnel_kernels.score(self.first, order, inside, self.label, self._discount, self._ideal, found)
        return found

    def mean(
        self, networks: Sequence[str], items: Sequence[int | None], *, shares: Sequence[Parts | None] = ()
    ) -> float:
        """Return the mean of `per_query` over the queries that have a positive label; nan where none has."""
        found = self.per_query(networks, items, shares=shares)
        found = found[self._ideal > 0]
        return float(found.mean()) if len(found) else float("nan")

    def sweep(self, networks: Sequence[str], items_before: Sequence[int | None] = ()) -> F64:
        """Return the mean NDCG@k for every number of items into the last of `networks`: shape (candidates + 1,).

        `items_before` are the items into the stages before it. The answer at n is `mean(networks, (*items_before, n))`
        up to rounding; at 0 it is 0, and beyond what the stage before gets it stays as it is. One walk down the order
        of the stage before: the last stage's best k are kept as candidates enter one by one.
        """
        from tailrank.metrics import funnel_kernels

        networks, items = self._funnel(networks, (*items_before, 1))
        last = self._orders[networks[-1]]
        inside = self._inside(networks[:-1], items[:-1]) if items_before else np.ones(len(self.label), np.bool_)
        before = self._orders[networks[-2] if len(networks) > 1 else RETRIEVED].order
        grown = np.zeros(self.candidates + 1)
        most = items[-2] if len(items) > 1 else self.candidates
        counted = funnel_kernels.sweep(
            *(self.first, before, inside, last.rank, self.label, self._discount, self._ideal, most, grown)
        )
        return np.cumsum(grown) / counted if counted else np.full(len(grown), np.nan)

    def means(self, funnels: Iterable[tuple[Sequence[str], Sequence[int | None]]]) -> F64:
        """Return `mean` of many funnels, (networks, items) each, shape (funnels,): a sweep for those alike but in
        their last number of items.
        """
        asked = [self._funnel(networks, items) for networks, items in funnels]
        alike: dict[tuple[object, ...], list[int]] = {}
        for number, (networks, items) in enumerate(asked):
            alike.setdefault((networks, items[:-1]), []).append(number)
        found = np.empty(len(asked))
        for group in alike.values():
            networks, items = asked[group[0]]
            swept = self.sweep(networks, items[:-1])
            found[group] = swept[[asked[number][1][-1] for number in group]]
        return found

    def ranked(self, networks: Sequence[str], items: Sequence[int | None], query: int, k: int | None = None) -> I64:
        """Return the first `k` (absent: the funnel's own k) candidates of `query`, positions within it, best first."""
        if not 0 <= query < len(self):
            raise BadInputError(f"there is no query {query}", hint=f"queries are numbered 0 to {len(self) - 1}")
        rows = slice(self.first[query], self.first[query + 1])
        inside = self._inside(*self._funnel(networks, items))[rows]
        order = self._orders[networks[-1]].order[rows]
        ranked: I64 = order[inside[order]][: self.k if k is None else k].astype(np.int64)
        return ranked

    def _funnel(self, networks: Sequence[str], items: Sequence[int | None]) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the funnel, checked; items are at most as many as the largest query has."""
        if len(networks) != len(items) or not networks:
            raise BadInputError(
                f"a funnel of {len(networks)} networks cannot have {len(items)} numbers of items",
                hint="give every network the number of items that go into it",
            )
        for name in networks:
            if name not in self._orders or name == RETRIEVED:
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
        return tuple(networks), tuple(min(count, self.candidates) for count in known)

    def _inside(
        self, networks: tuple[str, ...], items: tuple[int, ...], shares: tuple[Parts | None, ...] = ()
    ) -> Inside:
        """Return who gets into the last of `networks`, shape (M,)."""
        key = networks[:-1], items, shares[: len(networks) - 1]
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._narrowed(networks, items, shares)
            if len(self._kept) > KEPT_PREFIXES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    def _narrowed(self, networks: tuple[str, ...], items: tuple[int, ...], shares: tuple[Parts | None, ...]) -> Inside:
        from tailrank.metrics import funnel_kernels

        inside = np.empty(len(self.label), np.bool_)
        if len(items) == 1:
            everyone = np.ones(len(self.label), np.bool_)
            funnel_kernels.narrow(self.first, self._orders[RETRIEVED].order, everyone, items[0], inside)
            return inside
        before = self._inside(networks[:-1], items[:-1], shares)
        order = self._orders[networks[-2]].order
        parts = shares[len(networks) - 2] if len(networks) - 2 < len(shares) else None
        if parts is None:
            funnel_kernels.narrow(self.first, order, before, items[-1], inside)
            return inside
        part, quota_first, quota = _parted(self.first, before, items[-1], parts)
        funnel_kernels.narrow_parts(self.first, order, part, quota_first, quota, inside)
        return inside


def _layout(first: ArrayLike, label: ArrayLike) -> tuple[I64, F32]:
    begins, labels = np.ascontiguousarray(first, np.int64), np.ascontiguousarray(label, np.float32)
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
    if name == RETRIEVED or given.shape != (rows,) or given.dtype.kind != "f":
        raise BadInputError(
            f"scores of `{name}` are {given.dtype} of shape {given.shape}, not one for each of {rows} candidates",
            hint="score every candidate with every network",
        )
    if np.isnan(given).any():
        raise BadInputError(f"scores of `{name}` hold nan, which has no rank", hint="score those candidates again")
    return given


def _positions(first: I64) -> I32:
    positions: I32 = (np.arange(first[-1]) - np.repeat(first[:-1], np.diff(first))).astype(np.int32)
    return positions


def _sorted(first: I64, scores: NDArray[np.floating]) -> _Order:
    """Sort each query's candidates by score, higher first, then position."""
    order, rank = np.empty(len(scores), np.int32), np.empty(len(scores), np.int32)
    exact = scores.dtype == np.float32
    keys = _keys(np.ascontiguousarray(scores)) if exact else -scores
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        if exact:
            places = np.arange(end - begin, dtype=np.uint64)
            mine = (np.sort(keys[begin:end] | places) & np.uint64(0xFFFFFFFF)).astype(np.int32)
        else:
            mine = np.argsort(keys[begin:end], kind="stable").astype(np.int32)
        order[begin:end] = mine
        rank[begin:end][mine] = np.arange(end - begin, dtype=np.int32)
    return _Order(order, rank)


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


def _parted(first: I64, inside: Inside, keep: int, parts: Parts) -> tuple[I32, I64, I64]:
    """Return the part of each candidate (-1: not inside), and what the parts of each query pass on, in CSR layout."""
    part, quotas, known = np.full(len(inside), -1, np.int32), [], {}
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        mine = np.flatnonzero(inside[begin:end]) + begin
        if len(mine) not in known:
            sizes, passed = parts(len(mine), min(keep, len(mine)))
            known[len(mine)] = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), np.array(passed, np.int64)
        part[mine], quota = known[len(mine)]
        quotas.append(quota)
    ends = np.cumsum([len(quota) for quota in quotas])
    return part, np.concatenate([[0], ends[:-1]]).astype(np.int64), np.concatenate(quotas)

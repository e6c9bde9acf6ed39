"""How SRAM is best split between the row caches of two stages: figure 10c of RecPipe, its method and ours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.accelerator.memory.accesses import Numbered, number
from tailrank.accelerator.memory.caches import Policy, fifo_hits, lru_curve, static_curve
from tailrank.core import BadInputError, Config, stream
from tailrank.workload import Zipf

__all__ = [
    "CORRECTED_SPLIT",
    "KEEP_RATIOS",
    "RELEASED_SPLIT",
    "SHARES",
    "SplitCurve",
    "SplitMethod",
    "split_curve",
    "split_curves",
    "zipf_ids",
]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

LINE_BYTES = 128
COPIES = 4
HIT_CYCLES, MISS_CYCLES = 1.0, 100.0  # of the artifact's AMAT, h + 100 (1 - h)
KEEP_RATIOS = (1 / 4, 1 / 5, 1 / 8, 1 / 10, 1 / 16)
SHARES = (0.0, 0.01, 0.03, 0.05, 0.07, 0.09, *(tenth / 10 for tenth in range(1, 10)), 0.91, 0.93, 0.95, 0.97, 0.99, 1.0)
"""Shares of capacity for the first stage that the artifact tries."""


class SplitMethod(Config, frozen=True, kw_only=True):
    """How hit rates are found; every difference between the artifact and us is a field.

    - `policy`: what a cache drops; the artifact's, in a file named after LRU, is FIFO. A static cache is trained on
      the accesses that are not measured.
    - `replay`: the second stage reads the *first* samples of the first stage's stream, as many as it keeps; else a
      random choice of them, in order.
    - `line_per_vector`: each vector takes a line of 128 bytes, also those of 16; else what it is long.
    - `same_trace`: the whole trace warms the caches up and is then measured; else the first half does, and the second
      is measured.
    - `copies`: each table stands for four, with the same ids.
    """

    policy: Policy = "lru"
    replay: bool = False
    line_per_vector: bool = False
    same_trace: bool = False
    copies: bool = False


CORRECTED_SPLIT = SplitMethod()
RELEASED_SPLIT = SplitMethod(policy="fifo", replay=True, line_per_vector=True, same_trace=True, copies=True)


@dataclass(frozen=True)
class SplitCurve:
    """Bytes hit per byte read, `hit_rate` (C, X), with `capacities_bytes` (C,) of which `shares` (X,) are stage 1's.

    `front_rate` (C, X) is that of stage 1 alone.
    """

    keep: float
    capacities_bytes: tuple[int, ...]
    shares: tuple[float, ...]
    hit_rate: F64
    front_rate: F64

    @property
    def amat(self) -> F64:
        """Average cycles of an access, (C, X): 1 for what hits, 100 for what does not, by bytes."""
        found: F64 = HIT_CYCLES * self.hit_rate + MISS_CYCLES * (1 - self.hit_rate)
        return found

    @property
    def best_share(self) -> F64:
        """The first stage's share with the lowest AMAT, (C,); of equal ones the middle one."""
        low = self.amat.min(axis=1, keepdims=True)
        places = [np.flatnonzero(np.isclose(row, least)) for row, least in zip(self.amat, low, strict=True)]
        return np.array([self.shares[place[len(place) // 2]] for place in places])


def split_curve(
    ids: ArrayLike,
    *,
    keep: float,
    capacities_bytes: Sequence[int],
    shares: Sequence[float] = SHARES,
    method: SplitMethod = CORRECTED_SPLIT,
    front_bytes: int = 16,
    back_bytes: int = 128,
    seed: int = 0,
) -> SplitCurve:
    """Return the hit rates of two private caches that divide `capacities_bytes`, for each share of the first stage.

    See `split_curves`, of which this is one.
    """
    (found,) = split_curves(
        ids,
        keeps=(keep,),
        capacities_bytes=capacities_bytes,
        shares=shares,
        method=method,
        front_bytes=front_bytes,
        back_bytes=back_bytes,
        seed=seed,
    )
    return found


def split_curves(
    ids: ArrayLike,
    *,
    keeps: Sequence[float] = KEEP_RATIOS,
    capacities_bytes: Sequence[int],
    shares: Sequence[float] = SHARES,
    method: SplitMethod = CORRECTED_SPLIT,
    front_bytes: int = 16,
    back_bytes: int = 128,
    seed: int = 0,
) -> tuple[SplitCurve, ...]:
    """Return a `SplitCurve` for each of `keeps`.

    `ids` (samples, tables) are the rows that each sample looks up, one a table, every table with ids of its own. The
    first stage reads all samples, vectors of `front_bytes`; the second a share `keep` of them, vectors of `back_bytes`.
    Raises `BadInputError` for shares outside [0, 1], a `keep` outside (0, 1], or too few samples.
    """
    given = np.asarray(ids)
    _check(given, keeps, capacities_bytes, shares, front_bytes, back_bytes)
    capacity, share = np.array(capacities_bytes)[:, None], np.array(shares)[None, :]

    def stage(samples: NDArray[np.integer], size: int, part: F64) -> tuple[F64, int]:
        """Return the bytes that a stage finds, (C, X), and those it reads."""
        entry = LINE_BYTES if method.line_per_vector else size
        entries = np.floor(capacity * part / entry + 1e-9).astype(np.int64)
        hits, accesses = _hits(samples, entries, method)
        return hits.astype(np.float64) * size, accesses * size

    front, front_read = stage(given, front_bytes, share)
    found = []
    for keep in keeps:
        back, back_read = stage(given[_kept(len(given), keep, method, seed)], back_bytes, 1 - share)
        rate = (front + back) / (front_read + back_read)
        found.append(SplitCurve(keep, tuple(capacities_bytes), tuple(shares), rate, front / front_read))
    return tuple(found)


def zipf_ids(samples: int, *, rows: Sequence[int] = (1_000_000,) * 5, exponent: float = 1.0, seed: int = 0) -> I64:
    """Return ids (samples, tables) of independent Zipf accesses to tables of `rows`: a stand-in for a recorded trace.

    With 200,000 samples and the defaults, a stage alone with all capacity hits as with the artifact's trace, which is
    not public, within two points from 1 to 16 MB.
    """
    law = Zipf(exponent=exponent)
    return np.stack(
        [law.draw(count, samples, stream(seed, "split", table)) for table, count in enumerate(rows)], axis=1
    )


def _check(
    ids: NDArray[np.generic],
    keeps: Sequence[float],
    capacities_bytes: Sequence[int],
    shares: Sequence[float],
    *sizes: int,
) -> None:
    if ids.ndim != 2 or ids.dtype.kind not in "iu" or ids.size == 0:
        raise BadInputError(
            f"ids of {ids.dtype} {ids.shape} are no samples of a row a table",
            hint="give whole numbers of shape (samples, tables)",
        )
    if not all(0 < keep <= 1 and round(len(ids) * keep) >= 2 for keep in keeps):
        raise BadInputError(
            f"cannot keep {list(keeps)} of {len(ids)} samples",
            hint="shares above 0 and at most 1, two samples at least",
        )
    if not all(0 <= share <= 1 for share in shares) or min(*capacities_bytes, *sizes, 1) < 1:
        raise BadInputError(
            f"shares {list(shares)}, capacities {list(capacities_bytes)}, vectors of {list(sizes)} bytes",
            hint="shares from 0 to 1, capacities and vectors of at least a byte",
        )


def _kept(samples: int, keep: float, method: SplitMethod, seed: int) -> I64:
    count = round(samples * keep)
    if method.replay:
        return np.arange(count)
    return np.sort(stream(seed, "kept samples").permutation(samples)[:count])


def _hits(samples: NDArray[np.integer], entries: I64, method: SplitMethod) -> tuple[I64, int]:
    """Return the hits of caches of `entries`, any shape, and the accesses they are among."""
    trace = _trace(samples, method)
    begin = len(trace.ids) // 2
    if method.policy == "lru":
        curve = lru_curve(trace, measured_from=begin)
    elif method.policy == "static":
        curve = static_curve(trace, trained_on=begin)
    else:
        capacities, place = np.unique(entries, return_inverse=True)
        hits = fifo_hits(trace, capacities.tolist(), measured_from=begin)
        return hits[place].reshape(entries.shape), len(trace.ids) - begin
    return curve.at(entries), curve.accesses


def _trace(samples: NDArray[np.integer], method: SplitMethod) -> Numbered:
    """Return the accesses of `samples`, table by table within a sample; the second half is to be measured."""
    columns = [number(np.ascontiguousarray(column)) for column in samples.T]
    upto = np.cumsum([0, *(column.rows for column in columns)])
    keys = np.stack([column.ids + begin for column, begin in zip(columns, upto[:-1], strict=True)], axis=1)
    if method.copies:
        keys = np.concatenate([keys + copy * upto[-1] for copy in range(COPIES)], axis=1)
    flat = np.tile(keys.ravel(), 2) if method.same_trace else keys.ravel()
    return number(flat)

"""What figure 10c of RecPipe says of any trace: its orderings, checked on curves of ours."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tailrank.accelerator.memory.split import SplitCurve
from tailrank.core import BadInputError

__all__ = ["LOGGED_AMAT", "LOGGED_BEST_SHARE", "LOGGED_FRONT_RATE", "Ordering", "split_orderings"]

MIB = 2**20
LOGGED_BEST_SHARE = {1 / 4: 0.3, 1 / 5: 0.4, 1 / 8: 0.5, 1 / 10: 0.55, 1 / 16: 0.7}
"""The best share of stage 1 by keep ratio, from the artifact's 735 result files."""
LOGGED_AMAT = {4 * MIB: 65.6, 12 * MIB: 56.0, 16 * MIB: 53.7}
"""Its AMAT at the best share by capacity, keep ratio 1/8."""
LOGGED_FRONT_RATE = {1: 0.283, 2: 0.347, 4: 0.409, 6: 0.444, 8: 0.468, 12: 0.501, 16: 0.523}
"""Its hit rate of stage 1 with all capacity, by MB."""
SYMMETRIC_CYCLES = 1.0
POINTS_PER_DOUBLING = (4.0, 8.0)


class Ordering(NamedTuple):
    """One claim: what the artifact logged, what was found here, and whether it holds."""

    claim: str
    logged: str
    found: str
    holds: bool


def split_orderings(curves: Sequence[SplitCurve]) -> list[Ordering]:
    """Check the orderings on `curves` of one method, with the same capacities and shares, one a keep ratio.

    Raises `BadInputError` where the curves lack what the claims are about: keep ratio 1/8, several others, capacities
    of which one is twice another, all shares with their mirror images.
    """
    by_keep = {curve.keep: curve for curve in curves}
    eighth = by_keep.get(1 / 8)
    if eighth is None or len(by_keep) < 2 or len(eighth.capacities_bytes) < 2 or eighth.shares[-1] != 1:
        raise BadInputError("the orderings need keep ratio 1/8 and another, and capacities", hint="use the defaults")
    return [_moves(by_keep), _falls(eighth), _symmetric(eighth), _grows(eighth)]


def _moves(by_keep: dict[float, SplitCurve]) -> Ordering:
    keeps = sorted(by_keep, reverse=True)
    best = np.array([by_keep[keep].best_share for keep in keeps])  # (keeps, capacities)
    holds = bool((np.diff(best, axis=0) >= 0).all() and (best[-1] > best[0]).all())
    medians = np.median(best, axis=1)
    return Ordering(
        "the best share for stage 1 grows as fewer items are kept",
        ", ".join(f"1/{1 / keep:.0f}: {share:g}" for keep, share in LOGGED_BEST_SHARE.items()),
        ", ".join(f"1/{1 / keep:.0f}: {share:g}" for keep, share in zip(keeps, medians, strict=True)),
        holds,
    )


def _falls(eighth: SplitCurve) -> Ordering:
    least = eighth.amat.min(axis=1)
    return Ordering(
        "more capacity lowers AMAT at the best share",
        ", ".join(f"{size // MIB} MB: {amat}" for size, amat in LOGGED_AMAT.items()),
        ", ".join(f"{size / MIB:g} MB: {amat:.1f}" for size, amat in zip(eighth.capacities_bytes, least, strict=True)),
        bool((np.diff(least[np.argsort(eighth.capacities_bytes)]) < 0).all()),
    )


def _symmetric(eighth: SplitCurve) -> Ordering:
    mirror = [
        place
        for place, share in enumerate(eighth.shares)
        if any(np.isclose(1 - share, other) for other in eighth.shares)
    ]
    opposite = [int(np.argmin(np.abs(np.array(eighth.shares) - (1 - eighth.shares[place])))) for place in mirror]
    apart = float(np.abs(eighth.amat[:, mirror] - eighth.amat[:, opposite]).max())
    return Ordering(
        "at 1/8, where both stages read as many bytes, the curve is symmetric",
        "within 0.1 cycles",
        f"within {apart:.1f} cycles",
        apart <= SYMMETRIC_CYCLES,
    )


def _grows(eighth: SplitCurve) -> Ordering:
    rates = {size: 100 * rate for size, rate in zip(eighth.capacities_bytes, eighth.front_rate[:, -1], strict=True)}
    gains = [rates[2 * size] - rate for size, rate in rates.items() if 2 * size in rates and size < 8 * MIB]
    low, high = POINTS_PER_DOUBLING
    return Ordering(
        "each doubling from 1 to 8 MB adds about 6 points to the hit rate of stage 1 with all of it",
        "6.4, 6.2, 5.9",
        ", ".join(f"{gain:.1f}" for gain in gains),
        bool(gains) and all(low <= gain <= high for gain in gains),
    )

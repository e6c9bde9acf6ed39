"""Figure 10c of RecPipe on a stand-in for its trace, with the logged values beside."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tailrank.accelerator.memory.orderings import (
    LOGGED_AMAT,
    LOGGED_BEST_SHARE,
    LOGGED_FRONT_RATE,
    Ordering,
    split_orderings,
)
from tailrank.accelerator.memory.split import RELEASED_SPLIT, SplitCurve, SplitMethod, split_curves, zipf_ids

__all__ = ["CAPACITIES_BYTES", "STAND_IN", "Figure10c", "figure_10c"]

MIB = 2**20
CAPACITIES_BYTES = tuple(mib * MIB for mib in (1, 2, 4, 6, 8, 12, 16))
"""Capacities of the figure."""
STAND_IN = "five tables of a million rows, Zipf with exponent 1, in place of the artifact's trace"
SAMPLES = 200_000
HALVED_SAMPLES = 1_000_000  # where half of them only warm up: the more so that few measured rows are new


@dataclass(frozen=True)
class Figure10c:
    """The figure by one method: a curve a keep ratio, and whether its orderings (check C15) hold."""

    source: str
    method: SplitMethod
    curves: tuple[SplitCurve, ...]
    orderings: tuple[Ordering, ...]

    @property
    def holds(self) -> bool:
        """Whether all orderings do."""
        return all(each.holds for each in self.orderings)

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        eighth = next(curve for curve in self.curves if curve.keep == 1 / 8)
        best = ", ".join(f"{np.median(curve.best_share):g}" for curve in self.curves)
        least = dict(zip(eighth.capacities_bytes, eighth.amat.min(axis=1), strict=True))
        known = [size for size in LOGGED_AMAT if size in least]
        ours = ", ".join(f"{least[size]:.1f}" for size in known)
        logged = ", ".join(f"{LOGGED_AMAT[size]}" for size in known)
        failing = [each.claim for each in self.orderings if not each.holds]
        words = f"best shares {best}; AMAT {ours} cycles (logged {logged}) at {_mib(known)} MB; {self.source}"
        return f"does not hold: {'; '.join(failing)}. {words}" if failing else words

    def rows(self) -> list[dict[str, Any]]:
        """Return a row a keep ratio and capacity: best share, AMAT there, stage 1 alone, logged values or None."""
        return [
            {
                "keep": curve.keep,
                "capacity_bytes": size,
                "best_share": float(curve.best_share[place]),
                "amat": float(curve.amat[place].min()),
                "front_rate": float(curve.front_rate[place, -1]),
                "logged_best_share": LOGGED_BEST_SHARE.get(curve.keep),
                "logged_amat": LOGGED_AMAT.get(size) if curve.keep == 1 / 8 else None,
                "logged_front_rate": LOGGED_FRONT_RATE.get(size // MIB),
            }
            for curve in self.curves
            for place, size in enumerate(curve.capacities_bytes)
        ]


def figure_10c(
    ids: ArrayLike | None = None, *, source: str = "a given trace", method: SplitMethod = RELEASED_SPLIT, seed: int = 0
) -> Figure10c:
    """Return figure 10c of `ids` (samples, tables), see `split_curves`, from `source`; absent: of the stand-in.

    The released method takes some four seconds of processor time on the stand-in, ours one to two.
    """
    samples = SAMPLES if method.same_trace else HALVED_SAMPLES
    given = zipf_ids(samples, seed=seed) if ids is None else ids
    curves = split_curves(given, capacities_bytes=CAPACITIES_BYTES, method=method, seed=seed)
    return Figure10c(
        f"{samples:,} samples of {STAND_IN}" if ids is None else source, method, curves, tuple(split_orderings(curves))
    )


def _mib(sizes: list[int]) -> str:
    return ", ".join(str(size // MIB) for size in sizes)

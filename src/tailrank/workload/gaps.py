"""Are these arrivals Poisson? The check that the originals' load generators fail."""

from dataclasses import dataclass

import numpy as np

from tailrank.core import BadInputError, Trace

__all__ = ["GapCheck", "gap_check"]


@dataclass(frozen=True)
class GapCheck:
    """Gaps of a trace: coefficient of variation and a Kolmogorov-Smirnov test against the exponential.

    A Poisson process has `cv` 1 and a `ks_p` that is uniform on 0 to 1; `gaps` counts the gaps looked at.
    """

    cv: float
    ks_statistic: float
    ks_p: float
    gaps: int


def gap_check(trace: Trace, qps: float) -> GapCheck:
    """Test the gaps of `trace` (the first counts from time 0) against a Poisson process of `qps` a second.

    Give the rate that was *asked for*: then nothing is estimated from the sample and the p-value needs no
    Lilliefors correction. A trace that was stretched to an exact rate (`Trace.at_rate`, a replay) fits its own
    mean too well, and its p-value errs towards Poisson. The p-value is Kolmogorov's limit with Stephens'
    correction for finite samples. Gaps are whole nanoseconds: above some 1e7 queries a second ties show.
    """
    from scipy.special import kolmogorov

    gaps = len(trace)
    if gaps < 2 or not qps > 0:
        raise BadInputError(
            f"a gap check needs two queries and a rate above zero, not {gaps} and {qps:g}", hint="ask for more queries"
        )
    gap_s = np.sort(np.diff(trace.arrival_ns, prepend=0)) / 1e9
    below = -np.expm1(-gap_s * qps)
    steps = np.arange(gaps + 1) / gaps
    statistic = float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))
    root = np.sqrt(gaps)
    mean = float(gap_s.mean())
    return GapCheck(
        cv=float(gap_s.std()) / mean if mean > 0 else 0.0,
        ks_statistic=statistic,
        ks_p=float(kolmogorov(statistic * (root + 0.12 + 0.11 / root))),
        gaps=gaps,
    )

"""The SLA target: a latency at a percentile that must hold."""

import math

from tailrank.core import BadInputError, Config

__all__ = ["SLATarget"]


class SLATarget(Config, frozen=True, kw_only=True):
    """At least `percentile` per cent of the queries finish within `latency_ms` of their scheduled arrival."""

    latency_ms: float
    percentile: float = 95.0

    def __post_init__(self) -> None:
        if not 0 < self.percentile < 100:
            raise BadInputError(
                f"percentile must lie between 0 and 100 (both excluded), not {self.percentile:g}",
                hint="95 and 99 are the usual targets",
            )
        if not (self.latency_ms > 0 and math.isfinite(self.latency_ms)):
            raise BadInputError(
                f"latency_ms must be a finite number above zero, not {self.latency_ms:g}",
                hint="give the target latency in milliseconds",
            )

    def __str__(self) -> str:
        return f"p{self.percentile:g} <= {self.latency_ms:g} ms"

    @property
    def latency_ns(self) -> int:
        """The target latency in nanoseconds."""
        return round(self.latency_ms * 1e6)

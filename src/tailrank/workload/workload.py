"""The workload: when queries come, how large they are, which rows they look up."""

import math

from tailrank.core import BadInputError, Config, Trace, stream
from tailrank.workload.accesses import ReplayAccess, Uniform, Zipf
from tailrank.workload.arrivals import Bursty, Diurnal, Paper, Poisson
from tailrank.workload.replay import Replay
from tailrank.workload.sizes import Empirical, Fixed, LogNormal, MLPerf, Normal, Production
from tailrank.workload.stack_distance import StackDistance

__all__ = ["Accesses", "Arrivals", "Sizes", "Workload"]

Arrivals = Poisson | Diurnal | Bursty | Replay | Paper
Sizes = Fixed | LogNormal | Normal | Production | MLPerf | Empirical
Accesses = Uniform | Zipf | StackDistance | ReplayAccess


class Workload(Config, frozen=True, kw_only=True):
    """Traffic of a ranking system. The default is Poisson arrivals, production-like sizes, uniform accesses."""

    arrivals: Arrivals = Poisson()
    sizes: Sizes = Production()
    accesses: Accesses = Uniform()

    def trace(self, queries: int, qps: float, seed: int, *, replication: int = 0) -> Trace:
        """Return `queries` queries offered at `qps` a second: same arguments, same bits.

        Arrivals and sizes are independent streams of `seed`, and so are replications. Sizes do not depend on
        `qps` at all, and arrivals only by being stretched (save for kind `paper`).
        """
        if queries < 1:
            raise BadInputError(f"a trace needs at least one query, not {queries}", hint="2000 is a good start")
        if not (qps > 0 and math.isfinite(qps)):
            raise BadInputError(f"offered load must be a finite number above zero, not {qps:g}", hint="give qps")
        return Trace(
            self.arrivals.draw(queries, qps, stream(seed, "arrivals", replication)),
            self.sizes.draw(queries, stream(seed, "sizes", replication)),
        )

    def describe(self) -> str:
        """One line for a report."""
        return "; ".join(part.describe() for part in (self.arrivals, self.sizes, self.accesses))

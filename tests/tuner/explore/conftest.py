from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tailrank.core import Plan, Pool, stream
from tailrank.metrics import SLATarget
from tailrank.metrics.funnel_quality import FunnelQuality
from tailrank.scheduler import lay_out
from tailrank.timing import LinearTime
from tailrank.tuner.explore import Asked, Bench, Explorer, Funnel, Space, default_space

QUERIES, CANDIDATES = 40, 256
NOISE = {"small": 1.5, "medium": 0.8, "large": 0.3}
ITEM_US = {"small": 1.0, "medium": 4.0, "large": 20.0}


class Rated:
    """Quality of funnels over random score tables whose networks see a planted truth through less and less noise."""

    def __init__(self, seed: int = 1) -> None:
        rng = stream(seed, "planted")
        truth = rng.normal(size=QUERIES * CANDIDATES)
        scores = {
            name: (truth + noise * rng.normal(size=len(truth))).astype(np.float32) for name, noise in NOISE.items()
        }
        first = np.arange(QUERIES + 1) * CANDIDATES
        self.funnels = FunnelQuality(first, (truth > 1.5).astype(np.float32), scores, k=16)

    def means(self, funnels: Sequence[Funnel]) -> NDArray[np.float64]:
        return self.funnels.means(funnels)

    def mean_of_shares(self, funnel: Funnel, plan: Plan) -> float:
        return self.funnels.mean(
            *funnel, shares=lambda size: [(parts.size, parts.gives) for parts in lay_out(plan, size)]
        )


@pytest.fixture(scope="session")
def rated() -> Rated:
    return Rated()


@pytest.fixture(scope="session")
def services() -> Mapping[tuple[str, str], LinearTime]:
    return {(name, "cpu"): LinearTime(20e3, 1e3 * us) for name, us in ITEM_US.items()}


@pytest.fixture(scope="session")
def space() -> Space:
    """A small space: every plan of it can be simulated."""
    return Space(
        networks=tuple(NOISE),
        take=(CANDIDATES, CANDIDATES // 2),
        keep=(160, 96, 48, 24),
        results=16,
        batch_sizes=(32, 128),
        pools={"cpu": Pool(workers=3)},
    )


@pytest.fixture(scope="session")
def made() -> Callable[..., Space]:
    """Make the default space of the planted data."""

    def make(workers: int = 2) -> Space:
        return default_space(tuple(NOISE), [CANDIDATES] * QUERIES, {"cpu": Pool(workers=workers)}, results=16)

    return make


@pytest.fixture(scope="session")
def explorer_of(rated: Rated, services: Mapping[tuple[str, str], LinearTime]) -> Callable[..., Explorer]:
    """Make an explorer of a space."""

    def make(space: Space, *, latency_ms: float = 20.0, **asked: object) -> Explorer:
        sizes = np.full(QUERIES, CANDIDATES)
        bench = Bench(space, services, sizes, SLATarget(latency_ms=latency_ms), seed=3)
        return Explorer(bench, rated, Asked(**asked))  # type: ignore[arg-type]

    return make

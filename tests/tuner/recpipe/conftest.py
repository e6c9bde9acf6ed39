"""Planted score tables: three networks that see the true relevance ever better."""

import numpy as np
import pytest

from tailrank.core import stream
from tailrank.datasets.score_tables import ScoreTables

NOISE = {"rm-small": 1.5, "rm-med": 1.0, "rm-large": 0.5}


def planted(queries: int, candidates: int, seed: int = 1) -> ScoreTables:
    truth = stream(seed, "truth").standard_normal((queries, candidates))
    label = (truth > np.quantile(truth, 0.9, axis=1, keepdims=True)).astype(np.float32)
    scores = {
        name: (truth + noise * stream(seed, name).standard_normal(truth.shape)).astype(np.float32).ravel()
        for name, noise in NOISE.items()
    }
    first = np.arange(queries + 1, dtype=np.int64) * candidates
    return ScoreTables(first, np.arange(label.size, dtype=np.int32), label.ravel(), scores)


@pytest.fixture(scope="session")
def tables() -> ScoreTables:
    return planted(40, 1024)

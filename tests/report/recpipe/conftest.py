"""A document of the study, small and quick, as the command makes it."""

from typing import Any

import numpy as np
import pytest

from tailrank.core import stream
from tailrank.datasets.score_tables import ScoreTables
from tailrank.tuner.recpipe import QUICK, modern, study


def planted(queries: int, candidates: int) -> ScoreTables:
    truth = stream(1, "truth").standard_normal((queries, candidates))
    label = (truth > np.quantile(truth, 0.9, axis=1, keepdims=True)).astype(np.float32)
    scores = {
        name: (truth + noise * stream(1, name).standard_normal(truth.shape)).astype(np.float32).ravel()
        for name, noise in (("rm-small", 1.5), ("rm-med", 1.0), ("rm-large", 0.5))
    }
    first = np.arange(queries + 1, dtype=np.int64) * candidates
    return ScoreTables(first, np.arange(label.size, dtype=np.int32), label.ravel(), scores)


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    kept = tuple(each for each in modern.cases() if each.gpu in ("", "t4"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modern, "cases", lambda: kept)
        patch.setattr(modern, "QUERIES", 1500)
        patch.setattr(modern, "REPETITIONS", 1)
        found = study({"synthetic": planted(20, 4096)}, seed=1, effort=QUICK)
    training = {name: {"hold_out": -0.4} for name in ("rm-small", "rm-med", "rm-large")}
    about = {"schema": 1, "command": "tailrank reproduce recpipe --seed 1", "seed": 1, "quick": False, "seconds": 1.0}
    return {**about, "versions": {}, "made_at": "now", "data": {"synthetic": {"training": training}}, **found}

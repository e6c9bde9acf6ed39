"""Two walks to the same ranking: the engine's answers are those that `FunnelQuality` computes from the score tables."""

from typing import Any

import numpy as np
import pytest

from tailrank.core import Plan, Pool, Stage, Trace
from tailrank.engine import Engine
from tailrank.metrics import FunnelQuality, ndcg_of_order
from tailrank.scheduler import lay_out

SIZES = [1, 700, 33, 250, 64, 512]
FIRST = np.cumsum([0, *SIZES])
K, TAKE, SOME, FEW = 10, 500, 90, 30


class Table:
    """Scores that are known; few different ones, so that ties are everywhere."""

    def __init__(self, seed: int) -> None:
        self.scores = np.random.default_rng(seed).integers(0, 12, FIRST[-1]).astype(np.float32)
        self.rows = len(self.scores)

    def prepare(self) -> None:
        pass

    def score(self, first: int, stop: int) -> Any:
        return self.scores[first:stop]

    def score_rows(self, rows: Any) -> Any:
        return self.scores[rows]


@pytest.mark.parametrize("feeds", [("whole", "whole"), ("exact", "whole"), ("share", "whole"), ("share", "share")])
@pytest.mark.parametrize("batch", [17, 64, 1000])
def test_the_engine_answers_what_the_tables_say(feeds: tuple[Any, Any], batch: int) -> None:
    tables = {name: Table(seed) for seed, name in enumerate("abc")}
    plan = Plan(
        stages=(
            Stage(model="a", batch_size=batch, keep=SOME, feed=feeds[0], pool="x"),
            Stage(model="b", batch_size=max(1, batch // 3), keep=FEW, feed=feeds[1], pool="y"),
            Stage(model="c", batch_size=8, pool="y"),
        ),
        pools={"x": Pool(workers=2), "y": Pool(workers=2)},
        take=TAKE,
    )
    trace = Trace(np.arange(len(SIZES)) * 100_000, np.array(SIZES))
    _, answers = Engine(tables, crew="threads").serve_scored(trace, plan, starts=FIRST[:-1])
    label = np.random.default_rng(9).integers(0, 3, FIRST[-1]).astype(np.float32)
    quality = FunnelQuality(FIRST, label, {name: table.scores for name, table in tables.items()}, k=K)
    funnel = tuple("abc"), (TAKE, SOME, FEW)

    def shares(size: int) -> list[Any]:
        parts = zip(lay_out(plan, size), plan.stages, strict=True)
        return [(each.size, each.gives if stage.feed == "share" else ()) for each, stage in parts]

    ndcg = quality.per_query(*funnel, shares=shares)
    for query, answer in enumerate(answers):
        rows = slice(FIRST[query], FIRST[query + 1])
        np.testing.assert_array_equal(answer.scores, tables["c"].scores[rows][answer.candidates])
        found = float(ndcg_of_order(label[rows], answer.candidates, K))
        assert found == pytest.approx(ndcg[query], abs=1e-12, rel=0, nan_ok=True)
        if "share" not in feeds:
            np.testing.assert_array_equal(answer.candidates, quality.ranked(*funnel, query, k=FEW))

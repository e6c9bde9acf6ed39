import numpy as np
import pytest

from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics.relevance import ndcg_all_relevant
from tailrank.tuner.recpipe.quality import PARTS, TOP, Ranking, measure


def test_the_artifacts_measure_is_that_of_metrics(tables: ScoreTables) -> None:
    ranking = Ranking.of(tables)
    for name, scores in tables.scores.items():
        expected = ndcg_all_relevant(tables.label, scores, TOP, first=tables.first)
        assert ranking.per_query((name,), (None,), "all_relevant") == pytest.approx(expected, abs=1e-6)


def test_perfect_scores_reach_one(tables: ScoreTables) -> None:
    perfect = ScoreTables(tables.first, tables.item, tables.label, {"rm-large": tables.label.copy()})
    ranking = Ranking.of(perfect)
    for name in ("ndcg", "all_relevant"):
        assert ranking.per_query(("rm-large",), (None,), name) == pytest.approx(np.ones(len(tables.first) - 1))


def test_keeping_everything_is_the_last_network_alone(tables: ScoreTables) -> None:
    ranking = Ranking.of(tables)
    two = ranking.per_query(("rm-small", "rm-large"), (None, None), "ndcg")
    assert two == pytest.approx(ranking.per_query(("rm-large",), (None,), "ndcg"))


def test_what_was_planted_is_found(tables: ScoreTables) -> None:
    found = measure(tables, seed=1)
    rows = {row["funnel"]: row for row in found["single"]}
    assert found["items"] == [1024 // part for part in PARTS]
    for name in found["networks"]:
        values = [rows[f"{name}:{items}"]["ndcg"] for items in found["items"]]
        assert values == sorted(values)
    assert rows["rm-small:1024"]["ndcg"] < rows["rm-med:1024"]["ndcg"] < rows["rm-large:1024"]["ndcg"]
    assert found["auc"]["rm-small"] < found["auc"]["rm-med"] < found["auc"]["rm-large"]
    for row in (*found["single"], *found["funnels"]):
        for name in ("ndcg", "all_relevant"):
            low, high = row[f"{name}_ci95"]
            assert 0 <= low <= row[name] <= high <= 1
    steps = found["checks"]["model_steps"].values()
    assert all(low > 0 for _, low, _ in steps)


def test_effects_are_differences_of_the_rows(tables: ScoreTables) -> None:
    found = measure(tables, seed=1)
    at = {row["funnel"]: row["ndcg"] for row in found["single"]}
    effects = found["effects"]["ndcg"]
    assert effects["items_points"] == pytest.approx(100 * (at["rm-large:1024"] - at["rm-large:64"]))
    assert effects["model_points"] == pytest.approx(100 * (at["rm-large:1024"] - at["rm-small:1024"]))


def test_queries_of_few_candidates_have_no_funnels(tables: ScoreTables) -> None:
    few = ScoreTables(
        np.array([0, 64, 128]), tables.item[:128], tables.label[:128], {k: v[:128] for k, v in tables.scores.items()}
    )
    found = measure(few, seed=1)
    assert found["funnels"] == []
    assert found["checks"]["ndcg"]["two_less_one"] == {}

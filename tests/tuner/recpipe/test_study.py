import json

import pytest

from tailrank.datasets.score_tables import ScoreTables
from tailrank.tuner.recpipe import modern
from tailrank.tuner.recpipe.modern import Case
from tailrank.tuner.recpipe.study import QUICK, accelerator_p95_ms, study


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(each for each in modern.cases() if each.gpu in ("", "t4") and each.batch == 4096)
    monkeypatch.setattr(modern, "cases", lambda: kept)
    monkeypatch.setattr(modern, "QUERIES", 1500)
    monkeypatch.setattr(modern, "REPETITIONS", 1)


def test_the_same_seed_gives_the_same_document(tables: ScoreTables) -> None:
    one, two = (json.dumps(study({"planted": tables}, seed=2, effort=QUICK), allow_nan=False) for _ in range(2))
    assert one == two


def test_the_document_keeps_logged_numbers_apart(tables: ScoreTables) -> None:
    found = study({"planted": tables}, seed=1, effort=QUICK)
    assert set(found) >= {"logged", "quality", "latency", "modern", "limits", "cut", "checks", "claims"}
    assert "ours" not in json.dumps(found["logged"])
    assert all(row["tag"] == "L" for part in ("quality", "error", "p95") for row in found["logged"][part])
    assert {each["check"] for each in found["checks"]} == {10, 13}
    assert {each["where"] for each in found["checks"]} >= {"planted", "the artifact's logs"}
    assert found["cut"]["own_quality"]["planted"] == []  # not of the artifact's 4,096 candidates


def test_without_tiers_the_rest_stands() -> None:
    found = study({}, seed=1, effort=QUICK)
    assert found["quality"] == {}
    assert len(found["checks"]) == 13


def test_the_accelerator_at_low_load_takes_its_pure_service_time() -> None:
    assert accelerator_p95_ms(0.5, (1,)) == pytest.approx(1.3943896, rel=1e-4)
    assert Case(funnel="rm-large:4096") in modern.cases()

"""benchmarks/eight.py --before-after, from result documents to the table of the page."""

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def eight() -> Any:
    return loaded("eight", BENCHMARKS / "eight.py")


def loaded(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def document(qps: float, low: float, high: float | None, executor: str) -> dict[str, Any]:
    engine = {"capacity_qps": qps, "capacity_bracket_qps": [low, high], "queries": 1000}
    return {
        "command": "tailrank tune m",
        "made_at": "2026-01-05T10:00:00Z",
        "versions": {"commit": "abc"},
        "host": {"cpu": "some CPU", "cores": 2.0, "memory_gib": 8.0, "os": "Linux"},
        "sla": {"percentile": 95.0, "latency_ms": 100.0},
        "plan": {"stages": [{"model": "m", "batch_size": 64}]},
        "network": {"executor": executor},
        "engine": engine | {"served_by": {"cpu": "native threads" if executor == "native" else "Python threads"}},
    }


def test_gains_are_over_what_both_runs_bracketed(eight: Any) -> None:
    pairs = {
        "rmc1": (document(100.0, 90.0, 110.0, "torchscript"), document(400.0, 380.0, 420.0, "native")),
        "din": (document(100.0, 95.0, 105.0, "torchscript"), document(100.0, 95.0, 105.0, "torchscript")),
        "dien": (document(100.0, 95.0, None, "torchscript"), document(300.0, 295.0, 305.0, "native")),
        "ncf": (document(0.0, 0.0, 50.0, "torchscript"), document(300.0, 295.0, 305.0, "native")),
    }
    found = eight.compared(pairs)
    assert found["networks"]["rmc1"]["gain"] == pytest.approx(4.0)
    assert found["networks"]["rmc1"]["gain_bounds"] == pytest.approx([380 / 110, 420 / 90])
    assert found["networks"]["dien"]["gain"] is found["networks"]["ncf"]["gain"] is None
    assert found["networks"]["dien"]["gain_bounds"] == [None, pytest.approx(305 / 95)]
    assert found["networks"]["ncf"]["gain_bounds"] == [pytest.approx(295 / 50), None]
    assert found["geomean"] == pytest.approx(math.sqrt(4.0 * 1.0))
    assert found["geomean_of"] == 2

    table = eight.as_table(found, [each for pair in pairs.values() for each in pair])
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    page = loaded("rivals_page", BENCHMARKS / "rivals" / "page.py")._before(table)
    assert "4.000 (3.455 .. 4.667)" in page
    assert "Python threads / native threads" in page
    assert "geometric mean of 2 networks: 2.000" in page


def test_without_a_pair_of_brackets_there_is_no_mean(eight: Any) -> None:
    found = eight.compared({"m": (document(0.0, 0.0, None, "torchscript"), document(0.0, 0.0, None, "native"))})
    assert found["geomean"] is None
    assert "not measured" in eight.as_table(found, [document(0.0, 0.0, None, "native")])["text"]

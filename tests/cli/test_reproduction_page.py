from typing import Any

import pytest

from tailrank.cli.reproduction_page import page


@pytest.fixture
def result() -> dict[str, Any]:
    cell = {
        "network": "rmc1",
        "host": "skylake-40c",
        "gpu": "gtx-1080ti",
        "target": "low",
        "sla_ms": 50.0,
        "scheduler": "gpu",
        "capacity_qps": 1234.5,
        "capacity_ci95_qps": [1230.0, 1240.0],
        "batch_size": 64,
        "offload_at": 512,
        "gpu_query_share": 0.0721,
        "gpu_item_share": 0.21,
        "qps_per_watt": 4.2,
        "gain": 2.5,
    }
    return {
        "command": "tailrank reproduce deeprecsys --seed 1",
        "seed": 1,
        "quick": False,
        "geomean_gain": {"skylake-40c": {"cpu": {"low": 1.5}, "gpu": {"low": 2.5}}},
        "readings": [{"name": "4 cores", "assumption": "small", "gain": {"medium": 4.25}, "over_cpu": {"medium": 2.0}}],
        "claims": [{"text": "a claim | with a bar", "holds": False, "ours": "3 of 4"}],
        "checks": [{"id": 1, "text": "a check", "tag": "D", "holds": None, "ours": "nothing"}],
        "regret": [
            {"network": "rmc1", "host": "h", "target": "low", "scheduler": "gpu", "climb_batch_size": 64}
            | {
                "climb_offload_at": 512,
                "best_batch_size": 96,
                "best_offload_at": None,
                "regret": 0.0123,
                "before_joint": 0.03,
            }
            | {"fresh": [0.98, 0.97, 0.99], "evaluations": 33, "exhaustive": 660},
            {"network": "rmc2", "host": "h", "target": "low", "scheduler": "cpu", "climb_batch_size": 64}
            | {
                "climb_offload_at": None,
                "best_batch_size": 64,
                "best_offload_at": None,
                "regret": 0.0,
                "before_joint": None,
            }
            | {"fresh": None, "evaluations": 9, "exhaustive": 20},
        ],
        "fidelity": {
            "absent": None,
            "workers": 2,
            "others": 0.04,
            "rows": [
                {
                    "network": "ncf",
                    "load": 0.7,
                    "queries": 321,
                    "engine_ms": 3.3,
                    "own_times_ms": 3.0,
                    "profiled_ms": None,
                }
            ],
        },
        "cells": [cell, cell | {"gpu": None, "scheduler": "cpu", "offload_at": None, "gain": None}],
        "poisson": [{"network": "rmc1", "target": "medium", "exact_qps": 100.0, "integer_qps": 130.0, "ratio": 1.3}],
        "penalty": [
            {
                "network": "rmc1",
                "target": "low",
                "lognormal_batch_size": 32,
                "production_batch_size": 64,
                "penalty": 1.21,
            }
        ],
    }


def test_every_number_is_on_the_page(result: dict[str, Any]) -> None:
    text = page(result)
    for word in ("1234 (1230 to 1240)", "7.2 %", "21.0 %", "4.25 (medium)", "1.50 / 1.7 [R-h]", "1.21", "1.30"):
        assert word in text
    assert "no offload" in text
    assert "A quick run" not in text
    assert "A quick run" in page(result | {"quick": True})


def test_tables_are_tables(result: dict[str, Any]) -> None:
    width = 0
    for line in page(result).splitlines():
        if line.startswith("|"):
            assert width in (0, line.count("|"))
            width = line.count("|")
        else:
            width = 0


def test_verdicts_are_words(result: dict[str, Any]) -> None:
    text = page(result)
    assert "| a claim / with a bar | no | 3 of 4 |" in text
    assert "cannot be told" in text


def test_what_is_lost_is_told_with_both_plans(result: dict[str, Any]) -> None:
    text = page(result)
    assert "in 1 of 2 cells none is better, and the most that is lost is 1.23 %" in text
    assert "at most 5.0 % of the grid's plans" in text
    assert (
        "| rmc1 | h | low | gpu | 64, offload from 512 | 96 | 3.00 % | 1.23 % | 0.980 (0.970 to 0.990) | 33 of 660 |"
        in text
    )
    assert "| rmc2 | h | low | cpu |" not in text


def test_the_engine_is_beside_the_simulator_or_the_reason_why_not(result: dict[str, Any]) -> None:
    assert "| ncf | 70 % | 321 | 3.30 | 3.00 | - | 1.10 | - |" in page(result)
    result["fidelity"] = {"absent": "no torch here", "rows": []}
    assert "Not compared: no torch here." in page(result)

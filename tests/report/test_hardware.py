from typing import Any

import pytest

from tailrank.report import hardware
from tailrank.report.document import Value
from tailrank.report.page import render
from tailrank.report.wording import NOT_MEASURED, percent, times

EFFECT = {
    "precision": "bf16",
    "pool": "cpu",
    "k": 64,
    "queries": 200,
    "candidates": 46_000,
    "ndcg": {"mean": 0.9981, "ci95": [0.997, 0.9992]},
    "overlap": {"mean": 0.95, "ci95": [0.94, 0.96]},
    "max_difference": 0.0031,
    "weights": "the weights are random",
}
GPU = {
    "device": "Some GPU",
    "precision": "tf32",
    "workers": 2,
    "pretend": False,
    "ratios": [
        {"items": n, "cpu_us": 10.0 * n, "gpu_us": 100.0 + n, "ratio": 10 * n / (100 + n)} for n in (1, 16, 33, 64)
    ],
    "transfers": [{"items": 64, "transfer_share": 0.25}],
    "break_even_items": 12,
    "offload": {
        "offload_at": 128,
        "batch_size_without": 32,
        "capacity_qps": 900.0,
        "capacity_ci95_qps": [890.0, 910.0],
        "capacity_without_qps": 600.0,
        "capacity_without_ci95_qps": [590.0, 610.0],
        "gain": 1.5,
        "gain_ci95": [1.45, 1.55],
        "share_of_queries": 0.2,
        "share_of_items": 0.65,
    },
    "precision_effect": None,
}


def test_full_precision_and_no_gpu_have_no_tables(document: dict[str, Any]) -> None:
    value = Value(document | {"precision_effect": None, "gpu": None})
    assert hardware.precision(value) is None
    assert hardware.gpu_gain(value) is None
    assert hardware.gpu_speed(value) is None
    assert hardware.gpu_line(value) == ""


def test_the_effect_of_each_reduced_precision_is_a_row_and_says_that_weights_are_random() -> None:
    gpu = GPU | {"precision_effect": EFFECT | {"pool": "gpu", "precision": "tf32"}}
    table = hardware.precision(Value({"precision_effect": EFFECT, "gpu": gpu}))
    assert table is not None
    assert [row[0] for row in table.rows] == ["bf16 on cpu", "tf32 on gpu"]
    assert table.rows[0][1:4] == ("64", "0.9981 (0.9970 to 0.9992)", "0.9500 (0.9400 to 0.9600)")
    assert "the weights are random" in table.note


def test_gain_and_shares_are_the_documents() -> None:
    table = hardware.gpu_gain(Value({"gpu": GPU}))
    assert table is not None
    assert [row[1] for row in table.rows] == ["900", "600", times(1.5), "128", percent(20), percent(65)]
    without = hardware.gpu_gain(Value({"gpu": GPU | {"offload": GPU["offload"] | {"offload_at": None}}}))
    assert without is not None
    assert "nothing is offloaded" in without.rows[3][1]


def test_the_speed_table_shows_powers_of_two_and_the_break_even() -> None:
    table = hardware.gpu_speed(Value({"gpu": GPU}))
    assert table is not None
    assert [row[0] for row in table.rows] == ["1", "16", "64"]
    assert [row[4] for row in table.rows] == ["", "", percent(25)]
    assert "from 12 items" in table.note
    never = hardware.gpu_speed(Value({"gpu": GPU | {"break_even_items": None}}))
    assert never is not None
    assert "no size" in never.note


@pytest.mark.parametrize("pretend", [True, False])
def test_a_pretence_is_named_on_the_page(pretend: bool, document: dict[str, Any]) -> None:
    line = hardware.gpu_line(Value({"gpu": GPU | {"pretend": pretend}}))
    assert ("PRETENCE" in line) == pretend
    assert "2 batches in flight" in line.replace("\N{NO-BREAK SPACE}", " ")
    page = render(document | {"gpu": GPU | {"pretend": pretend}, "precision_effect": EFFECT})
    assert ("PRETENCE" in page) == pretend
    assert "Precision: what it does" in page


def test_holes_are_not_measured() -> None:
    gpu = {"offload": {"gain": None}, "ratios": [{"items": 4}], "precision_effect": {"pool": "gpu"}}
    gain, speed = hardware.gpu_gain(Value({"gpu": gpu})), hardware.gpu_speed(Value({"gpu": gpu}))
    effect = hardware.precision(Value({"gpu": gpu}))
    assert gain is not None
    assert speed is not None
    assert effect is not None
    assert gain.rows[2][1] == speed.rows[0][1] == effect.rows[0][1] == NOT_MEASURED

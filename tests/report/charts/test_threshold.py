from typing import Any

from tailrank.report.charts import Absent, Chart, capacity_by_batch_size, capacity_by_threshold
from tailrank.report.document import Value


def candidate(size: int, at: int | None, qps: float) -> dict[str, Any]:
    return {"batch_size": size, "offload_at": at, "capacity_qps": qps, "ci95_qps": [0.9 * qps, 1.1 * qps], "queries": 9}


SWEEP = [candidate(64, at, 100.0 + at) for at in (1, 4, 16, 64)]
AGAIN = [candidate(size, 16, 90.0 + size) for size in (1, 4)]
DOCUMENT = {
    "candidates": [*[candidate(size, None, 50.0 + size) for size in (1, 4, 64)], *reversed(SWEEP), *AGAIN],
    "gpu": {"offload": {"offload_at": 64, "capacity_without_qps": 114.0}},
    "sla": {"percentile": 95, "latency_ms": 5},
}


def test_the_line_is_the_sweep_at_one_batch_size() -> None:
    chart = capacity_by_threshold(Value(DOCUMENT))
    assert isinstance(chart, Chart)
    (line,) = chart.figure.data
    assert list(line.x) == [1, 4, 16, 64]
    assert list(line.y) == [101, 104, 116, 164]
    assert [note.text for note in chart.figure.layout.annotations] == ["no offload", "tuned"]
    assert chart.figure.layout.yaxis.range[0] == 0
    assert "n = 4 plans" in chart.caption


def test_the_chart_of_batch_sizes_leaves_out_thresholds_tried_at_one_size_only() -> None:
    chart = capacity_by_batch_size(Value(DOCUMENT))
    assert isinstance(chart, Chart)
    names = [trace.name for trace in chart.figure.data if trace.mode == "lines+markers"]
    assert names == ["simulator, no offload", "simulator, offload from 16 items"]


def test_without_offloading_candidates_it_is_absent(document: dict[str, Any]) -> None:
    assert isinstance(capacity_by_threshold(Value(document)), Absent)
    assert isinstance(capacity_by_threshold(Value({})), Absent)

from typing import Any

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.fleet import demand_and_capacity, hosts_by_hour, power_by_hour
from tailrank.report.document import Value


def hour(number: int, small: int, large: int) -> dict[str, Any]:
    return {
        "hour": number,
        "demand_qps": 100.0 * number,
        "hosts": {"small": small, "large": large},
        "capacity_qps": 100.0 * number + 50,
        "load": 0.8,
        "power_w": 1000.0 * (small + large),
        "price": 1.0 * small + 4 * large,
    }


DOCUMENT = {
    "spare": 2,
    "trace": {"text": "a day"},
    "hours": [hour(0, 1, 0), hour(1, 2, 3)],
    "kept_hours": [hour(0, 2, 3), hour(1, 2, 3)],
    "totals": {"energy_kwh": 6.0},
    "kept": {"energy_kwh": 10.0},
}


def test_hosts_are_stacked_by_kind() -> None:
    chart = hosts_by_hour(Value(DOCUMENT))
    assert isinstance(chart, Chart)
    assert {bar.name: list(bar.y) for bar in chart.figure.data} == {"small": [1, 2], "large": [0, 3]}
    assert chart.figure.layout.barmode == "stack"
    assert "from 1 to 5 hosts" in chart.caption
    assert "Any 2 hosts may be down" in chart.caption


def test_demand_lies_below_capacity() -> None:
    chart = demand_and_capacity(Value(DOCUMENT))
    assert isinstance(chart, Chart)
    lines = {line.name: list(line.y) for line in chart.figure.data}
    assert lines == {"capacity, spare hosts down": [50, 150], "demand": [0, 100]}
    assert "at most 100" in chart.caption


def test_power_is_compared_with_keeping_the_peak_on() -> None:
    chart = power_by_hour(Value(DOCUMENT))
    assert isinstance(chart, Chart)
    assert [list(line.y) for line in chart.figure.data] == [[5, 5], [1, 5]]
    assert "40" in chart.caption


def test_without_hours_they_are_absent() -> None:
    for draw in (hosts_by_hour, demand_and_capacity, power_by_hour):
        assert isinstance(draw(Value({})), Absent)

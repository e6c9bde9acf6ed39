"""A day of a fleet: hosts, demand, and power, hour by hour."""

from tailrank.report.charts.style import BASELINE, ENGINE, SIMULATOR, TARGET, Absent, Chart, blank, safe
from tailrank.report.document import Value
from tailrank.report.wording import amount, count, percent, plural

__all__ = ["demand_and_capacity", "hosts_by_hour", "power_by_hour"]

KINDS = (SIMULATOR, ENGINE, "#2a8c78", "#6a51a3", "#b8860b")
HOURS = "hour of the day"


def hosts_by_hour(document: Value) -> Chart | Absent:
    """Draw how many hosts of each kind are on in each hour, stacked."""
    title = "Hosts by hour"
    hours = _hours(document["hours"])
    if not hours:
        return Absent(title, "the document lists no hours")
    figure = blank(HOURS, "hosts")
    names = [name for name, _ in hours[0]["hosts"].pairs]
    for number, name in enumerate(names):
        figure.add_bar(
            x=list(range(len(hours))),
            y=[hour["hosts"][name].number or 0 for hour in hours],
            name=safe(name),
            marker={"color": KINDS[number % len(KINDS)]},
        )
    figure.update_layout(barmode="stack", bargap=0.15, showlegend=True)
    most, least = (pick(_total(hour) for hour in hours) for pick in (max, min))
    spare = plural(int(document["spare"].number or 0), "host")
    caption = (
        f"Hosts that are on, spare ones included: from {count(least)} to {plural(int(most), 'host')} over "
        f"{plural(len(hours), 'hour')}. Any {spare} may be down and the target still holds."
    )
    return Chart(title, figure, caption, height=380, wide=True)


def demand_and_capacity(document: Value) -> Chart | Absent:
    """Draw demand (queries/s) in each hour, and what the fleet serves with its spare hosts down."""
    title = "Demand and capacity"
    hours = _hours(document["hours"])
    if not hours:
        return Absent(title, "the document lists no hours")
    figure = blank(HOURS, "queries/s")
    number = list(range(len(hours)))
    capacity = [hour["capacity_qps"].number for hour in hours]
    demand = [hour["demand_qps"].number or 0.0 for hour in hours]
    shape = {"shape": "hvh", "width": 1.8}
    figure.add_scatter(
        x=number, y=capacity, mode="lines", line={**shape, "color": SIMULATOR}, name="capacity, spare hosts down"
    )
    figure.add_scatter(x=number, y=demand, mode="lines", line={**shape, "color": TARGET}, name="demand")
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(showlegend=True)
    trace = document["trace"]["text"].text or "an unnamed trace"
    caption = f"Demand is the busiest five minutes of each hour ({trace}), at most {amount(max(demand))} queries/s."
    return Chart(title, figure, caption)


def power_by_hour(document: Value) -> Chart | Absent:
    """Draw power (kW) hour by hour, of the fleet and of the busiest hour's fleet kept on."""
    title = "Power by hour"
    hours, kept = _hours(document["hours"]), _hours(document["kept_hours"])
    if not hours or any(hour["power_w"].number is None for hour in [*hours, *kept]):
        return Absent(title, "the document records no power")
    figure = blank(HOURS, "power (kW)")
    for each, name, colour in ((kept, "the busiest hour's hosts kept on", BASELINE), (hours, "this fleet", SIMULATOR)):
        figure.add_scatter(
            x=list(range(len(each))),
            y=[(hour["power_w"].number or 0.0) / 1e3 for hour in each],
            mode="lines",
            line={"shape": "hvh", "width": 1.8, "color": colour},
            name=name,
        )
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(showlegend=True)
    ours, theirs = document["totals"]["energy_kwh"].number, document["kept"]["energy_kwh"].number
    saved = percent(100 * (ours / theirs - 1)) if ours is not None and theirs else "not measured"
    caption = (
        f"Devices only, linear between idle and full; {amount(ours, 'kWh')} in all, {saved} against keeping the "
        "busiest hour's hosts on."
    )
    return Chart(title, figure, caption)


def _hours(value: Value) -> list[Value]:
    return [hour for hour in value if hour["hosts"]]


def _total(hour: Value) -> float:
    return sum(each.number or 0.0 for _, each in hour["hosts"].pairs)

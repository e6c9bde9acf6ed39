"""The page of a fleet: from what `tailrank plan --fleet` found to one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tailrank.report.charts.fleet import demand_and_capacity, hosts_by_hour, power_by_hour
from tailrank.report.document import Value
from tailrank.report.frame import placed_row, reproduce, template, write_page
from tailrank.report.tables import Table
from tailrank.report.wording import NOT_MEASURED, amount, count, interval, plural, target, unbroken

__all__ = ["render_fleet", "write_fleet"]


def write_fleet(directory: Path) -> Path:
    """Write `directory/report.html` from `directory/result.json`, whole or not at all, and return its path.

    Raises `BadInputError` when the result is missing or is not a result document.
    """
    return write_page(directory, render_fleet)


def render_fleet(document: dict[str, Any]) -> str:
    """Return the whole page for a fleet's result (schema 1); the same document gives the same page, byte for byte."""
    value = Value(document)
    charts = [hosts_by_hour(value), demand_and_capacity(value), power_by_hour(value)]
    return template("fleet.html").render(
        title=f"{value['network'].text or 'Tailrank'}: a fleet at {target(value['sla'])}",
        headline=_headline(value),
        verdict=value["verdict"]["text"].text or "The document records no verdict.",
        figures=_key_figures(value),
        notes=value["notes"].texts,
        charts=placed_row("fleet", charts),
        kinds=_kinds(value),
        totals=_totals(value),
        hours=_hours(value),
        reproduce=reproduce(value),
        plotly=Markup(get_plotlyjs()),
    )


def _headline(document: Value) -> str:
    most = max((sum(each.number or 0 for _, each in hour["hosts"].pairs) for hour in document["hours"]), default=0)
    words = (
        f"{document['network'].text or 'An unnamed network'} needs up to {plural(int(most), 'host')} at "
        f"{target(document['sla'])}, N+{count(document['spare'].number)}."
    )
    return unbroken(words)


def _key_figures(document: Value) -> list[tuple[str, str, str]]:
    """Return (what, number, range or source) of the few numbers that matter."""
    totals, kept = document["totals"], document["kept"]
    return [
        ("Host-hours", count(totals["host_hours"].number), f"{count(kept['host_hours'].number)} with the peak's fleet"),
        ("Energy (kWh)", amount(totals["energy_kwh"].number), f"{amount(kept['energy_kwh'].number)} with the peak's"),
        ("Cost ($)", amount(totals["cost"].number), f"{amount(kept['cost'].number)} with the peak's"),
        (
            "Mean demand (queries/s)",
            amount(document["trace"]["mean_qps"].number),
            document["trace"]["text"].text or NOT_MEASURED,
        ),
    ]


def _kinds(document: Value) -> Table:
    rows = [
        (
            kind["name"].text or "",
            amount(kind["capacity_qps"].number),
            interval(kind["capacity_ci95_qps"]),
            count(kind["batch_size"].number),
            "no offload" if kind["offload_at"].number is None else count(kind["offload_at"].number),
            amount(kind["idle_w"].number),
            amount(kind["full_w"].number),
            amount(kind["price_per_hour"].number),
        )
        for kind in document["kinds"]
    ]
    columns = (
        *("host", "capacity (queries/s)", "95 % interval", "batch size", "offload from"),
        *("idle (W)", "at capacity (W)", "price ($/h)"),
    )
    note = "The fleet is planned with the low end of each interval. Capacities and power are simulated."
    return Table("Kinds of hosts", columns, rows, note)


def _totals(document: Value) -> Table:
    alone = [(f"only {name}", totals) for name, totals in document["alone"].pairs]
    cases = [
        ("this fleet", document["totals"]),
        ("the busiest hour's, kept on", document["kept"]),
        *(alone if len(alone) > 1 else []),
    ]
    rows = [
        (
            name,
            count(totals["host_hours"].number),
            amount(totals["energy_kwh"].number),
            amount(totals["cost"].number),
            ", ".join(f"{count(each.number)} {kind}" for kind, each in totals["most"].pairs if each.number),
        )
        for name, totals in cases
    ]
    aim = document["aim"].text or NOT_MEASURED
    return Table("In all", ("fleet", "host-hours", "kWh", "$", "hosts needed"), rows, f"Least {aim} in each hour.")


def _hours(document: Value) -> Table:
    names = [kind["name"].text or "" for kind in document["kinds"]]
    rows = [
        (
            count(hour["hour"].number),
            amount(hour["demand_qps"].number),
            *(count(hour["hosts"][name].number) for name in names),
            amount(hour["capacity_qps"].number),
            amount(100 * (hour["load"].number or 0.0)),
            amount(hour["power_w"].number),
            amount(hour["price"].number),
        )
        for hour in document["hours"]
    ]
    columns = ("hour", "demand (queries/s)", *names, "capacity, spare down", "load (%)", "power (W)", "price ($)")
    return Table("Hour by hour", columns, rows)

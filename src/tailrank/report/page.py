"""The page: from a result document to one HTML file that needs nothing else, not even a network."""

from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tailrank.report import charts, hardware, tables
from tailrank.report.document import Value
from tailrank.report.frame import placed_row, plan_toml, reproduce, template, write_page
from tailrank.report.wording import (
    NONE_MET,
    NOT_MEASURED,
    amount,
    capacity_found,
    describe_plan,
    interval,
    percent,
    target,
    times,
    unbroken,
)

__all__ = ["render", "write"]


def write(directory: Path) -> Path:
    """Write `directory/report.html` from `directory/result.json`, whole or not at all, and return its path.

    Raises `BadInputError` when the result is missing or is not a result document.
    """
    return write_page(directory, render)


def render(document: dict[str, Any]) -> str:
    """Return the whole page for a result `document` (schema 1); what it lacks is said to be absent.

    The same document gives the same page, byte for byte.
    """
    value = Value(document)
    sections = {
        "capacity": [charts.capacity_by_batch_size(value), charts.latency_against_load(value)],
        "latency": [charts.latency_distribution(value), charts.slow_query(value)],
        "profile": [charts.service_time(value), charts.cost_per_item(value), charts.operator_shares(value)],
        "checks": [charts.schedule_lag(value)],
        "gpu": [charts.capacity_by_threshold(value)] if value["gpu"]["offload"] else [],
    }
    return template("tune.html").render(
        title=f"{value['model'].text or 'Tailrank'}: capacity at {target(value['sla'])}",
        headline=_headline(value),
        badge=_badge(value),
        figures=_key_figures(value),
        notes=value["notes"].texts + value["network"]["notes"].texts,
        sections={name: placed_row(name, row) for name, row in sections.items()},
        summary=tables.summary(value),
        accuracy=tables.accuracy(value),
        runs=tables.engine_runs(value),
        arrivals=tables.arrivals(value),
        overheads=tables.overheads(value),
        facts=tables.facts(value),
        precision=hardware.precision(value),
        gpu=hardware.gpu_line(value),
        gpu_gain=hardware.gpu_gain(value),
        gpu_speed=hardware.gpu_speed(value),
        engine=bool(value["engine"]),
        plans=[(name, plan_toml(plan)) for name, plan in _plans(value) if plan],
        reproduce=reproduce(value),
        plotly=Markup(get_plotlyjs()),
    )


def _headline(document: Value) -> str:
    """Return the answer in one sentence; what the engine measured goes before what the simulator predicts."""
    model = document["model"].text or "An unnamed model"
    engine, predicted = document["engine"], document["capacity_qps"].number
    found = capacity_found(engine["capacity_qps"], engine["capacity_bracket_qps"])
    if found == NONE_MET:
        answer = f"On the engine {model} met the target at no load tried"
    elif found != NOT_MEASURED:
        answer = f"{model} serves {found} queries/s"
    elif predicted is not None:
        answer = f"{model} is predicted to serve {amount(predicted)} queries/s"
    else:
        answer = f"{model}: capacity was not measured"
    joint = ":" if found == NONE_MET else " at"
    answer += f"{joint} {target(document['sla'])}" if document["sla"] else ""
    return unbroken(f"{answer}, with {describe_plan(document['plan'])}." if document["plan"] else f"{answer}.")


def _badge(document: Value) -> tuple[str, str, str]:
    """Return (kind, words, reason) of the verdict."""
    verdict = document["verdict"]
    reason = verdict["text"].text or "The document records no reason."
    if verdict["certified"].raw is True:
        return "certified", "Certified", reason
    if verdict["certified"].raw is False:
        return "uncertified", "Not certified", reason
    return "open", "No verdict", reason


def _key_figures(document: Value) -> list[tuple[str, str, str]]:
    """Return (what, number, range or source) of the few numbers that matter."""
    engine, baseline = document["engine"], document["baseline"]
    errors = document["sim_error_pct"].number, document["sim_error_same_run_pct"].number
    speedup, source = engine["speedup"].number, "on the engine"
    if speedup is None:
        speedup = document["speedup"].number
        source = f"in the simulator, 95 % interval {interval(document['speedup_ci95'], digits=4)}"
    return [
        (
            "Capacity, simulator (queries/s)",
            amount(document["capacity_qps"].number),
            f"95 % interval {interval(document['capacity_ci95_qps'])}",
        ),
        (
            "Capacity, engine (queries/s)",
            capacity_found(engine["capacity_qps"], engine["capacity_bracket_qps"]),
            f"bracket {interval(engine['capacity_bracket_qps'])}" if engine else "the engine was not run",
        ),
        ("Speed-up over the baseline", times(speedup), f"{source}; baseline: {describe_plan(baseline['plan'])}"),
        ("Simulator error in capacity", percent(errors[0]), f"{percent(errors[1])} with service times of the same run"),
    ]


def _plans(document: Value) -> list[tuple[str, Value]]:
    return [("tuned", document["plan"]), ("baseline", document["baseline"]["plan"])]

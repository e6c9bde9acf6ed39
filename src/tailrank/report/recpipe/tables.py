"""Tables of the RecPipe study: logged numbers keep their tag, ours stand beside them."""

import math
from collections.abc import Sequence

from tailrank.report.document import Value
from tailrank.report.recpipe.words import last_reading, title
from tailrank.report.tables import Table
from tailrank.report.wording import NOT_MEASURED, amount, count, percent

__all__ = ["beside", "checks", "errors", "funnels", "low_load", "ratios", "tails", "too_fast"]

SAID = {True: "yes", False: "no", None: "cannot be told"}


def checks(document: Value, number: int) -> Table | None:
    """Return the lines of check 10 or 13, one by one."""
    rows = [row for row in document["checks"] if row["check"].number == number]
    if not rows:
        return None
    words = {10: "items, models and funnels", 13: "CPUs, GPU and RPAccel"}
    return Table(
        f"Check {number}: {words[number]}",
        ("where", "what must hold", "holds", "number"),
        [
            (row["where"].text or "", row["text"].text or "", SAID.get(row["holds"].raw, ""), row["ours"].text or "")
            for row in rows
        ],
    )


def ratios(document: Value) -> Table | None:
    """Return figure 7c as ratios: one stage over two, three over two, logged and by each reading."""
    rows = list(document["latency"]["ratios"])
    if not rows:
        return None
    readings = [row["reading"].text or "" for row in document["latency"]["errors"]]
    header = ("nominal load, qps", "one / two: logged [L]", *(f"ours: {name}" for name in readings))
    header += ("three / two: logged [L]", f"ours: {readings[-1]}")
    body = [
        (
            count(row["nominal_qps"].number),
            *(_factor(each) for each in (row["logged"], *(row["ours"][name] for name in readings))),
            *(_factor(each) for each in (row["three_logged"], row["three_ours"][readings[-1]])),
        )
        for row in rows
    ]
    note = (
        "p95 of one stage (RM_large on 4,096 items) over that of two (RM_small on 4,096, RM_large on 128). Above the "
        "load that the engines can do, a ratio is of two queues that grow without end."
    )
    return Table("One, two and three stages on CPUs", header, body, note)


def errors(document: Value) -> Table | None:
    """Return how well each reading explains the logs."""
    rows = list(document["latency"]["errors"])
    if not rows:
        return None
    body = [
        (
            row["reading"].text or "",
            f"{count(row['same_stability'].number)} of {count(row['points'].number)}",
            count(row["steady"].number),
            *(percent(100 * (row[key].number or math.nan)) for key in ("median_error", "worst_error")),
        )
        for row in rows
    ]
    inferred = document["latency"]["inferred"]
    note = (
        "Exact Poisson and whole milliseconds infer nothing: times of one engine on an idle host, at the nominal load. "
        f"As it ran: times in the pipeline, and two numbers inferred from {inferred['from'].text}: an engine's times "
        f"spread by {amount(inferred['spread'].number, digits=2)} (standard deviation of the logarithm), and each gap "
        f"of the load generator is {amount(inferred['late_ms'].number, 'ms', digits=2)} longer than asked."
    )
    header = ("reading", "keep up where the log does", "points in both", "median error", "worst")
    return Table("How well the artifact's times explain its tails", header, body, note)


def too_fast(document: Value) -> Table | None:
    """Return logged points that no order of arrivals explains at their nominal load."""
    rows = list(document["latency"]["too_fast"])
    if not rows:
        return None
    body = [
        (
            f"{title(row['funnel'].text or '')} on {row['devices'].text}",
            count(row["nominal_qps"].number),
            amount(row["p95_ms"].number),
            count(row["bound_qps"].number),
            amount(row["least_late_ms"].number, digits=2),
        )
        for row in rows
    ]
    header = (
        "funnel",
        "nominal load, qps",
        "logged p95, ms [L]",
        "its pools can do, qps",
        "gaps longer by at least, ms",
    )
    note = "Engines over their time alone, and one sorting process a stage: arithmetic, no simulation."
    return Table("Steady tails at more than the engines can do: the load was not the nominal one", header, body, note)


def beside(document: Value) -> Table | None:
    """Return what a query takes on one engine: logged, and by rooflines."""
    rows = list(document["modern"]["beside"])
    if not rows:
        return None
    body = [
        (
            f"{title(row['network'].text or '')}, {row['device'].text}",
            *(amount(row[key].number) for key in ("logged_ms", "naive_ms", "modern_ms")),
            _factor(Value(_ratio(row["naive_ms"].number, row["logged_ms"].number))),
        )
        for row in rows
    ]
    header = (
        "4,096 items",
        "logged, ms [L]",
        "roofline, as the artifact, ms",
        "roofline, prepared inputs, ms",
        "roofline / log",
    )
    note = (
        "Nothing was fitted to the logged times: parameters come from other machines, networks and software. The "
        "artifact's CPUs are known as Cascade Lake only; its GPU's timer does not wait for the GPU."
    )
    return Table("A query on one core or GPU", header, body, note)


def low_load(document: Value) -> Table | None:
    """Return the summary at 67 queries a second: figure 14's left column beside ours."""
    rows = [
        row
        for row in document["latency"]["cells"]
        if row["nominal_qps"].number == 67 and row["figure"].text in ("7c", "8", "8-low", "med")
    ]
    if not rows:
        return None
    return Table(
        "At 67 queries a second", _header(document), [_tail(document, row) for row in rows], "Every funnel at low load."
    )


def tails(document: Value) -> Table | None:
    """Return every logged tail with ours, by each reading."""
    rows = list(document["latency"]["cells"])
    if not rows:
        return None
    return Table("Every logged tail", _header(document), [_tail(document, row) for row in rows])


def funnels(document: Value, name: str) -> Table | None:
    """Return the quality of every funnel on one data set."""
    found = document["quality"][name]
    rows = [*found["single"], *found["funnels"]]
    if not rows:
        return None
    body = [
        (
            title(row["funnel"].text or ""),
            *(_share(row[key], row[f"{key}_ci95"].numbers) for key in ("ndcg", "all_relevant")),
        )
        for row in rows
    ]
    aucs = ", ".join(f"{title(network)} {value.number or math.nan:.4f}" for network, value in found["auc"].pairs)
    losses = ", ".join(
        f"{title(network)} {-value:.4f}"
        for network, each in document["data"][name]["training"].pairs
        if (value := each["hold_out"].number) is not None and value < 0
    )
    steps = ", ".join(
        f"{title(network)} {count(value)}"
        for network, each in document["data"][name]["training"].pairs
        if (value := each["steps"].number) is not None
    )
    note = f"AUC over all candidates: {aucs}." + (f" Logloss on the hold-out: {losses}." if losses else "")
    note += f" Steps of training: {steps}." if steps else ""
    header = ("funnel", "NDCG@64, % (95 % interval)", "the artifact's measure, %")
    return Table(f"Quality on {name}", header, body, note)


def _header(document: Value) -> tuple[str, ...]:
    readings = [row["reading"].text or "" for row in document["latency"]["errors"]]
    return (
        "funnel",
        "devices",
        "nominal load, qps",
        "logged p95, ms [L]",
        *(f"{each}, ms" for each in readings),
        "ours / log",
    )


def _tail(document: Value, row: Value) -> tuple[str, ...]:
    name = last_reading(document)
    means = [
        (row["ours"][each["reading"].text or ""].numbers or [math.nan])[0] for each in document["latency"]["errors"]
    ]
    ours = (row["ours"][name].numbers or [math.nan])[0]
    used = " (used)" if row["inferred_from"].raw is True else ""
    return (
        title(row["funnel"].text or ""),
        row["devices"].text or "",
        count(row["nominal_qps"].number),
        amount(row["p95_ms"].number),
        *(amount(each) for each in means),
        _factor(Value(_ratio(ours, row["p95_ms"].number))) + used,
    )


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


def _factor(value: Value) -> str:
    return (
        NOT_MEASURED if value.number is None else f"{value.number:.2f}" if value.number < 100 else count(value.number)
    )


def _share(value: Value, ends: Sequence[float]) -> str:
    if value.number is None or len(ends) != 2:
        return NOT_MEASURED
    return f"{100 * value.number:.2f} ({100 * ends[0]:.2f} to {100 * ends[1]:.2f})"

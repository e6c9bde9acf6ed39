"""The tables of the study: checks, claims, readings of the GPU's factor, and every cell."""

from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, title
from tailrank.report.study.paper import EFFICIENCY, EFFICIENCY_TAG, GAINS, TAGS, TITLE_OF_TAG
from tailrank.report.tables import Table
from tailrank.report.wording import NOT_MEASURED, amount, count, factor, interval, percent

__all__ = ["beside_the_paper", "cells", "checks", "claims", "fits", "readings", "regret", "tags"]

WORDS = {"static": "static", "cpu": "CPU", "gpu": "CPU and GPU"}
HOLDS = {True: "holds", False: "does not hold", None: "cannot be told"}


def beside_the_paper(document: Value) -> Table | None:
    """Return the geometric mean gains of every host, and the paper's, with their tags."""
    cells = Cells(document)
    rows = []
    for scheduler in GAINS:
        paper = [f"{gain:g} ({TAGS['gain'][scheduler][at]})" for at, gain in GAINS[scheduler].items()]
        watts = [f"{gain:g} ({EFFICIENCY_TAG})" for gain in EFFICIENCY[scheduler].values()]
        rows += [(f"{WORDS[scheduler]}, paper", *paper), (f"{WORDS[scheduler]}, paper, per watt", *watts)]
        for host in cells.hosts:
            gains = [cells.geomean_gain(host, scheduler, at) for at in GAINS[scheduler]]
            rows.append((f"{WORDS[scheduler]}, {host}", *(factor(gain) for gain in gains)))
    columns = ("gain over static, geometric mean", *GAINS["cpu"])
    note = f"Tags: {tags()}."
    return Table("Gains beside the paper's", columns, rows, note) if cells.by_key else None


def checks(document: Value) -> Table | None:
    """Return the seventeen checks with our numbers."""
    rows = [
        (
            row["id"].text or "",
            row["text"].text or "",
            row["tag"].text or "",
            _holds(row),
            row["ours"].text or NOT_MEASURED,
        )
        for row in document["checks"]
    ]
    columns = ("", "check", "tag", "", "ours")
    return (
        Table("Seventeen checks", columns, rows, f"Tags: {tags()}; F a figure of the artifact, P the paper.")
        if rows
        else None
    )


def claims(document: Value) -> Table | None:
    """Return what any such study must show, and whether this one does."""
    rows = [(row["text"].text or "", _holds(row), row["ours"].text or NOT_MEASURED) for row in document["claims"]]
    return Table("What must hold", ("claim", "", "ours"), rows) if rows else None


def readings(document: Value) -> Table | None:
    """Return the gains with the GPU under each assumption."""
    rows = []
    for row in document["readings"]:
        gains = ", ".join(f"{at} {factor(gain.number)}" for at, gain in row["gain"].pairs)
        over = ", ".join(f"{at} {factor(gain.number)}" for at, gain in row["over_cpu"].pairs)
        host = "+".join(filter(None, [row["host"].text, row["gpu"].text]))
        rows.append(
            (row["name"].text or "", row["assumption"].text or "", host, gains or NOT_MEASURED, over or NOT_MEASURED)
        )
    columns = ("reading", "assumption", "host", "over static", "over CPU only")
    note = f"The paper: {'/'.join(f'{gain:g}' for gain in GAINS['gpu'].values())} over static at low/medium/high."
    return Table("Readings of the GPU's factor", columns, rows, note) if rows else None


def regret(document: Value) -> Table | None:
    """Return the climb beside exhaustive search, cell by cell."""
    rows = [
        (
            f"{title(row['network'].text or '')}, {row['target'].text}, {row['host'].text}, {row['scheduler'].text}",
            amount(row["climb_qps"].number),
            amount(row["best_qps"].number),
            percent(None if (value := row["regret"].number) is None else 100 * value),
            _plan(row, "climb"),
            _plan(row, "best"),
            _fresh(row["fresh"].numbers),
            count(row["evaluations"].number),
            count(row["exhaustive"].number),
        )
        for row in document["regret"]
    ]
    columns = (
        "cell",
        "found (queries/s)",
        "best (queries/s)",
        "regret",
        "found: batch, offload from",
        "best",
        "found over best on fresh queries",
        "plans served",
        "of",
    )
    note = (
        "Best of every batch size 1, 2, 3, 4, 6, ..., 1024 and, with the GPU, every threshold 1, 32, 64, ..., 992, on "
        "the queries that the search chose by. Without the GPU the grid is small and the search measures much of it."
    )
    return Table("Regret of the search", columns, rows, note) if rows else None


def _fresh(ratio: list[float]) -> str:
    """Return value, low and high of a ratio as text; nothing where the plans are the same one."""
    return f"{ratio[0]:.3f} ({ratio[1]:.3f} to {ratio[2]:.3f})" if len(ratio) == 3 else "same plan"


def _plan(row: Value, which: str) -> str:
    size, at = row[f"{which}_batch_size"].number, row[f"{which}_offload_at"].number
    return NOT_MEASURED if size is None else f"{count(size)}, {'none' if at is None else count(at)}"


def cells(document: Value, host: str) -> Table | None:
    """Return every cell of one host."""
    found = Cells(document)
    rows = [
        _cell(network, target, scheduler, found.by_key[network, target, host, scheduler])
        for network in found.networks
        for target in found.targets
        for scheduler in WORDS
        if (network, target, host, scheduler) in found.by_key
    ]
    columns = (
        "network, target, scheduler",
        "target (ms)",
        "capacity (queries/s)",
        "95 % interval",
        "gain",
        "batch size",
        "offload from",
        "queries on the GPU",
        "items on the GPU",
        "QPS per watt",
    )
    return Table(f"Every cell on {host}", columns, rows) if rows else None


def _cell(network: str, target: str, scheduler: str, cell: Value) -> tuple[str, ...]:
    at = cell["offload_at"].number
    shares = [
        percent(None if (value := cell[key].number) is None else 100 * value)
        for key in ("gpu_query_share", "gpu_item_share")
    ]
    met = (cell["capacity_qps"].number or 0.0) > 0
    return (
        f"{title(network)}, {target}, {WORDS[scheduler]}",
        amount(cell["sla_ms"].number),
        amount(cell["capacity_qps"].number) if met else "no load met it",
        interval(cell["capacity_ci95_qps"]) if met else "",
        factor(cell["gain"].number) if cell["gain"].number is not None else "",
        count(cell["batch_size"].number),
        "none" if at is None else count(at),
        *(shares if scheduler == "gpu" else ("", "")),
        amount(cell["qps_per_watt"].number) if met else "",
    )


def fits(document: Value) -> Table | None:
    """Return how far the calibrated service times are from the points they were fitted to, by network."""
    rows = [
        (
            f"{row['device'].text}, {title((row['network'].text or '').removesuffix('-artifact'))}",
            row["quantity"].text or "",
            count(row["points"].number),
            percent(None if (middle := row["median_error"].number) is None else 100 * middle),
            percent(None if (worst := row["worst_error"].number) is None else 100 * worst),
        )
        for row in document["evidence"]["fits"]
    ]
    columns = ("device, network", "fitted to", "points", "median error", "worst error")
    note = (
        "Errors of times and speed-ups are relative, those of shares are differences of shares. No throughput was "
        "fitted to."
    )
    return Table("Error of the calibration", columns, rows, note) if rows else None


def tags() -> str:
    """Return what the tags of trust mean, in one line."""
    return ", ".join(f"{tag} {words}" for tag, words in TITLE_OF_TAG.items())


def _holds(row: Value) -> str:
    holds = row["holds"].raw
    return HOLDS[holds] if isinstance(holds, bool) or holds is None else HOLDS[None]

"""The tables of the page: claims, the waterfall, switches, configurations, devices, checks."""

from tailrank.report.document import Value
from tailrank.report.tables import Table
from tailrank.report.wording import NOT_MEASURED, amount, count, percent

__all__ = [
    "arrays",
    "bugs",
    "caches",
    "checks",
    "claims",
    "combined",
    "configurations",
    "devices",
    "factor",
    "filters",
    "points",
    "searched",
    "waterfall",
]

HOLDS = {True: "holds", False: "does not hold", None: "a finding"}
CROSS = "\N{MULTIPLICATION SIGN}"
BEYOND = "cannot keep up"


def factor(value: float | None) -> str:
    """Return 2.47 as a factor."""
    return NOT_MEASURED if value is None else f"{value:.2f}{CROSS}"


def claims(document: Value) -> Table | None:
    """Return the paper's factors beside the artifact's formulas and ours."""
    rows = [
        (
            f"{row['text'].text}",
            factor(row["claimed"].number),
            f"{factor(row['artifact'].number)} [{row['tag'].text}]",
            factor(row["released"].number),
            factor(row["corrected"].number),
        )
        for row in document["claims"]
    ]
    columns = ("claim", "the paper", "its artifact", "ours, released", "ours, corrected")
    note = "Tag D: follows from the artifact's formulas by arithmetic. The paper's text was not at hand."
    return Table("What is claimed", columns, rows, note) if rows else None


def points(document: Value) -> Table | None:
    """Return the two operating points, each with both factors."""
    rows = [
        (
            f"{row['mode'].text}, {row['point'].text}",
            amount(row["latency_ms"].number, "ms"),
            factor(row["latency_gain"].number),
            amount(row["capacity_qps"].number, "q/s", digits=4),
            factor(row["capacity_gain"].number),
        )
        for row in document["headline"]
    ]
    columns = ("design", "latency", "gain", "throughput", "gain")
    note = "Gains over the baseline of the same mode. Neither of the two designs has both factors."
    return Table("Two operating points", columns, rows, note) if rows else None


def waterfall(document: Value, mode: str) -> Table | None:
    """Return one mode's steps with what each gains over the one before."""
    rows = [
        (
            f"{row['step'].text}: {row['text'].text}",
            amount(row["latency_ms"].number, digits=4),
            factor(row["latency_gain"].number),
            amount(row["capacity_qps"].number, digits=4),
            factor(row["capacity_gain"].number),
            amount(row["energy_mj"].number),
            amount(row["qps_per_watt"].number, digits=4),
            *(_tail(row["p99_ms"][at].number) for at in ("400", "2000")),
        )
        for row in document["waterfall"][mode]
    ]
    columns = ("step", "latency, ms", "gain", "capacity, q/s", "gain", "mJ a query", "q/s a watt")
    loaded = ("p99, 400 q/s", "p99, 2,000 q/s")
    note = "Gains over the step before; p99 in ms under Poisson arrivals." + (
        " The artifact counts no energy." if mode == "released" else ""
    )
    return Table(f"Idea by idea, {mode}", columns + loaded, rows, note) if rows else None


def _tail(value: float | None) -> str:
    return BEYOND if value is None else amount(value)


def bugs(document: Value, mode: str) -> Table | None:
    """Return what each switch does alone, on every design: factors of latency and capacity."""
    rows = [row for row in document["bugs"] if row["mode"].text == mode]
    designs = list(dict.fromkeys(row["design"].text or "" for row in rows))
    cells = {(row["bug"].text or "", row["design"].text or ""): row for row in rows}
    names = list(dict.fromkeys(name for name, _ in cells))
    table = [(name, *(_effect(cells[name, design], name) for design in designs)) for name in names]
    words = {"released": "one mistake corrected", "corrected": "one mistake made"}[mode]
    note = "Latency / capacity, as factors of the mode's own; dots: nothing changes; `no_energy`: what is counted then."
    return Table(f"{mode}, {words}", ("switch", *designs), table, note) if table else None


def _effect(row: Value, name: str) -> str:
    if name == "no_energy":
        return amount(row["energy_mj"].number, "mJ")
    latency, capacity = row["latency"].number, row["capacity"].number
    if latency is None or capacity is None:
        return "refused"
    if abs(latency - 1) < 5e-4 and abs(capacity - 1) < 5e-4:
        return "\N{MIDDLE DOT}"
    return f"{latency:.3f} / {capacity:.3f}"


def combined(document: Value) -> Table | None:
    """Return the released model with several mistakes corrected at once."""
    rows = [
        (
            row["corrected"].text or "",
            factor(row["latency_gain"].number),
            factor(row["capacity_gain"].number),
            amount(row["capacity_qps"].number, digits=4),
            amount(row["smallest_capacity_qps"].number, digits=4),
            amount(row["smallest_latency_ms"].number, digits=3),
        )
        for row in document["combined"]
    ]
    columns = ("corrected", "latency gain", "throughput gain", "(4, 4), q/s", "(64, 64), q/s", "(64, 64), ms")
    return Table("Several mistakes corrected at once", columns, rows) if rows else None


def configurations(document: Value) -> Table | None:
    """Return the configurations whose percentiles are known beside ours, released."""
    rows = []
    for row in document["configurations"]:
        logged = row["artifact_p95_ms"]
        if row["mode"].text != "released" or not logged:
            continue
        cells = []
        for place, at in ((0, "100.0"), (5, "500.0"), (7, "1000.0"), (9, "2000.0")):
            ours = [row["p95_ms"][kind].numbers[place] for kind in ("paper", "poisson")]
            stable = [list(row["stable"][kind])[place].raw for kind in ("paper", "poisson")]
            told = " / ".join(amount(ms) if ok else "-" for ms, ok in zip(ours, stable, strict=True))
            cells.append(f"{amount(logged[at].number)} | {told}")
        rows.append((row["name"].text or "", amount(row["latency_ms"].number, digits=4), *cells))
    columns = ("configuration", "ms alone", "100 q/s", "500 q/s", "1,000 q/s", "2,000 q/s")
    note = (
        "p95 in ms: logged | ours with whole-millisecond gaps / with Poisson arrivals; - where it cannot keep up. The "
        "logged ones have the emulation's own delays in them."
    )
    return Table("p95 by configuration, released", columns, rows, note) if rows else None


def devices(document: Value, arrivals: str, part: str = "fig14") -> Table | None:
    """Return figure 14, of the tiers of `part`."""
    rows = []
    for row in document[part]:
        if row["arrivals"].text != arrivals:
            continue
        cells = []
        for load in ("low", "medium", "high"):
            ours = row[load].number
            logged = row["artifact"][load].number if row["artifact"] else None
            beside = f" ({amount(logged)})" if logged else " (beyond)" if row["artifact"] else ""
            cells.append((amount(ours) if ours is not None else BEYOND) + beside)
        rows.append((f"{row['device'].text}, {row['stages'].text} st.", *cells))
    words = {"poisson": "Poisson arrivals", "paper": "whole-millisecond gaps"}[arrivals]
    note = (
        "p95 in ms, in brackets what the artifact logged. CPU and GPU: rooflines of 32 cores of cascade-lake and of a "
        "T4, neither measured here."
    )
    columns = ("device", "low, 67 q/s", "medium, 400 q/s", "high, 2,000 q/s")
    tiers = {"fig14": "Criteo", "fig14_movielens": "MovieLens-20M: not logged, quality unknown"}[part]
    return Table(f"CPU, GPU and RPAccel, {words} ({tiers})", columns, rows, note) if rows else None


def filters(document: Value) -> Table | None:
    """Return the top-k unit's settings, cost and quality."""
    rows = [
        (
            f"{row['bins'].text} bins, {row['parts'].text} part{'' if row['parts'].number == 1 else 's'}",
            row["excess"].text or "",
            f"{row['loss'].number or 0.0:+.5f}",
            percent(100 * (row["recall"].number or 0.0)),
            amount(row["chosen"].number, digits=4),
            count(row["cycles"].number),
            amount(row["state_kib"].number),
        )
        for row in document["fig10b"]["rows"]
    ]
    columns = ("setting", "excess", "NDCG lost", "recall of exact", "chosen", "cycles", "KiB of state")
    note = "`pass`: all above the last bin's edge go on; `fill`: the last bin fills up in order of arrival."
    return Table("The top-k unit", columns, rows, note) if rows else None


def searched(document: Value) -> Table | None:
    """Return the baseline, the paper's divisions and the front of the search."""
    rows = [
        (
            f"{row['name'].text}{', the knee' if row['knee'].raw else ''}",
            amount(row["latency_ms"].number),
            factor(row["latency_gain"].number),
            amount(row["capacity_qps"].number, digits=4),
            factor(row["capacity_gain"].number),
            amount(row["energy_mj"].number),
            _tail(row["p99_ms"].number),
        )
        for row in document["searched"]["rows"]
    ]
    columns = ("design", "latency, ms", "gain", "capacity, q/s", "gain", "mJ", "p99 at 2,000 q/s")
    note = "Corrected; gains over the baseline with the same hit curve. p99 in ms, Poisson arrivals."
    return Table("Divisions of one chip", columns, rows, note) if rows else None


def caches(document: Value) -> Table | None:
    """Return the claims of figure 10c, logged and found by both methods."""
    both = {mode: list(document["fig10c"][mode]["orderings"]) for mode in ("released", "corrected")}
    rows = [
        (
            row["claim"].text or "",
            row["logged"].text or NOT_MEASURED,
            f"{row['found'].text} ({HOLDS[row['holds'].raw]})",
            f"{ours['found'].text} ({HOLDS[ours['holds'].raw]})",
        )
        for row, ours in zip(both["released"], both["corrected"], strict=False)
    ]
    columns = ("claim", "logged", "its method here", "ours")
    return Table("What figure 10c says", columns, rows) if rows else None


def arrays(document: Value) -> Table | None:
    """Return figure 10a: cycles and utilisation by network and size of the array."""
    rows = [
        (
            f"{row['network'].text} on {row['side'].text}x{row['side'].text}",
            count(row["cycles"].number),
            count(row["artifact_cycles"].number),
            f"{100 * (row['utilisation'].number or 0.0):.2f} %",
        )
        for row in document["fig10a"]
    ]
    columns = ("network and array", "cycles", "the artifact's", "utilisation")
    return Table("Size of the array", columns, rows) if rows else None


def checks(document: Value) -> Table | None:
    """Return every check with our number."""
    rows = [
        (row["id"].text or "", row["text"].text or "", HOLDS[row["holds"].raw], row["ours"].text or NOT_MEASURED)
        for row in document["checks"]
    ]
    columns = ("", "check", "", "ours")
    note = "A: formulas, exact. B: simulated. C: orderings. D: what the original lacks."
    return Table("Checks", columns, rows, note) if rows else None

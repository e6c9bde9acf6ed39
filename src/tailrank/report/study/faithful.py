"""Is the infrastructure faithful? Arrivals and sizes by their law, and the simulator beside the engine."""

from statistics import median

from tailrank.report.document import Value
from tailrank.report.study.cells import title
from tailrank.report.tables import Table
from tailrank.report.wording import amount, count, factor, percent, plural

__all__ = ["faithful", "table"]

MOST_OTHERS = 0.1  # of the host's processor time; beyond workers wait for a core, which no model of queues knows


def faithful(document: Value) -> list[str]:
    """Return the answer to whether the infrastructure is faithful, by sentences; empty where nothing is known."""
    checks = {int(row["id"].number or 0): row["ours"].text for row in document["checks"]}
    found = [
        f"Arrivals are an exact Poisson process: {checks[12]}." if checks.get(12) else "",
        f"Sizes have production's heavy tail: of all items the queries above the 75th percentile carry, by law, "
        f"{checks[11]}. The paper's own sizes are not public; a later system's sampler stands in for them."
        if checks.get(11)
        else "",
        _integer(document),
    ]
    return [*found, _engine(document["fidelity"])] if any(found) or document["fidelity"]["rows"].raw else found


def _engine(fidelity: Value) -> str:
    """Say how far the engine's percentiles are from the simulator's, or why there are none."""
    own, profiled = (
        [
            ours / simulated - 1
            for row in fidelity["rows"]
            if (ours := row["engine_ms"].number) and (simulated := row[key].number)
        ]
        for key in ("own_times_ms", "profiled_ms")
    )
    if not own or not profiled:
        reason = fidelity["absent"].text
        return f"The simulator is not compared with an engine in this document: {reason or 'nothing was measured'}."
    others = fidelity["others"].number
    busy = f" Other processes took {percent(100 * others)} of the host's processor time." if others else ""
    caution = (
        " On a host shared like that neither number is about the simulator: run it again where nothing else runs."
        if _disturbed(fidelity)
        else ""
    )
    return (
        f"The simulator against our engine on the host that made this page, same trace and plan: with the service "
        f"times of the run itself p95 is off by {_errors(own)}, with profiled ones by {_errors(profiled)} "
        f"(n = {plural(len(own), 'run')}).{busy}{caution}"
    )


def _errors(found: list[float]) -> str:
    sizes = [100 * abs(each) for each in found]
    return f"{percent(median(sizes))} in the median and {percent(max(sizes))} at most"


def _disturbed(fidelity: Value) -> bool:
    """Whether other processes took so much of the host that its workers had no cores of their own."""
    return (fidelity["others"].number or 0.0) > MOST_OTHERS


def _integer(document: Value) -> str:
    ratios = {row["network"].text or "": row["ratio"].number for row in document["poisson"]}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    if not known:
        return ""
    low, high = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    return (
        f"The artifact's own arrivals are not Poisson: with its whole-millisecond gaps capacity would be "
        f"{factor(known[low])} ({title(low)}) to {factor(known[high])} ({title(high)}) of what it is."
    )


def table(document: Value) -> Table | None:
    """Return the engine's 95th percentile beside the simulator's, run by run."""
    rows = []
    for row in document["fidelity"]["rows"]:
        engine, load = row["engine_ms"].number, row["load"].number
        simulated = [row[key].number for key in ("own_times_ms", "profiled_ms")]
        rows.append(
            (
                f"{title(row['network'].text or '')}, {percent(None if load is None else 100 * load)} of full load",
                amount(row["offered_qps"].number),
                count(row["queries"].number),
                amount(engine),
                *(amount(each) for each in simulated),
                *(factor(engine / each if engine and each else None) for each in simulated),
            )
        )
    columns = (
        "network, load",
        "offered (queries/s)",
        "queries",
        "engine, p95 (ms)",
        "simulator, own times (ms)",
        "simulator, profiled (ms)",
        "engine over own times",
        "engine over profiled",
    )
    found = document["fidelity"]
    note = (
        f"On the host that made this page, {count(found['workers'].number)} workers, small tables. Full load is what "
        f"the engine finishes when it never waits. Own times: each slice takes in the simulator what it took in that "
        f"run."
    )
    left = [name.text or "" for name in found["left_out"]]
    note += f" Not run, for lack of time: {', '.join(map(title, left))}." if left else ""
    return Table("Engine and simulator", columns, rows, note) if rows else None

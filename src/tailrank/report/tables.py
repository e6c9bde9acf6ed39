"""The tables of the page: each reads the document and returns rows of finished text, or None."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tailrank.report.document import Value
from tailrank.report.wording import (
    NOT_MEASURED,
    amount,
    capacity_found,
    count,
    interval,
    percent,
    plural,
    scaled,
    tail_name,
    target,
    times,
)

__all__ = ["Table", "accuracy", "arrivals", "engine_runs", "facts", "overheads", "summary"]

NEAR = 0.02  # a simulated load this close to the capacity stands for it
PERCENTILES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True)
class Table:
    """A heading, column names, rows of text (the first cell names the row), and a note below."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def summary(document: Value) -> Table:
    """Return simulator and engine, tuned and baseline, side by side."""
    engine, baseline = document["engine"], document["baseline"]
    columns = [_simulated(document, document, "tuned"), _simulated(document, baseline, "baseline")]
    columns[0].update(
        speedup=times(document["speedup"].number), speedup_range=interval(document["speedup_ci95"], digits=4)
    )
    names = ["simulator, tuned", "simulator, baseline"]
    if engine:
        names += ["engine, tuned", "engine, baseline"]
        columns += [_measured_tuned(engine), _measured_baseline(engine)]
    keys = {
        "capacity": "capacity (queries/s)",
        "range": "95 % interval (engine: bracket)" if engine else "95 % interval",
        "speedup": "speed-up over the baseline",
        "speedup_range": "95 % interval of the speed-up",
        "p50_ms": "p50 at capacity (ms)",
        "p95_ms": "p95 at capacity (ms)",
        "p99_ms": "p99 at capacity (ms)",
    }
    rows = [(words, *(column.get(key, "") for column in columns)) for key, words in keys.items()]
    engine_words = "; on the engine, at the highest offered load that met the target" if engine else ""
    note = (
        f"Capacity is the highest offered load that meets {target(document['sla'])}. Percentiles are at the simulated "
        f"load nearest to capacity, if one lies within {100 * NEAR:g} %{engine_words}."
    )
    return Table("Capacity, tuned against baseline", ("", *names), rows, note)


def _simulated(document: Value, result: Value, plan: str) -> dict[str, str]:
    capacity = result["capacity_qps"].number
    near = [
        point
        for point in document["curve"]
        if (point["plan"].text or "tuned") == plan
        and capacity
        and abs((point["offered_qps"].number or 0) / capacity - 1) <= NEAR
    ]
    point = min(near, key=lambda each: abs((each["offered_qps"].number or 0) - (capacity or 0)), default=Value())
    return {
        "capacity": amount(capacity),
        "range": interval(result["capacity_ci95_qps"]),
        **{key: amount(point[key].number) for key in PERCENTILES},
    }


def _measured_tuned(engine: Value) -> dict[str, str]:
    return {
        "capacity": capacity_found(engine["capacity_qps"], engine["capacity_bracket_qps"]),
        "range": interval(engine["capacity_bracket_qps"]),
        "speedup": times(engine["speedup"].number),
        "speedup_range": interval(engine["speedup_ci95"], digits=4) if engine["speedup_ci95"] else NOT_MEASURED,
        **{key: amount(engine[key].number) for key in PERCENTILES},
    }


def _measured_baseline(engine: Value) -> dict[str, str]:
    met = [run for run in engine["runs"] if run["plan"].raw == "baseline" and run["met"].raw is True]
    run = max(met, key=lambda each: each["offered_qps"].number or 0, default=Value())
    return {
        "capacity": capacity_found(engine["baseline_capacity_qps"], engine["baseline_capacity_bracket_qps"]),
        "range": interval(engine["baseline_capacity_bracket_qps"]),
        **{key: amount(run[key].number) for key in PERCENTILES},
    }


def accuracy(document: Value) -> Table | None:
    """Return how far the simulator was off the engine, for each source of the service times it was given."""
    check = document["engine"]["p95_at_70pct"]
    tail = tail_name(document["sla"])
    rows = []
    for words, overall, ms, error in (
        ("profiled before the search", "sim_error_earlier_profile_pct", "", ""),
        ("profiled", "sim_error_pct", "sim_ms", "error_pct"),
        ("recorded in the same run", "sim_error_same_run_pct", "same_run_ms", "error_same_run_pct"),
    ):
        found = [document[overall].number, check[error].number, check[ms].number]
        if any(number is not None for number in found):
            measured = check["engine_ms"].number if ms else None
            rows.append((words, percent(found[0]), percent(found[1]), amount(found[2]), amount(measured)))
    columns = (
        "service times the simulator was given",
        "error in capacity",
        f"error in {tail} at 70 % load",
        f"simulated {tail} there (ms)",
        f"measured {tail} there (ms)",
    )
    repeats = check["repeats"].number
    note = "Simulator over engine, minus one. "
    note += f"At 70 % load: {plural(int(repeats), 'repeat')}. " if repeats is not None else ""
    note += "Profiled service times drift with the host; those of the same run leave the queueing model's own error."
    return Table("How far off the simulator was", columns, rows, note) if rows else None


def engine_runs(document: Value) -> Table | None:
    """Return every run on the engine, in the order played."""
    tail = tail_name(document["sla"])
    columns = (
        "plan",
        "offered (queries/s)",
        "achieved (queries/s)",
        "queries",
        "seconds",
        "p50 (ms)",
        "p95 (ms)",
        "p99 (ms)",
        f"simulated {tail} (ms)",
        f"same-run {tail} (ms)",
        "target",
    )
    rows = []
    for run in document["engine"]["runs"]:
        met = run["met"].raw
        words = ("met" if met else "missed") if isinstance(met, bool) else NOT_MEASURED
        words += ", saturated" if run["saturated"].raw is True else ""
        numbers = [run[key].number for key in ("seconds", *PERCENTILES, "sim_p95_ms", "same_run_p95_ms")]
        rows.append(
            (
                ", ".join(filter(None, [run["plan"].text, run["purpose"].text])) or NOT_MEASURED,
                amount(run["offered_qps"].number),
                amount(run["achieved_qps"].number),
                count(run["queries"].number),
                *map(amount, numbers),
                words,
            )
        )
    return Table("Engine runs", columns, rows) if rows else None


def arrivals(document: Value) -> Table | None:
    """Return the check that the arrivals played are the arrivals asked for."""
    check = document["arrivals_check"]
    if not check:
        return None
    rows = [
        ("coefficient of variation of the gaps", amount(check["gap_cv"].number, digits=4), "1"),
        ("Kolmogorov-Smirnov distance", amount(check["ks_statistic"].number), "0"),
        ("p-value of that distance", amount(check["ks_p"].number), "above 0.01"),
    ]
    note = f"Gaps between n = {count(check['gaps'].number)} scheduled arrivals, against the exponential distribution."
    if check["poisson"].raw is False:
        note += " The workload did not ask for Poisson arrivals, so they need not agree."
    return Table("Arrivals, against a Poisson process", ("", "this trace", "Poisson"), rows, note)


def overheads(document: Value) -> Table | None:
    """Return what serving costs beside the batches; names ending in `_ns` are shown in microseconds."""
    rows = []
    for key, value in document["profile"]["overheads"].pairs:
        if key.endswith("_ns"):
            nanoseconds = value.number
            rows.append((key[:-3].replace("_", " "), amount(None if nanoseconds is None else nanoseconds / 1e3, "µs")))
        else:
            rows.append((key.replace("_", " "), value.text or NOT_MEASURED))
    cpu_us = document["engine"]["dispatcher_cpu_us_per_query"].number
    if cpu_us is not None:
        rows.append(("dispatcher CPU per query (measured while serving)", amount(cpu_us, "µs")))
    return Table("Overheads of the engine", ("", "value"), rows) if rows else None


def facts(document: Value) -> list[tuple[str, str]]:
    """Return what was tested, on what, as (term, words) pairs; what is not recorded is left out."""
    network, workload, host = document["network"], document["workload"], document["host"]
    python = f"Python {host['python'].text}" if host["python"].text else None
    found: list[tuple[str, list[str | None]]] = [
        ("Tables", [_known(count, network["tables"]), _known(_bytes, network["table_bytes"])]),
        ("Rows", [_known(_rows, network["row_scale"])]),
        ("Per item", _per_item(network)),
        ("Executor", [network["executor"].text, network["precision"].text]),
        ("Served by", [_served(pool, words) for pool, words in document["engine"]["served_by"].pairs]),
        ("Matmul precision", [network["matmul_precision"].text]),
        ("Arrivals", [_settings(workload["arrivals"])]),
        ("Query sizes", [_settings(workload["sizes"])]),
        ("Embedding accesses", [_settings(workload["accesses"])]),
        ("Host", [host["cpu"].text, _known(lambda cores: plural(int(cores), "core"), host["cores"])]),
        ("Memory", [_known(lambda memory: amount(memory, "GiB"), host["memory_gib"])]),
        ("System", [host["os"].text, python]),
    ]
    return [(term, ", ".join(filter(None, words))) for term, words in found if any(words)]


def _served(pool: str, threads: Value) -> str | None:
    return None if threads.text is None else f"{threads.text} ({pool})"


def _known(words: Callable[[float], str], value: Value) -> str | None:
    return None if value.number is None else words(value.number)


def _bytes(value: float) -> str:
    return scaled(value, "B")


def _rows(scale: float) -> str:
    return "as published" if scale == 1 else f"{scale:.3g} of the published rows"


def _per_item(network: Value) -> list[str | None]:
    return [
        _known(lambda value: scaled(value, "FLOP"), network["flops_per_item"]),
        _known(_bytes, network["bytes_per_item"]),
        _known(lambda value: f"{count(value)} lookups", network["lookups_per_item"]),
    ]


def _settings(part: Value) -> str | None:
    """Return a workload part as "production (median 80)"."""
    others = [f"{key} {value.text}" for key, value in part.pairs if key != "kind" and value.text]
    kind = part["kind"].text
    return f"{kind} ({', '.join(others)})" if kind and others else kind

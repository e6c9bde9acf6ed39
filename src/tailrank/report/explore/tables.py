"""The tables of the answer: both plans side by side, the engine's runs, the front, and RecPipe's three questions."""

from tailrank.report.document import Value
from tailrank.report.explore.answer import span
from tailrank.report.explore.points import (
    depth,
    exact_interval,
    factor,
    funnel,
    metric,
    quality,
    repeated,
    signed,
    stages_words,
    workers,
)
from tailrank.report.tables import Table
from tailrank.report.wording import (
    NOT_MEASURED,
    SPACE,
    amount,
    capacity_found,
    count,
    interval,
    percent,
    plural,
    tail_name,
    target,
)

__all__ = ["engine_runs", "front", "questions", "side_by_side"]

PLANS = {"chosen": "chosen funnel", "best_single_stage": "best single stage"}


def side_by_side(document: Value) -> Table | None:
    """Return the chosen funnel beside the best single stage: simulated, and served where the engine was run."""
    if not document["chosen"] and not document["best_single_stage"]:
        return None
    rows = [*_simulated(document), *(_served(document) if document["engine"] else [])]
    note = f"Capacity is the highest load that meets {target(document['sla'])}. "
    note += "The best single stage is the one of highest capacity within the same quality floor, with its items and "
    note += "batch size tuned as well. Ratios above 1 favour the funnel."
    columns = ("", *PLANS.values(), "ratio or difference")
    return Table("The chosen funnel against the best single stage", columns, rows, note)


def _simulated(document: Value) -> list[tuple[str, ...]]:
    both = [document[key] for key in PLANS]
    load, tail, difference = (
        amount(document["load_qps"].number),
        tail_name(document["sla"]),
        document["quality_difference"],
    )
    gap = f"{signed(difference['mean'].number)} ({exact_interval(difference['ci95'], sign=True)})"
    return [
        ("funnel", *(funnel(each) if each else NOT_MEASURED for each in both), ""),
        ("batch sizes", *(_batches(each) for each in both), ""),
        ("workers", *(workers(each) or NOT_MEASURED for each in both), ""),
        (f"{metric(document)} offline, 95 % interval", *(_with_interval(each) for each in both), gap),
        (
            "capacity, simulator (queries/s)",
            *(f"{amount(each['capacity_qps'].number)}{_in_brackets(repeated(each))}" for each in both),
            _ratio(document["predicted_ratio_capacity"], span(*both)),
        ),
        (
            f"{tail} at {load} queries/s, simulator (ms)",
            *(amount(each["p95_ms"].number) for each in both),
            factor(document["predicted_ratio_p95"].number),
        ),
    ]


def _served(document: Value) -> list[tuple[str, ...]]:
    engine, tail = document["engine"], tail_name(document["sla"])
    both = [engine[key] for key in PLANS]
    difference, load = engine["quality_difference"], amount(engine["load_qps"].number)
    gap = f"{signed(difference['mean'].number)} ({exact_interval(difference['ci95'], sign=True)})" if difference else ""
    return [
        (
            "capacity, engine (queries/s), bracket",
            *(
                f"{capacity_found(each['capacity_qps'], each['capacity_bracket_qps'])}"
                f"{_in_brackets(interval(each['capacity_bracket_qps']))}"
                for each in both
            ),
            _ratio(document["ratio_capacity"], span(*both)),
        ),
        ("error of the simulator in capacity", *(percent(each["sim_error_pct"].number) for each in both), ""),
        (
            f"{tail} at {load} queries/s, engine (ms), runs",
            *(f"{amount(each['p95_ms'].number)}{_in_brackets(_listed(each['p95_ms_runs']))}" for each in both),
            factor(document["ratio_p95"].number),
        ),
        (f"{metric(document)} of the answers served", *(_with_interval(each) for each in both), gap),
        (
            "the same queries, offline",
            *(quality(each["quality_offline_same_queries"].number) for each in both),
            "",
        ),
        (
            "answers equal to the offline funnel's",
            *(f"{count(each['answers_equal'].number)} of {count(each['answers'].number)}" for each in both),
            "",
        ),
    ]


def engine_runs(document: Value) -> Table | None:
    """Return every run on the engine, in the order played."""
    rows = []
    for run in document["engine"]["runs"]:
        met = run["met"].raw
        plan = run["plan"].text or ""
        rows.append(
            (
                ", ".join(filter(None, [PLANS.get(plan, plan), run["purpose"].text])) or NOT_MEASURED,
                amount(run["offered_qps"].number),
                count(run["queries"].number),
                amount(run["p95_ms"].number),
                ("met" if met else "missed") if isinstance(met, bool) else NOT_MEASURED,
            )
        )
    columns = ("plan and purpose", "offered (queries/s)", "queries", f"{tail_name(document['sla'])} (ms)", "target")
    note = "Probes of the two plans take turns. Queries are the data's own, with their real candidates."
    return Table("Engine runs", columns, rows, note) if rows else None


def front(document: Value) -> Table | None:
    """Return every point of the front with the reason that it is there, best quality first."""
    points = sorted(document["front"], key=lambda each: -(each["quality"].number or 0.0))
    if not points:
        return None
    tail, load = tail_name(document["sla"]), amount(document["load_qps"].number)
    more = [
        (key, words)
        for key, words in (("cost_per_million", "$ a million"), ("energy_j", "J a query"))
        if any(each[key].number is not None for each in points)
    ]
    rows = [
        (
            _marked(each, document),
            _batches(each),
            f"{quality(each['quality'].number)}{_in_brackets(exact_interval(each['quality_ci95']))}".replace(
                " ", SPACE
            ),
            amount(each["p95_ms"].number) if each["p95_ms"].number is not None else "too much load",
            amount(each["capacity_qps"].number),
            *(amount(each[key].number) for key, _ in more),
            each["reason"].text or "",
        )
        for each in points
    ]
    name = f"{metric(document)} (95 % interval)"
    columns = ("funnel", "batch sizes", name, f"{tail} at {load} queries/s (ms)", "capacity (queries/s)")
    note = "Nothing that was simulated is at least as good in every objective "
    note += f"({', '.join(document['objectives'].texts) or 'not recorded'}) and better in one. Capacities are of one "
    note += "repetition each. Points may differ in batch sizes or in how workers are shared alone."
    return Table(
        f"{plural(len(points), 'point')}, best quality first",
        (*columns, *(words for _, words in more), "why"),
        rows,
        note,
    )


def questions(document: Value) -> Table | None:
    """Return the best of each number of stages at equal quality, at equal load and at equal latency."""
    asked = (
        ("iso_quality", "capacity", "equal quality: highest capacity"),
        ("iso_quality", "latency", "equal quality: lowest latency"),
        ("iso_load", "quality", f"equal load of {amount(document['load_qps'].number)} queries/s: best quality"),
        ("iso_latency", "quality", f"equal latency, {target(document['sla'])}: best quality"),
        ("iso_latency", "capacity", f"equal latency, {target(document['sla'])}: highest capacity"),
    )
    rows = []
    for key, what, words in asked:
        for stages, answers in document[key].pairs:
            point = answers[what]
            if not point:
                continue
            rows.append(
                (
                    words,
                    stages_words(int(stages)) if stages.isdigit() else stages_words(depth(point)),
                    funnel(point),
                    quality(point["quality"].number),
                    amount(point["p95_ms"].number),
                    amount(point["capacity_qps"].number),
                )
            )
            words = ""
    columns = ("at", "stages", "funnel", metric(document), f"{tail_name(document['sla'])} (ms)", "capacity (queries/s)")
    return Table("The best of each number of stages", columns, rows, "Simulated.") if rows else None


def _marked(point: Value, document: Value) -> str:
    """Return the funnel in words, marked where it is the one chosen, the best single stage or the knee."""

    def same(other: Value) -> bool:
        keys = ("networks", "items", "batch_sizes", "pools", "sharing", "feed")
        return bool(other) and all(point[key].raw == other[key].raw for key in keys)

    marks = [words for key, words in (*PLANS.items(), ("knee", "knee")) if same(document[key])]
    return f"{funnel(point)} [{', '.join(marks)}]" if marks else funnel(point)


def _batches(point: Value) -> str:
    sizes = [each for each in point["batch_sizes"].numbers if each == each]
    return ", ".join(map(count, sizes)) or NOT_MEASURED


def _with_interval(point: Value) -> str:
    return f"{quality(point['quality'].number)}{_in_brackets(exact_interval(point['quality_ci95']))}"


def _in_brackets(words: str) -> str:
    return f" ({words})" if words and words != NOT_MEASURED else ""


def _ratio(value: Value, reach: str) -> str:
    return f"{factor(value.number)}{_in_brackets(reach)}"


def _listed(values: Value) -> str:
    return ", ".join(amount(each.number) for each in values if each.number is not None)

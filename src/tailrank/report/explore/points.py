"""A point of the exploration (a plan with its quality, capacity and latency) in words, and the colours of points."""

import math

from tailrank.report.charts.style import safe
from tailrank.report.document import Value
from tailrank.report.wording import (
    MINUS,
    NOT_MEASURED,
    SPACE,
    amount,
    capacity_found,
    count,
    describe_plan,
    interval,
    plural,
    tail_name,
)

__all__ = [
    "LINES",
    "STAGES",
    "depth",
    "drawn_colour",
    "exact_interval",
    "factor",
    "funnel",
    "hover",
    "metric",
    "quality",
    "repeated",
    "signed",
    "stages_words",
    "workers",
]

STAGES = {1: "#7b828c", 2: "#1f6fb4", 3: "#6a51a3", 4: "#b8860b"}
"""The colour of a funnel, by its number of stages."""

LINES = ("#7b828c", "#1f6fb4", "#2a8c78", "#b8860b", "#6a51a3", "#b5546a", "#4d4d4d", "#6baed6", "#a64c13", "#98a63a")
OTHER = "#4d4d4d"


def metric(document: Value) -> str:
    """Return the name of the quality, such as "NDCG@64"."""
    name = document["metric"].text
    return "quality" if name is None else name.replace("ndcg", "NDCG")


def depth(point: Value) -> int:
    """Return how many stages the funnel of `point` has; 0 where that is not recorded."""
    stages = point["stages"].number
    if stages is None or not 1 <= stages <= len(STAGES):
        return len(point["networks"].texts)
    return int(stages)


def drawn_colour(stages: int) -> str:
    """Return the colour of funnels with so many stages."""
    return STAGES.get(stages, OTHER)


def stages_words(stages: int) -> str:
    """Return "1 stage", "2 stages", on one line."""
    return plural(stages, "stage").replace(" ", SPACE)


def funnel(point: Value) -> str:
    """Return the funnel in a few words: "rm-small on 1,024 items, then rm-large on 102"."""
    networks, items = point["networks"].texts, point["items"].numbers
    if not networks or len(networks) != len(items):
        return describe_plan(point["plan"])
    words = []
    for number, (network, entering) in enumerate(zip(networks, items, strict=True)):
        unit = " items" if number == 0 else ""
        words.append(f"{network} on {_count(entering)}{unit}")
    return ", then ".join(words)


def workers(point: Value) -> str:
    """Return the workers of the plan: "2 cpu workers", by pool; empty where they are not recorded."""
    found = []
    for name, pool in point["plan"]["pools"].pairs:
        each = pool["workers"].number
        if each is not None:
            found.append(plural(int(each), f"{name} worker"))
    return ", ".join(found)


def quality(value: float | None) -> str:
    """Return a quality to four decimals."""
    return NOT_MEASURED if value is None or not math.isfinite(value) else f"{value:.4f}"


def signed(value: float | None) -> str:
    """Return a difference of qualities to four decimals, with its sign."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:+.4f}".replace("-", MINUS)


def exact_interval(bounds: Value, *, sign: bool = False) -> str:
    """Return an interval of qualities, or of differences of them with `sign`, to four decimals."""
    ends = bounds.numbers
    if len(ends) != 2 or not all(map(math.isfinite, ends)):
        return NOT_MEASURED
    words = signed if sign else quality
    return f"{words(ends[0])} to {words(ends[1])}"


def factor(value: float | None) -> str:
    """Return a ratio with its sign: 3.24 times; three digits, which is more than engines repeat."""
    return NOT_MEASURED if value is None or not math.isfinite(value) else f"{amount(value)}\N{MULTIPLICATION SIGN}"


def repeated(point: Value) -> str:
    """Return the 95 % interval of a simulated capacity; empty where it was found in one repetition only."""
    ends = point["capacity_ci95_qps"].numbers
    return interval(point["capacity_ci95_qps"]) if len(ends) == 2 and all(map(math.isfinite, ends)) else ""


def hover(point: Value, document: Value) -> str:
    """Return the whole plan and what is known of it, line by line, as markup for a figure."""
    lines = [*_stage_lines(point), _pool_line(point)]
    lines.append(f"{metric(document)} {quality(point['quality'].number)} ({exact_interval(point['quality_ci95'])})")
    load = amount(document["load_qps"].number)
    tail = point["p95_ms"].number
    lines.append(
        f"cannot keep up with {load} queries/s"
        if tail is None
        else f"{tail_name(document['sla'])} {amount(tail, 'ms')} at {load} queries/s"
    )
    spread = repeated(point)
    lines.append(
        f"capacity {capacity_found(point['capacity_qps'], Value())}{f' ({spread})' if spread else ''} queries/s"
    )
    lines += [
        f"{amount(point[key].number)} {unit}"
        for key, unit in (("cost_per_million", "$ a million queries"), ("energy_j", "J a query"))
        if point[key].number is not None
    ]
    return "<br>".join(safe(line) for line in lines if line)


def _stage_lines(point: Value) -> list[str]:
    """Return a line a stage: what enters it, its network, batch size and pool."""
    batches, pools = point["batch_sizes"].numbers, point["pools"].texts
    networks, items = point["networks"].texts, point["items"].numbers
    if not networks or not len(networks) == len(items) == len(batches):
        return [describe_plan(point["plan"])]
    many = len(set(pools)) > 1 and len(pools) == len(networks)
    return [
        f"{number + 1}. {network} on {_count(items[number])} items, batch size {_count(batches[number])}"
        + (f", {pools[number]}" if many else "")
        for number, network in enumerate(networks)
    ]


def _pool_line(point: Value) -> str:
    found = [workers(point)]
    if depth(point) > 1 and len(point["plan"]["pools"].pairs) == 1:
        found.append("shared by the stages")
    feed = point["feed"].text
    if feed is not None and feed != "whole":
        found.append(f"finished slices feed the next stage ({feed})")
    for stage in point["plan"]["stages"]:
        at = stage["offload_at"].number
        if at is not None:
            found.append(f"queries of {count(at)} items and more on {stage['offload_pool'].text or 'another pool'}")
    return ", ".join(filter(None, found))


def _count(value: float) -> str:
    return count(value) if math.isfinite(value) else "?"

"""The winning funnel drawn as a funnel, the best single stage beside it: geometry only, a template draws it.

The width of a stage is in proportion to the items that enter it, and narrows to what it passes on; the bars of time
are in proportion to its work. Both drawings share both scales.
"""

import math
from dataclasses import dataclass

from tailrank.report.document import Value
from tailrank.report.explore.points import depth, metric, quality
from tailrank.report.wording import amount, count, plural

__all__ = ["Drawing", "Step", "drawings"]

WIDE, LEAST = 210.0, 5.0  # width of the most items, and of few
TIME = 130.0  # width of the bar of the most work
STEP, HEAD, FOOT = 122, 26, 8  # heights: of a stage, above the first, below the last
GAP = 26  # between stages, where what passes on is written
CENTRE = 112.0  # of the funnel
COLOURS = ("#9db8d3", "#5b8fc2", "#1f6fb4", "#174f80")


@dataclass(frozen=True)
class Step:
    """One stage: the corners of its shape, where it begins, its bar of time, and its words."""

    corners: str
    top: int
    colour: str
    entering: str
    network: str
    lines: tuple[str, ...]
    time_width: float
    time: str


@dataclass(frozen=True)
class Drawing:
    """A whole funnel; `title` says which, `words` what it is for those who do not see it."""

    title: str
    words: str
    height: int
    steps: tuple[Step, ...]
    bottom: int
    results: str
    under: str


def drawings(document: Value) -> list[Drawing]:
    """Return the chosen funnel, and the best single stage beside it where that is another; none without stages."""
    rows = list(document["funnel"])
    named = [("The chosen funnel", "chosen"), ("The best single stage", "best_single_stage")]
    found = [(title, key, list(row)) for (title, key), row in zip(named, rows, strict=False)]
    found = [each for each in found if each[2] and all(_known(stage) for stage in each[2])]
    if len(found) == 2 and found[0][2] == found[1][2]:
        found = found[:1]
    stages = [stage for *_, row in found for stage in row]
    most_items = max((stage["items"].number or 0.0 for stage in stages), default=0.0)
    most_work = max((stage["work_ms"].number or 0.0 for stage in stages), default=0.0)
    return [_drawing(title, document[key], row, document, most_items, most_work) for title, key, row in found]


def _known(stage: Value) -> bool:
    items = stage["items"].number
    return items is not None and 0 < items < 1e12


def _drawing(
    title: str, point: Value, row: list[Value], document: Value, most_items: float, most_work: float
) -> Drawing:
    entering = [stage["items"].number or 0.0 for stage in row]
    results = point["plan"]["stages"]
    last = [stage["keep"].number for stage in results]
    out = last[-1] if last and last[-1] is not None and last[-1] > 0 else entering[-1]
    widths = [max(LEAST, WIDE * each / most_items) for each in (*entering, min(out, entering[-1]))]
    steps = []
    for number, stage in enumerate(row):
        top = HEAD + number * STEP
        work = max(0.0, stage["work_ms"].number or 0.0)
        shade = min(len(COLOURS) - 1, number + (len(COLOURS) - len(row)) // 2)
        steps.append(
            Step(
                corners=_corners(widths[number], widths[number + 1], top),
                top=top,
                colour=COLOURS[shade],
                entering=f"{count(entering[number])} items",
                network=stage["network"].text or "a network",
                lines=_lines(stage, document),
                time_width=round(TIME * work / most_work, 1) if most_work > 0 else 0.0,
                time=f"{amount(work, 'ms')} of work" if stage["work_ms"].number is not None else "",
            )
        )
    bottom = HEAD + len(row) * STEP
    height = bottom + FOOT
    return Drawing(
        title,
        _spoken(title, row),
        height,
        tuple(steps),
        bottom,
        f"{count(out)} results",
        _under(row, point, document),
    )


def _corners(above: float, below: float, top: int) -> str:
    """Return the corners of a stage: its slope takes the upper part, so that what it keeps reaches the next one."""
    neck, end = top + round(0.6 * STEP), top + STEP - GAP
    right = [(CENTRE + above / 2, top), (CENTRE + below / 2, neck), (CENTRE + below / 2, end)]
    left = [(2 * CENTRE - x, y) for x, y in reversed(right)]
    return " ".join(f"{x:.1f},{y}" for x, y in [*right, *left])


def _lines(stage: Value, document: Value) -> tuple[str, ...]:
    """Return what is written beside a stage, below its network."""
    workers = stage["workers"].number
    where = plural(int(workers), f"{stage['pool'].text or 'cpu'} worker") if workers is not None else ""
    batch = stage["batch_size"].number
    placed = [where, "" if batch is None else f"batch size {count(batch)}"]
    idle, reached = stage["idle_ms"].number, stage["quality"].number
    return (
        ", ".join(filter(None, placed)),
        "" if idle is None else f"{amount(idle, 'ms')} on an idle machine",
        "" if reached is None else f"{metric(document)} {quality(reached)} if it ended here",
    )


def _under(row: list[Value], point: Value, document: Value) -> str:
    """Return the sum of all stages, for below the drawing."""
    work = [stage["work_ms"].number for stage in row]
    words = [f"{metric(document)} {quality(point['quality'].number)}"]
    if all(each is not None for each in work):
        words.append(f"{amount(math.fsum(each or 0.0 for each in work), 'ms')} of work a query in all")
    pools = len(point["plan"]["pools"].pairs)
    if depth(point) > 1 and pools:
        words.append("the stages share their workers" if pools == 1 else "stages have workers of their own")
    return "; ".join(words)


def _spoken(title: str, row: list[Value]) -> str:
    stages = (f"{stage['network'].text} on {count(stage['items'].number)} items" for stage in row)
    return f"{title}: {', then '.join(stages)}"

"""Who is busy when: two overlapping queries on sub-arrays, look-ahead cache and link, drawn from the document."""

from markupsafe import Markup

from tailrank.report.document import Value
from tailrank.report.rpaccel.palette import KIND_TITLES, KINDS, QUERIES
from tailrank.report.rpaccel.svg import drawing, line, rect, text
from tailrank.report.wording import amount

__all__ = ["gantt"]

WIDTH, LEFT, TOP, LANE, BAR = 1060.0, 138.0, 26.0, 34.0, 20.0
INK, SOFT, GRID = "#22262b", "#5d6570", "#e3e6ea"
STEPS = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


def gantt(chart: Value) -> Markup:
    """Return the drawing of one of the document's `gantt` charts; colours say what, the line below a bar whose."""
    lanes = chart["lanes"].texts
    segments = list(chart["segments"])
    apart = chart["apart_ms"].number or 0.0
    latencies = chart["latency_ms"].numbers
    end = max((segment["end_ms"].number or 0.0 for segment in segments), default=1.0) * 1.02
    scale = (WIDTH - LEFT - 8) / end
    bottom = TOP + LANE * len(lanes)
    parts = [*_axis(end, scale, bottom), *_lanes(lanes)]
    for segment in segments:
        parts += _bar(segment, lanes, scale)
    for query, latency in enumerate(latencies):
        parts += _span(query, query * apart, query * apart + latency, scale, bottom, latency)
    kinds = {segment["kind"].text or "" for segment in segments}
    parts += _legend(kinds, bottom + 38 + 16 * len(latencies))
    label = f"{len(latencies)} queries on {len(lanes)} lanes"
    return drawing(WIDTH, bottom + 48 + 16 * len(latencies), parts, label=label)


def _axis(end: float, scale: float, bottom: float) -> list[str]:
    step = next((each for each in STEPS if end / each <= 14), STEPS[-1])
    parts = []
    for number in range(int(end / step) + 1):
        x = LEFT + number * step * scale
        parts.append(line(x, TOP - 4, x, bottom, stroke=GRID))
        parts.append(text(x, TOP - 9, amount(number * step, digits=2), text_anchor="middle", fill=SOFT))
    return [*parts, text(LEFT - 10, TOP - 9, "ms", text_anchor="end", fill=SOFT)]


def _lanes(lanes: list[str]) -> list[str]:
    parts = []
    for number, lane in enumerate(lanes):
        y = TOP + LANE * number
        parts.append(line(0, y + LANE, WIDTH, y + LANE, stroke=GRID))
        parts.append(text(0, y + 20, lane, fill=INK))
    return parts


def _bar(segment: Value, lanes: list[str], scale: float) -> list[str]:
    start, end = (segment[key].number or 0.0 for key in ("start_ms", "end_ms"))
    query, part = (int(segment[key].number or 0) for key in ("query", "part"))
    kind, lane = segment["kind"].text or "", segment["lane"].text or ""
    x, y, width = LEFT + start * scale, TOP + LANE * lanes.index(lane) + 4, max(0.6, (end - start) * scale)
    title = f"query {query + 1}, part {part + 1}, {kind}: {amount(1000 * (end - start), 'µs')}"
    return [
        rect(x, y, width, BAR, title=title, fill=KINDS.get(kind, SOFT), stroke="#fff", stroke_width=0.5),
        rect(x, y + BAR + 1, width, 3, fill=QUERIES[query % len(QUERIES)]),
    ]


def _span(query: int, start: float, end: float, scale: float, bottom: float, latency: float) -> list[str]:
    colour, y = QUERIES[query % len(QUERIES)], bottom + 14 + 16 * query
    words = f"query {query + 1}: {amount(latency, 'ms')}"
    left, right = LEFT + start * scale, LEFT + end * scale
    return [
        line(left, TOP, left, y + 4, stroke=colour, stroke_dasharray="2 3"),
        line(right, TOP, right, y + 4, stroke=colour, stroke_dasharray="2 3"),
        line(left, y, right, y, stroke=colour, stroke_width=2.0),
        text(0, y + 4, words, fill=colour, font_weight=600),
    ]


def _legend(kinds: set[str], y: float) -> list[str]:
    parts, x = [], 0.0
    for kind, title in KIND_TITLES.items():
        if kind in kinds:
            parts += [rect(x, y - 9, 10, 10, fill=KINDS[kind]), text(x + 14, y, title, fill=SOFT)]
            x += 30 + 6.1 * len(title)
    return parts

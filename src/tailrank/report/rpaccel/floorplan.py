"""The floor plan of a design: its blocks to scale, the array and every SRAM divided between the stages."""

import math

from markupsafe import Markup

from tailrank.report.document import Value
from tailrank.report.rpaccel.palette import STAGES, UNUSED
from tailrank.report.rpaccel.svg import drawing, rect, text
from tailrank.report.wording import amount, percent

__all__ = ["floorplan"]

SCALE = 74.0  # pixels a millimetre
GAP, TOP = 3.0, 20.0
INK, SOFT = "#22262b", "#5d6570"
STRIPES = "#d3d7dc"


def floorplan(plan: Value) -> Markup:
    """Return the drawing of one of the document's `floorplans`.

    The array is a square of its area; activations and filters lie below it, embedding and weight SRAM beside it, all to
    one scale.
    """
    area = {name: value.number or 0.0 for name, value in plan["area_mm2"].pairs}
    side = math.sqrt(area["array"])
    strips = {name: area[name] / side for name in ("activation", "filter")}
    height = side + sum(strips.values())
    beside = (area["embedding"] + area["weight"]) / height
    parts = [text(0, 12, plan["name"].text or "", font_size=13, font_weight=650, fill=INK)]
    parts += _array(plan, 0, TOP, side * SCALE)
    y = TOP + side * SCALE + GAP
    for name in ("filter", "activation"):
        parts += _memory(plan, name, 0, y, side * SCALE, strips[name] * SCALE)
        y += strips[name] * SCALE + GAP
    x, y = side * SCALE + GAP, TOP
    for name in ("embedding", "weight"):
        tall = area[name] / beside * SCALE
        parts += _memory(plan, name, x, y, beside * SCALE, tall)
        y += tall + GAP
    width, bottom = x + beside * SCALE, TOP + height * SCALE + 2 * GAP
    parts += _legend(plan, bottom + 16)
    label = f"floor plan of {plan['name'].text}: {plan['rows'].text} x {plan['cols'].text} cells"
    return drawing(width, bottom + 16 + 15 * (1 + len(list(plan["stages"]))), parts, label=label, stripes=STRIPES)


def _array(plan: Value, x: float, y: float, side: float) -> list[str]:
    rows, cols = (plan[key].number or 1.0 for key in ("rows", "cols"))
    stages = list(plan["stages"])
    parts = [rect(x, y, side, side, fill="url(#stripes-d3d7dc)", stroke="#aeb5be")]
    if plan["shared"].raw:
        wide = side / len(stages)
        for number, stage in enumerate(stages):
            parts += _cell(stage, number, f"{plan['rows'].text}x{plan['cols'].text}", x + number * wide, y, wide, side)
        return [*parts, text(x + side / 2, y + 14, "in turns", text_anchor="middle", fill="#fff")]
    for placed in plan["placed"]:
        number = int(placed["stage"].number or 0)
        left, up, wide, tall = (placed[key].number or 0.0 for key in ("col", "row", "cols", "rows"))
        size = f"{tall:.0f}x{wide:.0f}"
        box = (x + left / cols * side, y + up / rows * side, wide / cols * side, tall / rows * side)
        parts += _cell(stages[number], number, size, *box)
    return parts


def _cell(stage: Value, number: int, size: str, x: float, y: float, width: float, height: float) -> list[str]:
    """Return one sub-array: as dark as it is busy at the design's capacity."""
    busy = min(1.0, stage["busy"].number or 0.0)
    title = f"stage {number + 1}, {size}: {percent(100 * busy)} busy at capacity"
    under = rect(x, y, width, height, fill="#fff")
    fill = rect(x, y, width, height, title=title, fill=STAGES[number], fill_opacity=0.25 + 0.65 * busy, stroke="#fff")
    if width < 24:
        return [under, fill]
    middle = x + width / 2
    words = [text(middle, y + height / 2 + 1, size, text_anchor="middle", fill="#fff", font_size=min(11, width / 5))]
    if height > 50 and width > 60:
        words.append(
            text(
                middle, y + height / 2 + 15, f"{100 * busy:.0f} % busy", text_anchor="middle", fill="#fff", font_size=10
            )
        )
    return [under, fill, *words]


def _memory(plan: Value, name: str, x: float, y: float, width: float, height: float) -> list[str]:
    """Return a block of SRAM or filters: what every sub-array has of it, side by side."""
    parts = [rect(x, y, width, height, fill="url(#stripes-d3d7dc)", stroke="#aeb5be")]
    left = x
    if plan["shared"].raw:
        parts.append(
            rect(x, y, width, height, title=f"{name}: for every stage in its turn", fill=UNUSED, stroke="#fff")
        )
    for number, stage in enumerate([] if plan["shared"].raw else plan["stages"]):
        share = stage["cache" if name == "embedding" else "share"].number or 0.0
        title = f"{name}: {percent(100 * share)} for one sub-array of stage {number + 1}"
        for _ in range(int(stage["servers"].number or 1)):
            wide = share * width
            parts.append(rect(left, y, wide, height, fill="#fff"))
            look = {"fill": STAGES[number], "fill_opacity": 0.3, "stroke": "#fff"}
            parts.append(rect(left, y, wide, height, title=title, **look))
            left += wide
    if height > 14:
        mm2 = amount(plan["area_mm2"][name].number, "mm²")
        words = {"embedding": "embedding rows", "weight": "weights", "activation": "activations"}[name]
        parts.append(text(x + 6, y + 14, f"{words}, {mm2}", fill=INK))
    return parts


def _legend(plan: Value, y: float) -> list[str]:
    parts = []
    for number, stage in enumerate(plan["stages"]):
        line = y + 15 * number
        network, items = stage["network"].text or "", int(stage["items"].number or 0)
        share = percent(100 * (stage["computing"].number or 0.0))
        words = f"{network}, {items:,} items; computing {share} of its time"
        parts += [rect(0, line - 9, 9, 9, fill=STAGES[number]), text(14, line, words, fill=SOFT)]
    ms, qps = amount(plan["latency_ms"].number, "ms"), amount(plan["capacity_qps"].number, "queries/s")
    return [*parts, text(0, y + 15 * len(list(plan["stages"])), f"{ms} alone, at most {qps}", fill=INK)]

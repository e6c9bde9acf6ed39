"""Checks of what the search found: batch sizes, gains, peaks, the GPU's share, the cost of the wrong sizes.

Each returns whether it holds (None: the document lacks what is needed) and our number in words.
"""

from itertools import pairwise

from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, geomean, in_order, title
from tailrank.report.study.charts.knobs import curves
from tailrank.report.study.paper import BOUND_BY
from tailrank.report.wording import amount, count, factor, percent, plural

__all__ = ["best_batch_sizes", "gains", "gpu", "gpu_share", "lognormal", "peaks", "samples"]

Found = tuple[bool | None, str]

SLACK = 0.01  # two capacities this close are the same: half of the widest interval
WIDEST = 0.02  # of a capacity's interval, from end to end, relative to the capacity
NO_CELLS = "no cells in the document"


def best_batch_sizes(document: Value) -> Found:
    """Compare tuned batch sizes between networks and along targets, CPU only."""
    cells, wrong, kept, falls = Cells(document), [], 0, []
    for host in cells.hosts:
        for target in cells.targets:
            sizes = cells.across("batch_size", host, "cpu", target)
            pairs = [(a, b) for a in ("rmc1", "rmc2") for b in ("rmc3", "wnd") if a in sizes and b in sizes]
            kept += sum(sizes[a] > sizes[b] for a, b in pairs)
            wrong += [
                f"{title(a)} {count(sizes[a])} and {title(b)} {count(sizes[b])} ({host}, {target})"
                for a, b in pairs
                if sizes[a] <= sizes[b]
            ]
        for network in cells.networks:
            along = list(cells.along("batch_size", network, host, "cpu").values())
            falls += [f"{title(network)} ({host})"] if any(b < a for a, b in pairwise(along)) else []
    if not kept and not wrong:
        return None, NO_CELLS
    words = f"larger in {kept} of {plural(kept + len(wrong), 'pair')}"
    words += f", not {wrong[0]}" if wrong else ""
    words += f"; falls for {', '.join(falls)}" if falls else "; never falls"
    return not wrong and not falls, words


def gains(document: Value) -> Found:
    """Compare tuned with static, and the mean gains along targets."""
    cells = Cells(document)
    below = [key for key, tuned, static in cells.pairs("cpu", "static") if _under(tuned, static)]
    means = {host: [cells.geomean_gain(host, "cpu", target) for target in cells.targets] for host in cells.hosts}
    known = {host: [gain for gain in row if gain is not None] for host, row in means.items()}
    if not any(known.values()):
        return None, NO_CELLS
    two = all(any(1.5 <= gain <= 2.7 for gain in row) for row in known.values() if row)
    grow = all(b > a for row in known.values() for a, b in pairwise(row))
    words = "; ".join(f"{host} {', '.join(map(factor, row))}" for host, row in known.items() if row)
    below_words = f"below static in {plural(len(below), 'cell')}" if below else "never below static"
    return not below and two and grow, f"{below_words}; means from tight to loose: {words}"


def peaks(document: Value) -> Found:
    """Compare the shapes of capacity over each knob."""
    cells = Cells(document)
    by_size = {(host, name): row for host in cells.hosts for name, row in curves(document, "batch_size", host).items()}
    by_at = {(host, name): row for host in cells.hosts for name, row in curves(document, "offload_at", host).items()}
    if not by_size or not by_at:
        return None, "no curves in the document"
    single = sum(_one_peak(row) for row in by_size.values())
    tops = {key: max(row, key=lambda point: point[1]) for key, row in by_at.items()}
    inner = [key for key, top in tops.items() if top[0] not in (by_at[key][0][0], by_at[key][-1][0])]
    places = {tops[key][0] for key in inner}
    holds = single == len(by_size) and 2 * len(inner) > len(by_at) and len(places) > 1
    words = (
        f"one peak in {single} of {plural(len(by_size), 'curve')} over batch sizes; inner optimum in {len(inner)} of "
        f"{len(by_at)} over thresholds, at {plural(len(places), 'different threshold')}"
    )
    return holds, words


def gpu(document: Value) -> Found:
    """Compare what the GPU adds with what tuning the CPU adds, in capacity and per watt."""
    cells = Cells(document)
    below = [key for key, both, alone in cells.pairs("gpu", "cpu") if _under(both, alone)]
    mlp = [
        (both / alone, alone)
        for key, cell, _ in cells.pairs("gpu", "cpu")
        if key[0] in BOUND_BY["mlp"]
        and (both := cell["gain"].number) is not None
        and (alone := cells.number("gain", *key[:3], "cpu")) is not None
        and alone > 0
    ]
    halves = [
        per_watt / gain
        for key, cell, _ in cells.pairs("gpu", "cpu")
        if (gain := _ratio(cells, "capacity_qps", key)) and (per_watt := _ratio(cells, cells.per_watt, key)) is not None
    ]
    half = geomean(halves)
    if not mlp or half is None:
        return None, NO_CELLS
    more = sum(added > tuned for added, tuned in mlp)
    words = (
        f"{'lowers capacity in ' + plural(len(below), 'cell') if below else 'never lowers capacity'}; adds more than "
        f"tuning in {more} of {plural(len(mlp), 'MLP cell')}; per watt {factor(half)} of the gain in capacity"
    )
    return not below and more == len(mlp) and 0.4 <= half <= 0.75, words


def gpu_share(document: Value) -> Found:
    """Compare the share of items on the GPU along targets."""
    cells = Cells(document)
    lines = {
        (host, network): list(shares.values())
        for host in cells.hosts
        for network in cells.networks
        if len(shares := cells.along("gpu_item_share", network, host, "gpu")) > 1 and any(shares.values())
    }
    if not lines:
        return None, "no shares of the GPU in the document"
    falls = sum(row[-1] < row[0] for row in lines.values())
    return falls == len(lines), f"from the tightest to the loosest target on {falls} of {len(lines)} networks and hosts"


def lognormal(document: Value) -> Found:
    """Compare the capacity lost by tuning on lognormal sizes along targets."""
    rows = [(row["target"].text or "", row["penalty"].number) for row in document["penalty"]]
    order = in_order(target for target, _ in rows)
    means = [
        mean for at in order if (mean := geomean(each for target, each in rows if target == at and each)) is not None
    ]
    if not means:
        return None, "no penalty in the document"
    holds = max(means) > 1 + SLACK and all(b >= a for a, b in pairwise(means))
    return holds, f"means from tight to loose: {', '.join(map(factor, means))}"


def samples(document: Value) -> Found:
    """Look at the width of every capacity's interval, and at searches repeated with other seeds."""
    widths = [
        (ends[1] - ends[0]) / qps
        for cell in Cells(document).by_key.values()
        if len(ends := cell["capacity_ci95_qps"].numbers) == 2 and (qps := cell["capacity_qps"].number)
    ]
    if not widths:
        return None, "no intervals in the document"
    repeats = [row["steps"].number for row in document["repeats"]]
    steps = [each for each in repeats if each is not None]
    words = f"widest interval {percent(100 * max(widths))} of its capacity (n = {plural(len(widths), 'cell')})"
    if not steps:
        return None if max(widths) <= WIDEST else False, f"{words}; not repeated with other seeds"
    words += f"; with other seeds at most {amount(max(steps))} steps apart (n = {plural(len(steps), 'search')})"
    return max(widths) <= WIDEST and max(steps) <= 1, words


def _under(cell: Value, other: Value) -> bool:
    """Return whether a capacity is below another one by more than the intervals allow."""
    return (cell["capacity_qps"].number or 0.0) < (1 - SLACK) * (other["capacity_qps"].number or 0.0)


def _ratio(cells: Cells, field: str, key: tuple[str, str, str, str]) -> float | None:
    both, alone = (cells.number(field, *key[:3], scheduler) for scheduler in ("gpu", "cpu"))
    return both / alone if both is not None and alone else None


def _one_peak(points: list[tuple[float, float, float, float]]) -> bool:
    """Return whether capacity rises to its top and falls behind it, as far as the intervals can tell."""
    top = max(range(len(points)), key=lambda at: points[at][1])
    rising, falling = points[: top + 1], points[top:][::-1]
    return all(b[3] >= a[2] for part in (rising, falling) for a, b in pairwise(part))

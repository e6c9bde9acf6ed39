"""Checks 10 and 13 of what a faithful RecPipe must show, line by line: does it hold, and our number."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from tailrank.tuner.recpipe.latency import ONE, THREE, TWO, TailCell

__all__ = ["line", "of_latency", "of_logged_quality", "of_quality"]

NAME = "as it ran"
CLAIMED_LOW, CLAIMED_HIGH = 1.7, 3.2  # two stages over one: at low load, at a nominal 1,000 queries a second
CLAIMED_GPU, CLAIMED_COLLAPSE_QPS = 2.3, 133.0
CLAIMED_OVER_GPU, CLAIMED_OVER_CPU = 8.0, 21.0
NEAR = 0.15  # of a claimed ratio
MUCH = 10.0  # times: one effect is much greater than another
TENTH = 0.1  # points
COLLAPSED = 10.0  # times the tail at low load


def line(check: int, where: str, text: str, holds: bool | None, ours: str) -> dict[str, Any]:
    """Return one line of a check; `holds` None: cannot be told."""
    return {"check": check, "where": where, "text": text, "holds": holds, "ours": ours}


def of_logged_quality(quality: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return check 10 of the artifact's own logged NDCG, in per cent by funnel: what ours stands beside."""
    networks, items = ("rm-small", "rm-med", "rm-large"), (256, 512, 1024, 2048, 4096)
    table = {name: [quality[f"{name}:{each}"] for each in items] for name in networks}
    grows = all(sorted(row) == row for row in table.values())
    larger = all(table["rm-small"][i] < table["rm-med"][i] < table["rm-large"][i] for i in range(len(items)))
    by_items, by_model = (
        table["rm-large"][-1] - table["rm-large"][0],
        table["rm-large"][-1] - table["rm-small"][-1],
    )
    few, many = quality[TWO], quality["rm-small:4096>rm-large:512"]
    where = "the artifact's logs"
    return [
        line(10, where, TEXTS[0], grows, f"{table['rm-large'][0]:.2f} to {table['rm-large'][-1]:.2f} % with RM_large"),
        line(10, where, TEXTS[1], larger, " < ".join(f"{table[name][-1]:.2f}" for name in networks) + " %"),
        line(10, where, TEXTS[2], by_items > MUCH * by_model, _effects(by_items, by_model)),
        line(10, where, TEXTS[3], abs(few - many) < TENTH, f"{few - many:+.2f} points"),
        line(
            10,
            where,
            TEXTS[4],
            abs(many - table["rm-large"][-1]) < TENTH,
            f"{many - table['rm-large'][-1]:+.2f} points",
        ),
    ]


TEXTS = (
    "NDCG rises with the items that are ranked, with every model",
    "NDCG rises with the model, on all items",
    "items do ten times as much as the model, or more",
    "128 or 512 of all items kept: within 0.1 points",
    "two stages are as good as the large model alone: at most 0.1 points lost",
)


def of_quality(name: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return check 10 of our tiers on data set `name`, from what `quality.measure` found."""
    rows = {row["funnel"]: row["ndcg"] for row in found["single"]}
    networks, items = found["networks"], found["items"]
    grows = all(
        rows[f"{network}:{few}"] < rows[f"{network}:{many}"]
        for network in networks
        for few, many in itertools.pairwise(items)
    )
    steps = found["checks"]["model_steps"]
    by_items, by_model = (found["effects"]["ndcg"][key] for key in ("items_points", "model_points"))
    large = networks[-1]
    first, last = (100 * rows[f"{large}:{each}"] for each in (items[0], items[-1]))
    lines = [
        line(10, name, TEXTS[0], grows, f"{first:.2f} to {last:.2f} % with {large}, {items[0]} to {items[-1]} items"),
        line(10, name, TEXTS[1], *_models(rows, networks, items[-1], steps)),
        line(10, name, TEXTS[2], by_items > MUCH * by_model, _effects(by_items, by_model)),
    ]
    pairs = found["checks"]["ndcg"]
    kept = pairs.get("keep_few_less_many")
    lines.append(line(10, name, TEXTS[3], None if kept is None else _small(kept, "either"), _interval(kept)))
    two = pairs["two_less_one"]
    if not two:
        return [*lines, line(10, name, TEXTS[4], None, "too few candidates")]
    kept_most = "512" if "512" in two else max(two, key=int)
    best = two[kept_most]
    others = ", ".join(
        f"{key.partition(':')[0]} first {_interval(each)}"
        for key, each in pairs["best_two_less_one"].items()
        if key.endswith(f":{kept_most}")
    )
    words = f"{networks[0]} first {_interval(best)}" + (f"; {others}" if others else "") + f", {kept_most} kept"
    lines.append(line(10, name, TEXTS[4], _small(best, "loss"), words))
    return lines


def of_latency(cells: Sequence[TailCell], accelerator_ms: float, modern: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return check 13: from the artifact's times in our simulator, and on the modelled host where that says more.

    `accelerator_ms` is our 95th percentile of RPAccel's two stages at low load; `modern` the capacities of one, two
    and three stages on the modelled CPU host.
    """
    return [*_cpu(cells, modern), *_gpu(cells), *_accelerator(cells, accelerator_ms)]


def _cpu(cells: Sequence[TailCell], modern: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    at = {(cell.logged.funnel, cell.logged.nominal_qps): cell for cell in cells if cell.logged.figure == "7c"}

    def ratio(qps: float) -> tuple[float, float]:
        one, two = at[ONE, qps], at[TWO, qps]
        return one.ours[NAME][0] / two.ours[NAME][0], one.logged.p95_ms / two.logged.p95_ms

    where = "CPU, the artifact's times"
    for qps, claimed, words in ((67.0, CLAIMED_LOW, "low load"), (1000.0, CLAIMED_HIGH, "a nominal 1,000 qps")):
        ours, logged = ratio(qps)
        yield line(
            13,
            where,
            f"two stages have a tail {claimed:g} times shorter than RM_large alone at {words}",
            abs(ours / claimed - 1) <= NEAR,
            f"{ours:.2f} (logged {logged:.2f})",
        )
    loads = sorted({qps for _, qps in at})
    worse = [at[THREE, qps].ours[NAME][0] > at[TWO, qps].ours[NAME][0] for qps in loads]
    yield line(
        13,
        where,
        "three stages are worse than two, at every load",
        all(worse),
        f"at {sum(worse)} of {len(loads)} loads",
    )
    yield line(
        13,
        "CPU, modelled modern host",
        "two stages beat one, three are worse than two: capacity",
        modern["two"] > modern["one"] and modern["two"] > modern["three"],
        f"{modern['one']:,.0f}, {modern['two']:,.0f} and {modern['three']:,.0f} qps with one, two and three stages",
    )


def _gpu(cells: Sequence[TailCell]) -> Iterator[dict[str, Any]]:
    at = {
        (cell.logged.devices, cell.logged.nominal_qps): cell
        for cell in cells
        if cell.logged.funnel == TWO and cell.logged.figure == "8"
    }
    where = "GPU front end, the artifact's times"
    low = {qps: at["cpu>cpu", qps].ours[NAME][0] / at["gpu>cpu", qps].ours[NAME][0] for qps in (67.0, 83.0, 100.0)}
    yield line(
        13,
        where,
        f"a GPU front end halves the tail ({CLAIMED_GPU:g} times) at up to 100 qps",
        abs(low[67.0] / CLAIMED_GPU - 1) <= NEAR and min(low.values()) > 1,
        ", ".join(f"{each:.2f} at {qps:g}" for qps, each in low.items()) + " qps",
    )
    lowest, there = at["gpu>cpu", 67.0].ours[NAME][0], at["gpu>cpu", CLAIMED_COLLAPSE_QPS]
    on_cpu = at["cpu>cpu", CLAIMED_COLLAPSE_QPS].ours[NAME][0]
    yield line(
        13,
        where,
        f"it collapses at {CLAIMED_COLLAPSE_QPS:g} qps, where CPUs alone do not",
        there.ours[NAME][0] > COLLAPSED * lowest and on_cpu < 2 * at["cpu>cpu", 67.0].ours[NAME][0],
        f"{there.ours[NAME][0]:,.0f} ms (logged {there.logged.p95_ms:,.0f}), CPUs alone {on_cpu:.0f} ms; one "
        f"engine can do {there.bound_qps:.0f} qps",
    )


def _accelerator(cells: Sequence[TailCell], accelerator_ms: float) -> Iterator[dict[str, Any]]:
    def lowest(devices: str, funnel: str) -> float:
        return next(
            cell.ours[NAME][0]
            for cell in cells
            if (cell.logged.devices, cell.logged.funnel, cell.logged.nominal_qps) == (devices, funnel, 67.0)
        )

    for claimed, words, theirs in (
        (CLAIMED_OVER_GPU, "the GPU's", lowest("gpu", ONE)),
        (CLAIMED_OVER_CPU, "the CPUs'", lowest("cpu>cpu", TWO)),
    ):
        yield line(
            13,
            "RPAccel, its published formulas",
            f"its tail is {claimed:g} times shorter than {words} at low load",
            theirs / accelerator_ms >= claimed,
            f"{theirs / accelerator_ms:.1f} times: {theirs:.1f} ms against {accelerator_ms:.2f} ms; logged ones hold "
            "0.5 ms of its emulator",
        )


def _models(
    rows: Mapping[str, float], networks: Sequence[str], items: int, steps: Mapping[str, Sequence[float]]
) -> tuple[bool | None, str]:
    """Return whether each model is better than the one before, beyond chance; None where some interval holds 0."""
    words = " < ".join(f"{100 * rows[f'{network}:{items}']:.2f}" for network in networks) + " %"
    falls = [name for name, found in steps.items() if found[2] < 0]
    unclear = [name for name, found in steps.items() if found[1] <= 0 <= found[2]]
    if falls:
        return False, words.replace("<", "then") + f"; worse: {', '.join(falls)}"
    if unclear:
        return None, words.replace("<", "then") + f"; no significant difference: {', '.join(unclear)}"
    return True, words


def _effects(by_items: float, by_model: float) -> str:
    return f"{by_items:.1f} points by items, {by_model:.1f} by the model"


def _interval(found: Sequence[float] | None) -> str:
    if found is None:
        return "too few candidates"
    return f"{found[0]:+.2f} points ({found[1]:+.2f} to {found[2]:+.2f})"


def _small(found: Sequence[float], side: Literal["either", "loss"]) -> bool | None:
    """Return whether a difference (value, low, high in points) is within a tenth, or at least no loss beyond it.

    False only where all of its interval is beyond; None where chance could have put it there.
    """
    value, low, high = found
    if value >= -TENTH and (side == "loss" or value <= TENTH):
        return True
    beyond = high < -TENTH or (side == "either" and low > TENTH)
    return False if beyond else None

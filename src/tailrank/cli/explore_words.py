"""The result of `explore` in words for people."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tailrank.cli.output import table

__all__ = ["describe"]


def describe(result: Mapping[str, Any], out: Path) -> str:
    """Return the result as text for people."""
    engine = result["engine"]
    header = ["", "funnel", "quality", "simulator qps", "simulator p95 ms"]
    header += ["engine qps", "engine p95 ms", "answers equal"] if engine else []
    rows = []
    for name, words in (("chosen", "chosen"), ("best_single_stage", "best single stage")):
        each = result[name]
        parts = zip(each["items"], each["networks"], each["batch_sizes"], strict=True)
        funnel = " > ".join(f"{items} {network}/{batch}" for items, network, batch in parts)
        row = [words, funnel, round(each["quality"], 4), each["capacity_qps"], each["p95_ms"]]
        if engine:
            at = engine[name]
            row += [at["capacity_qps"], at["p95_ms"], f"{at['answers_equal']} of {at['answers']}"]
        rows.append(row)
    difference, plans = result["quality_difference"], result["plans"]
    low, high = difference["ci95"]
    lines = [
        f"{result['data'].get('data', '')}: p{result['sla']['percentile']:g} <= {result['sla']['latency_ms']:g} ms, "
        f"{result['metric']} at least {result['reference']['floor']:.4f}, {100 * result['quality_drop']:g} % below the "
        "best single stage",
        "",
        table(header, rows),
        "",
        f"capacity        {_times(result['ratio_capacity'])} on the engine, "
        f"{_times(result['predicted_ratio_capacity'])} in the simulator",
        f"p95             {_times(result['ratio_p95'])} lower on the engine, "
        f"{_times(result['predicted_ratio_p95'])} in the simulator, at one load",
        f"quality         {difference['mean']:+.4f} ({low:+.4f} .. {high:+.4f}) to the best single stage, paired",
        f"funnels         {result['funnels_evaluated']} rated, {result['funnels_per_second']:.0f} a second; "
        f"{plans['plans']} plans by arithmetic, {plans['simulated']} simulated",
        f"front           {len(result['front'])} points",
        *(f"note            {note}" for note in result["notes"]),
        f"result          {out / 'result.json'} after {result['seconds']:.0f} s",
    ]
    return "\n".join(lines)


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"

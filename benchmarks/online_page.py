"""The page that `online.py` writes: every sentence with a number is made from the result."""

from collections.abc import Mapping
from typing import Any

NOISE = 0.05  # a p95 that rises by less is not called worse
REFERENCES = ("static, for the peak", "static, best the day before", "static, best in hindsight")
ONLINE = "online, lowest tail"


def page(result: Mapping[str, Any]) -> str:
    thinned = [
        f"Of the queries of the {name.capitalize()} day {100 * share:.0f} % are drawn at random: the shape of the\n"
        "load stays, and the run is shorter."
        for name, share in result["thinned"].items()
    ]
    lines = [
        "# Plans that follow the load",
        "",
        "Made by `python benchmarks/online.py --data DIR --write`; everything is simulated, on the roofline's service",
        "times, and repeats to the bit. The recordings are warped so that their busiest window offers",
        f"{100 * result['peak']:.0f} % of the highest capacity of any plan. The controller may change the plan every",
        f"{result['window_s']:g} s of the host's time; the accounts below are kept in windows of "
        f"{result['account_s']:g} s.",
        *thinned,
        "The tables are made from the loads of the day before (NASA: of the three days before the 21).",
        "",
        *verdict(result),
    ]
    for case in result["cases"]:
        lines += ["", f"## {case['network']} on {case['host']}, p95 <= {case['target_ms']:g} ms", ""]
        lines += [f"Highest capacity of any plan: {case['capacity_qps']:.0f} qps."]
        for part in case["parts"]:
            lines += part_lines(part, result["slower"])
    return "\n".join(lines) + "\n"


def verdict(result: Mapping[str, Any]) -> list[str]:
    """Say what came of the paper's claim, that tuning cut the production p95 by about 30 %."""
    parts = [(case, part, named(part["rows"])) for case in result["cases"] for part in case["parts"]]
    sums = [summed(reference, [rows for _, _, rows in parts]) for reference in REFERENCES]
    lines = [
        f"p95 of all queries under the controller, against one plan kept all the time, in {len(parts)} cases:",
        "",
        "| against | p95 lower by 30 % or more | lower | within 5 % | worse by more | worst |",
        "|---|---:|---:|---:|---:|---:|",
        *sums,
        "",
        "The first is the plan with the lowest p95 at the day's highest load. The second is the plan that would have",
        "given the day before the lowest p95: what one can choose knowing as much as the controller. The third is the",
        "plan with the lowest p95 of this very day, which nobody knows beforehand. The paper reports that in",
        "production its scheduler cut p95 by about 30 % against a static configuration (recalled, not confirmed).",
        "",
        "| case | recording | against the peak's plan | the day before's | hindsight's | median window's "
        "p95, against the day before's | energy, online frugal |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for case, part, rows in parts:
        ratios = " | ".join(percent(tail(rows, ONLINE) / tail(rows, each) - 1) for each in REFERENCES)
        window = found(rows, ONLINE)["window_tail_ms"] / found(rows, REFERENCES[1])["window_tail_ms"] - 1
        energy = found(rows, "online, least power")["energy_against_peak"]
        where = f"{case['network']} on {case['host']} | {part['recording']}"
        lines.append(f"| {where} | {ratios} | {percent(window)} | {percent(energy)} |")
    return lines


def summed(reference: str, cases: list[dict[str, Any]]) -> str:
    changes = [tail(rows, ONLINE) / tail(rows, reference) - 1 for rows in cases]
    much = sum(each <= -0.3 for each in changes)
    lower = sum(-0.3 < each <= -NOISE for each in changes)
    worse = sum(each > NOISE for each in changes)
    alike = len(changes) - much - lower - worse
    return f"| {reference} | {much} | {lower} | {alike} | {worse} | {percent(max(changes))} |"


def named(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["policy"]: row for row in rows}


def found(rows: Mapping[str, Any], name: str) -> Any:
    """Return the row called `name`, or the one whose name begins so."""
    return rows[name] if name in rows else next(row for key, row in rows.items() if key.startswith(name))


def tail(rows: Mapping[str, Any], name: str) -> float:
    return float(found(rows, name)["tail_ms"])


def part_lines(part: Mapping[str, Any], slower: float) -> list[str]:
    days = f"{part['days']} day" + ("s" if part["days"] > 1 else "")
    return [
        "",
        f"### {part['recording']}",
        "",
        f"{days}, {part['queries']:,} queries, mean {part['mean_qps']:.0f} and at most {part['peak_qps']:.0f} qps (the "
        f"days before: {part['peak_before_qps']:.0f});",
        f"a second of the host is {part['recorded_s_in_a_second']:.0f} s of the recording. The plan for the peak: "
        f"{part['peak_plan']}; for the mean:",
        f"{part['mean_plan']}; the best the day before: {part['single_plan']}. The table, up to so many qps: "
        + "; ".join(f"{each['up_to_qps']:.0f} {each['plan']}" for each in part["plans"])
        + ".",
        "",
        *table_lines(part["rows"]),
        "",
        f"The same on a machine {100 * (slower - 1):.0f} % slower than the table believes:",
        "",
        *table_lines(part["slower"]),
    ]


def table_lines(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "| policy | late windows | late queries | p95 (ms) | median window's p95 (ms) | power (W) | changes |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row['policy']} | {100 * row['late_window_share']:.1f} % | {100 * row['late_query_share']:.2f} % | "
            f"{row['tail_ms']:.2f} | {row['window_tail_ms']:.2f} | {row['power_w']:.1f} | {row['changes']} |"
            for row in rows
        ),
    ]


def percent(share: float) -> str:
    return f"{100 * share:+.1f} %"

"""The page docs/reproductions/rpaccel.md: tables of the study, the artifact's values beside ours."""

from collections.abc import Iterable, Sequence
from typing import Any

from tailrank.cli.output import significant

__all__ = ["page"]

MODES = ("released", "corrected")
STEADY = {"paper": "whole-millisecond gaps", "poisson": "Poisson arrivals"}
SAID = {True: "holds", False: "does not hold", None: "a finding"}


def page(result: dict[str, Any]) -> str:
    """Return the page of a result document."""
    quick = ["", "**A quick run: no figure here counts.**"] if result["quick"] else []
    lines = [
        "# RPAccel, reproduced",
        "",
        f"Made by `{result['command']} --write-docs FILE` (seed {result['seed']}). Everything is modelled: RPAccel was",
        "never built. `released` is the artifact's formulas, bugs included; `corrected` is ours, and every difference",
        "is a switch (docs/accelerator.md). The paper's text was not at hand: figures are known from its artifact.",
        *quick,
        *_claims(result),
        *_waterfall(result),
        *_sub_batches(result),
        *_load(result),
        *_configurations(result),
        *_items(result),
        *_devices(result),
        *_array(result),
        *_choices(result),
        *_silicon(result),
        *_bugs(result),
        *_checks(result),
    ]
    return "\n".join(lines) + "\n"


def _claims(result: dict[str, Any]) -> list[str]:
    rows = [
        [row["text"], f"{row['claimed']:g}", f"{row['artifact']:.2f} [{row['tag']}]", *(f"{row[m]:.2f}" for m in MODES)]
        for row in result["claims"]
    ]
    points = [
        [
            f"{row['mode']}, {row['point']}",
            f"{row['latency_ms']:.3f}",
            f"{row['latency_gain']:.2f}",
            f"{row['capacity_qps']:,.0f}",
            f"{row['capacity_gain']:.2f}",
        ]
        for row in result["headline"]
    ]
    return [
        *_title("Two claims, two designs"),
        *_table(["factor", "the paper", "its artifact", "ours, released", "ours, corrected"], rows),
        "",
        "Tag D: follows by arithmetic from the artifact's formulas. The factor of latency and that of throughput",
        "are had by two different designs; gains over the baseline of the same mode:",
        "",
        *_table(["design", "latency, ms", "gain", "capacity, q/s", "gain"], points),
    ]


def _waterfall(result: dict[str, Any]) -> list[str]:
    rows = [
        [
            mode,
            f"{row['step']}: {row['text']}",
            f"{row['latency_ms']:.3f}",
            f"{row['latency_gain']:.2f}",
            f"{row['capacity_qps']:,.0f}",
            f"{row['capacity_gain']:.2f}",
            "-" if row["energy_mj"] is None else f"{row['energy_mj']:.3f}",
            "-" if row["qps_per_watt"] is None else f"{row['qps_per_watt']:,.0f}",
            *("cannot keep up" if ms is None else f"{ms:.2f}" for ms in row["p99_ms"].values()),
        ]
        for mode in MODES
        for row in result["waterfall"][mode]
    ]
    head = [
        "mode",
        "step",
        "latency, ms",
        "gain",
        "capacity, q/s",
        "gain",
        "mJ a query",
        "q/s a watt",
        "p99, 400 q/s",
        "2,000 q/s",
    ]
    return [
        *_title("Idea by idea"),
        "Gains over the step before; p99 in ms under Poisson arrivals. O4 stands last, as it hides nothing unless",
        "queries come in parts; the weights of the large network do not fit the artifact's SRAM as fp32, so released",
        "parts reload them. The artifact counts no energy.",
        "",
        *_table(head, rows),
    ]


def _sub_batches(result: dict[str, Any]) -> list[str]:
    rows = [
        [row["setting"], row["weights"], str(row["parts"]), f"{row['latency_ms']:.3f}", f"{row['capacity_qps']:,.0f}"]
        for row in result["sub_batches"]
    ]
    return [
        *_title("Sub-batches"),
        "Two stages on 2 + 2 sub-arrays. `link once` is the released model but for the link, paid once a query, and",
        "weights of 16 bits.",
        "",
        *_table(["costs", "weights", "parts", "latency, ms", "capacity, q/s"], rows),
    ]


def _load(result: dict[str, Any]) -> list[str]:
    found = {(r["mode"], r["arrivals"], r["stages"], r["qps"]): r for r in result["fig12"]}
    rows = []
    for stages, qps in sorted({(key[2], key[3]) for key in found}):
        cells = [str(stages), f"{qps:,.0f}", _ms(found["released", "paper", stages, qps]["artifact_p95_ms"])]
        for mode in MODES:
            for kind in STEADY:
                row = found[mode, kind, stages, qps]
                tail = f"{_ms(row['p95_ms'])} / {_ms(row['p99_ms'])}" if row["stable"] else "cannot keep up"
                cells.append(f"{tail} {row['name']}" if row["stable"] else tail)
        rows.append(cells)
    head = ["stages", "q/s", "logged p95", *(f"{mode}, {words}" for mode in MODES for words in STEADY.values())]
    return [
        *_title("Best configuration by load (figure 12)"),
        f"Milliseconds, p95 / p99 of {result['queries']:,} queries, and the configuration. Logged values are emulated",
        "with sleeping processes, whose delays are in them; one stage there is the undivided array only, ours the best",
        "of four.",
        "",
        *_table(head, rows),
    ]


def _configurations(result: dict[str, Any]) -> list[str]:
    places = {"100.0": 0, "500.0": 5, "1000.0": 7, "2000.0": 9}
    rows = []
    for row in result["configurations"]:
        if row["mode"] != "released" or row["artifact_p95_ms"] is None:
            continue
        cells = []
        for at, place in places.items():
            ours = (_ms(row["p95_ms"][kind][place]) if row["stable"][kind][place] else "-" for kind in STEADY)
            cells.append(f"{_ms(row['artifact_p95_ms'][at])}; {' / '.join(ours)}")
        rows.append([row["name"], f"{row['latency_ms']:.3f}", *cells])
    return [
        *_title("p95 by configuration, released"),
        "Logged; ours with whole-millisecond gaps / with Poisson arrivals; - where it cannot keep up.",
        "",
        *_table(["configuration", "ms alone", "100 q/s", "500 q/s", "1,000 q/s", "2,000 q/s"], rows),
    ]


def _items(result: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["mode"],
            STEADY[row["arrivals"]],
            f"{row['first']:,}; {row['second']:,}",
            f"{_ms(row['one_ms'])} {row['one']}",
            f"{_ms(row['two_ms'])} {row['two']}",
            f"{row['ratio']:.1f}",
            f"{_ms(row['artifact_one_ms'])}, {_ms(row['artifact_two_ms'])}",
        ]
        for row in result["fig13"]
    ]
    head = ["mode", "arrivals", "items", "one stage, p95", "two stages, p95", "ratio", "logged"]
    return [*_title("More items a query, 250 q/s (figure 13)"), *_table(head, rows)]


def _devices(result: dict[str, Any]) -> list[str]:
    rows = []
    for row in result["fig14"]:
        cells = [row["device"], str(row["stages"]), STEADY[row["arrivals"]]]
        for load in ("low", "medium", "high"):
            logged = "" if row["artifact"] is None else f" ({_ms(row['artifact'][load]) or '-'})"
            cells.append((_ms(row[load]) or "cannot keep up") + logged)
        rows.append(cells)
    return [
        *_title("CPU, GPU and RPAccel (figure 14)"),
        "p95 in ms, in brackets what the artifact logged. CPU and GPU are rooflines of 32 cores of cascade-lake",
        "(parameters borrowed from skylake-40c) and a T4, not measured here. `tuned`: fused lookups, narrow ids,",
        "copies pinned and overlapped; `split`: cores share a query in slices of 256 items.",
        "",
        *_table(["device", "stages", "arrivals", "low, 67 q/s", "medium, 400 q/s", "high, 2,000 q/s"], rows),
    ]


def _array(result: dict[str, Any]) -> list[str]:
    rows = [
        [
            f"{row['side']}x{row['side']}",
            row["network"],
            f"{row['cycles']:,}",
            "-" if row["artifact_cycles"] is None else f"{row['artifact_cycles']:,}",
            f"{100 * row['utilisation']:.2f} %",
            "-" if row["artifact_utilisation"] is None else f"{100 * row['artifact_utilisation']:.2f} %",
        ]
        for row in result["fig10a"]
    ]
    head = ["array", "network", "cycles", "artifact", "utilisation", "artifact"]
    return [*_title("Size of the array (figure 10a)"), *_table(head, rows)]


def _choices(result: dict[str, Any]) -> list[str]:
    found = result["fig10b"]
    rows = [
        [
            str(row["bins"]),
            str(row["parts"]),
            row["excess"],
            f"{row['loss']:+.5f} ({row['loss_ci95'][0]:+.5f} to {row['loss_ci95'][1]:+.5f})",
            f"{100 * row['recall']:.1f} %",
            f"{row['chosen']:.0f}",
            f"{row['cycles']:,.0f}",
            significant(row["state_kib"]),
        ]
        for row in found["rows"]
    ]
    head = ["bins", "parts", "excess", "NDCG@64 lost", "recall of exact", "chosen", "cycles", "KiB of state"]
    return [
        *_title("The top-k unit (figure 10b)"),
        f"On {found['source']}: {found['keep']} of {found['items']:,} go on. The artifact has no data for this figure.",
        "`pass`: all above the last bin's edge go on; `fill`: the last bin fills up in order of arrival.",
        "",
        *_table(head, rows),
    ]


def _silicon(result: dict[str, Any]) -> list[str]:
    found = result["fig11"]
    rows = [[name, *(f"{found[column][name]:,.3f}" for column in found)] for name in next(iter(found.values()))]
    head = ["block", *(column.replace("_", ", ") for column in found)]
    return [*_title("Area and power (figure 11)"), *_table(head, rows)]


def _bugs(result: dict[str, Any]) -> list[str]:
    lines = _title("What each mistake does")
    together = [
        [
            row["corrected"],
            f"{row['latency_gain']:.2f}",
            f"{row['capacity_gain']:.2f}",
            *(f"{row[key]:,.0f}" for key in ("capacity_qps", "smallest_capacity_qps")),
            f"{row['smallest_latency_ms']:.1f}",
        ]
        for row in result["combined"]
    ]
    head = ["corrected", "latency gain", "throughput gain", "(4, 4), q/s", "(64, 64), q/s", "(64, 64), ms"]
    lines += ["Several at once, released:", "", *_table(head, together)]
    for mode, words in zip(MODES, ("one mistake corrected", "one mistake made"), strict=True):
        cells = {(r["bug"], r["design"]): r for r in result["bugs"] if r["mode"] == mode}
        designs = list(dict.fromkeys(design for _, design in cells))
        rows = [
            [f"`{bug}`", *(_effect(cells[bug, design]) for design in designs)]
            for bug in dict.fromkeys(bug for bug, _ in cells)
        ]
        lines += ["", f"{mode.capitalize()}, {words}: latency / capacity, as factors of the mode's own.", ""]
        lines += _table(["switch", *designs], rows)
    return lines


def _effect(row: dict[str, Any]) -> str:
    if row["bug"] == "no_energy":
        return f"{row['energy_mj']:.3f} mJ"
    return "refused" if row["latency"] is None else f"{row['latency']:.3f} / {row['capacity']:.3f}"


def _checks(result: dict[str, Any]) -> list[str]:
    rows = [[row["id"], row["text"], SAID[row["holds"]], row["ours"]] for row in result["checks"]]
    return [
        *_title("Checks"),
        "A: formulas, exact. B: simulated. C: orderings. D: what the original lacks.",
        "",
        *_table(["", "check", "", "ours"], rows),
    ]


def _ms(value: float | None) -> str:
    return "" if value is None else significant(value)


def _title(text: str) -> list[str]:
    return ["", f"## {text}", ""]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return lines + [f"| {' | '.join(cell.replace('|', ';') for cell in row)} |" for row in rows]

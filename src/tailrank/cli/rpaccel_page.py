"""The page docs/reproductions/rpaccel.md: tables of the study, the artifact's values beside ours."""

from typing import Any

from tailrank.cli.rpaccel_figures import figures
from tailrank.cli.rpaccel_markdown import MODES, SAID, rows_of, title

__all__ = ["page"]


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
        *_searched(result),
        *figures(result),
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
        *title("Two claims, two designs"),
        *rows_of(["factor", "the paper", "its artifact", "ours, released", "ours, corrected"], rows),
        "",
        "Tag D: follows by arithmetic from the artifact's formulas. The factor of latency and that of throughput",
        "are had by two different designs; gains over the baseline of the same mode:",
        "",
        *rows_of(["design", "latency, ms", "gain", "capacity, q/s", "gain"], points),
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
        *title("Idea by idea"),
        "Gains over the step before; p99 in ms under Poisson arrivals. O4 stands last, as it hides nothing unless",
        "queries come in parts; the weights of the large network do not fit the artifact's SRAM as fp32, so released",
        "parts reload them. The artifact counts no energy.",
        "",
        *rows_of(head, rows),
    ]


def _sub_batches(result: dict[str, Any]) -> list[str]:
    rows = [
        [row["setting"], row["weights"], str(row["parts"]), f"{row['latency_ms']:.3f}", f"{row['capacity_qps']:,.0f}"]
        for row in result["sub_batches"]
    ]
    return [
        *title("Sub-batches"),
        "Two stages on 2 + 2 sub-arrays. `link once` is the released model but for the link, paid once a query, and",
        "weights of 16 bits.",
        "",
        *rows_of(["costs", "weights", "parts", "latency, ms", "capacity, q/s"], rows),
    ]


def _searched(result: dict[str, Any]) -> list[str]:
    found = result["searched"]
    rows = [
        [
            row["name"] + (" (knee)" if row["knee"] else ""),
            f"{row['latency_ms']:.3f}",
            f"{row['latency_gain']:.2f}",
            f"{row['capacity_qps']:,.0f}",
            f"{row['capacity_gain']:.2f}",
            f"{row['energy_mj']:.3f}",
            "cannot keep up" if row["p99_ms"] is None else f"{row['p99_ms']:.2f}",
        ]
        for row in found["rows"]
    ]
    return [
        *title("Dividing the chip otherwise"),
        f"{found['designs']:,} designs on the paper's chip (sub-arrays of unequal size and number, shares of bandwidth",
        f"and of cache, sub-batches, items kept), {found['within']:,} of them within half a per cent of the best",
        f"single stage's NDCG ({found['source']}). Corrected; the artifact's hit curve for all; gains over the",
        f"baseline, p99 in ms at {found['qps']:,.0f} q/s under Poisson arrivals. `tailrank accel explore` searches",
        "other spaces.",
        "",
        *rows_of(["design", "latency, ms", "gain", "capacity, q/s", "gain", "mJ a query", "p99"], rows),
    ]


def _bugs(result: dict[str, Any]) -> list[str]:
    lines = title("What each mistake does")
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
    lines += ["Several at once, released:", "", *rows_of(head, together)]
    for mode, words in zip(MODES, ("one mistake corrected", "one mistake made"), strict=True):
        cells = {(r["bug"], r["design"]): r for r in result["bugs"] if r["mode"] == mode}
        designs = list(dict.fromkeys(design for _, design in cells))
        rows = [
            [f"`{bug}`", *(_effect(cells[bug, design]) for design in designs)]
            for bug in dict.fromkeys(bug for bug, _ in cells)
        ]
        lines += ["", f"{mode.capitalize()}, {words}: latency / capacity, as factors of the mode's own.", ""]
        lines += rows_of(["switch", *designs], rows)
    return lines


def _effect(row: dict[str, Any]) -> str:
    if row["bug"] == "no_energy":
        return f"{row['energy_mj']:.3f} mJ"
    return "refused" if row["latency"] is None else f"{row['latency']:.3f} / {row['capacity']:.3f}"


def _checks(result: dict[str, Any]) -> list[str]:
    rows = [[row["id"], row["text"], SAID[row["holds"]], row["ours"]] for row in result["checks"]]
    return [
        *title("Checks"),
        "A: formulas, exact. B: simulated. C: orderings. D: what the original lacks.",
        "",
        *rows_of(["", "check", "", "ours"], rows),
    ]

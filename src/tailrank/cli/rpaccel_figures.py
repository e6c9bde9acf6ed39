"""The figures of the paper as tables for the page of the RPAccel study, the artifact's values beside ours."""

from typing import Any

from tailrank.cli.output import significant
from tailrank.cli.rpaccel_markdown import ARRIVALS, MODES, SAID, ms, rows_of, title

__all__ = ["figures"]


def figures(result: dict[str, Any]) -> list[str]:
    """Return the lines of figures 10 to 14."""
    return [
        *_load(result),
        *_configurations(result),
        *_items(result),
        *_devices(result),
        *_array(result),
        *_choices(result),
        *_caches(result),
        *_silicon(result),
    ]


def _load(result: dict[str, Any]) -> list[str]:
    found = {(r["mode"], r["arrivals"], r["stages"], r["qps"]): r for r in result["fig12"]}
    rows = []
    for stages, qps in sorted({(key[2], key[3]) for key in found}):
        cells = [str(stages), f"{qps:,.0f}", ms(found["released", "paper", stages, qps]["artifact_p95_ms"])]
        for mode in MODES:
            for kind in ARRIVALS:
                row = found[mode, kind, stages, qps]
                tail = f"{ms(row['p95_ms'])} / {ms(row['p99_ms'])}" if row["stable"] else "cannot keep up"
                cells.append(f"{tail} {row['name']}" if row["stable"] else tail)
        rows.append(cells)
    head = ["stages", "q/s", "logged p95", *(f"{mode}, {words}" for mode in MODES for words in ARRIVALS.values())]
    return [
        *title("Best configuration by load (figure 12)"),
        f"Milliseconds, p95 / p99 of {result['queries']:,} queries, and the configuration. Logged values are emulated",
        "with sleeping processes, whose delays are in them; one stage there is the undivided array only, ours the best",
        "of four.",
        "",
        *rows_of(head, rows),
    ]


def _configurations(result: dict[str, Any]) -> list[str]:
    places = {"100.0": 0, "500.0": 5, "1000.0": 7, "2000.0": 9}
    rows = []
    for row in result["configurations"]:
        if row["mode"] != "released" or row["artifact_p95_ms"] is None:
            continue
        cells = []
        for at, place in places.items():
            ours = (ms(row["p95_ms"][kind][place]) if row["stable"][kind][place] else "-" for kind in ARRIVALS)
            cells.append(f"{ms(row['artifact_p95_ms'][at])}; {' / '.join(ours)}")
        rows.append([row["name"], f"{row['latency_ms']:.3f}", *cells])
    return [
        *title("p95 by configuration, released"),
        "Logged; ours with whole-millisecond gaps / with Poisson arrivals; - where it cannot keep up.",
        "",
        *rows_of(["configuration", "ms alone", "100 q/s", "500 q/s", "1,000 q/s", "2,000 q/s"], rows),
    ]


def _items(result: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["mode"],
            ARRIVALS[row["arrivals"]],
            f"{row['first']:,}; {row['second']:,}",
            f"{ms(row['one_ms'])} {row['one']}",
            f"{ms(row['two_ms'])} {row['two']}",
            f"{row['ratio']:.1f}",
            f"{ms(row['artifact_one_ms'])}, {ms(row['artifact_two_ms'])}",
        ]
        for row in result["fig13"]
    ]
    head = ["mode", "arrivals", "items", "one stage, p95", "two stages, p95", "ratio", "logged"]
    return [*title("More items a query, 250 q/s (figure 13)"), *rows_of(head, rows)]


def _devices(result: dict[str, Any]) -> list[str]:
    def cells(row: dict[str, Any]) -> list[str]:
        found = [row["device"], str(row["stages"]), ARRIVALS[row["arrivals"]]]
        for load in ("low", "medium", "high"):
            logged = "" if row["artifact"] is None else f" ({ms(row['artifact'][load]) or '-'})"
            found.append((ms(row[load]) or "cannot keep up") + logged)
        return found

    head = ["device", "stages", "arrivals", "low, 67 q/s", "medium, 400 q/s", "high, 2,000 q/s"]
    return [
        *title("CPU, GPU and RPAccel (figure 14)"),
        "p95 in ms, in brackets what the artifact logged. CPU and GPU are rooflines of 32 cores of cascade-lake",
        "(parameters borrowed from skylake-40c) and a T4, not measured here. `tuned`: fused lookups, narrow ids,",
        "copies pinned and overlapped; `split`: cores share a query in slices of 256 items.",
        "",
        *rows_of(head, map(cells, result["fig14"])),
        "",
        "MovieLens-20M (4,000 > 400 > 250 items), for which the artifact ships no logs and no networks, so that its",
        "quality is unknown:",
        "",
        *rows_of(head, map(cells, result["fig14_movielens"])),
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
    return [*title("Size of the array (figure 10a)"), *rows_of(head, rows)]


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
        *title("The top-k unit (figure 10b)"),
        f"On {found['source']}: {found['keep']} of {found['items']:,} go on. The artifact has no data for this figure.",
        "`pass`: all above the last bin's edge go on; `fill`: the last bin fills up in order of arrival.",
        "",
        *rows_of(head, rows),
    ]


def _caches(result: dict[str, Any]) -> list[str]:
    found = result["fig10c"]
    both = zip(found["released"]["orderings"], found["corrected"]["orderings"], strict=True)
    rows = [
        [a["claim"], a["logged"], f"{a['found']} ({SAID[a['holds']]})", f"{b['found']} ({SAID[b['holds']]})"]
        for a, b in both
    ]
    curves = [
        [
            f"1/{1 / a['keep']:.0f}",
            f"{a['capacity_bytes'] // 2**20}",
            *(f"{row['best_share']:g}" for row in (a, b)),
            "-" if a["logged_best_share"] is None else f"{a['logged_best_share']:g}",
            *(f"{row['amat']:.1f}" for row in (a, b)),
            "-" if a["logged_amat"] is None else f"{a['logged_amat']:g}",
        ]
        for a, b in zip(found["released"]["rows"], found["corrected"]["rows"], strict=True)
    ]
    head = ["kept", "MB", "best share", "ours", "logged", "AMAT there", "ours", "logged"]
    return [
        *title("Dividing the cache (figure 10c)"),
        f"{found['released']['source']}. The artifact's method (FIFO, a line of 128 bytes a vector, replay, one trace",
        "for training and measuring), then ours (LRU, vectors as long as they are, a random sample, halves).",
        "",
        *rows_of(["claim", "logged", "its method here", "ours"], rows),
        "",
        *rows_of(head, curves),
    ]


def _silicon(result: dict[str, Any]) -> list[str]:
    found = result["fig11"]
    rows = [[name, *(f"{found[column][name]:,.3f}" for column in found)] for name in next(iter(found.values()))]
    head = ["block", *(column.replace("_", ", ") for column in found)]
    return [*title("Area and power (figure 11)"), *rows_of(head, rows)]

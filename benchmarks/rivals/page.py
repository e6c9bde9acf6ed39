"""docs/performance.md: templates around numbers that benchmarks left in a folder; none is written by hand."""

import json
from pathlib import Path
from typing import Any

from tailrank.core.files import write_text

__all__ = ["page", "write_page"]

PRECISIONS = ("fp32", "bf16")


def write_page(runs: Path, out: Path) -> Path:
    """Write `out` from `executors.json` in `runs`, and what else is there: rooflines, papers_way, before_after."""
    executors = runs / "executors.json"
    if not executors.exists():
        raise SystemExit(f"{executors} is not there: run `python benchmarks/executors.py` first")
    rest = {name: _read(runs / f"{name}.json") for name in ("rooflines", "papers_way", "before_after")}
    write_text(out, page(json.loads(executors.read_text(encoding="utf-8")), **rest))
    return out


def _read(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found


def page(
    executors: dict[str, Any],
    rooflines: dict[str, Any] | None,
    papers_way: dict[str, Any] | None,
    before_after: dict[str, Any] | None,
) -> str:
    if rooflines and rooflines["made_at"] < executors["made_at"]:
        rooflines = None  # the whole run is the later one
    again = rooflines or executors
    parts = [
        _head(executors),
        _verdict(executors),
        _how(executors),
        *(_times(executors, precision) for precision in PRECISIONS),
        _int8(executors),
        _roofline(again) + (f"\n\n{_origin(again)}" if rooflines else ""),
        _workers(again),
        _failed(executors),
    ]
    if papers_way:
        parts.append(_papers(papers_way))
    if before_after:
        parts.append(_before(before_after))
    return "\n\n".join(part for part in parts if part) + "\n"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def us(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def ratio(value: float | None, suffix: str = "x") -> str:
    return "not measured" if value is None else f"{value:.2f}{suffix}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _origin(document: dict[str, Any]) -> str:
    machine = document["machine"]
    host = f"{machine['cpu']}, {machine['cores']:g} cores, {machine['memory_gib']} GiB, {machine['os']}"
    return f"Host: {host}. Commit {document['commit']}, made {document['made_at']}."


def _head(document: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in document["libraries"].items())
    quick = " **A quick run: no figure here counts.**" if document["quick"] else ""
    return (
        "# Performance of the executors\n\n"
        "Made by `python benchmarks/executors.py` and `python benchmarks/executors.py --write-docs`; every number "
        f"comes from their runs.{quick}\n\n{_origin(document)}\nLibraries: {libraries}."
    )


def _verdict(document: dict[str, Any]) -> str:
    rows = document["vs_best"]["fp32"]
    if not rows:
        return "The native executor was not measured beside a rival in this run."
    least = min(rows, key=lambda row: float(row["ratio"]))
    behind = [row for row in rows if row["ratio"] < 1]
    lines = [
        "## In short",
        "",
        f"- fp32, native against the best rival of each of {len(rows)} cells (network and batch): "
        f"{ratio(document['geomean_vs_best'])} in the geometric mean.",
        f"- The least: {ratio(least['ratio'])} ({ratio(least['low'], '')} .. {ratio(least['high'], '')}), "
        f"{least['network']} at batch {least['batch']}, against {least['best']}.",
        f"- Cells in which a rival is faster: {len(behind)} of {len(rows)}"
        + (": " + ", ".join(f"{row['network']} at {row['batch']}" for row in behind) if behind else "")
        + ".",
        f"- Against our own packed TorchScript: {ratio(document['geomean_vs_torchscript'])} in the geometric mean.",
    ]
    half = [row["ratio"] for row in document["vs_best"]["bf16"]]
    if half:
        lines.append(f"- bf16, native against torch in bf16: {ratio(min(half))} to {ratio(max(half))}.")
    return "\n".join(lines)


def _how(document: dict[str, Any]) -> str:
    return (
        "## How it was measured\n\n"
        f"One thread bound to one core; processor time of the process; tables up to {document['memory_mib']} MiB a "
        "network, uniform accesses, rows that no cache holds any more. A round runs every executor in turn, in an "
        f"order of its own, for about {document['block_ms']:g} ms of batches in a row; at most {document['rounds']} "
        "rounds. A figure is the median over rounds, with the quartiles in brackets where there is room; bounds of a "
        "ratio take one's lower quartile over the other's upper. Inputs are wrapped in each library's own tensors "
        "beforehand, and outputs bound where a library can; only the call is timed. Scores are compared with torch "
        "eager in fp32 first. Tables are handed to ONNX Runtime and AOTInductor in memory, as eager has them. "
        "torch.compile is made for each batch size alone, and once for all where that takes long; it is made to prove "
        "that it compiled a graph."
    )


def _times(document: dict[str, Any], precision: str) -> str:
    rows = []
    for row in document["vs_best"][precision]:
        here = [c for c in document["cells"] if (c["network"], c["batch"]) == (row["network"], row["batch"])]
        times = {c["executor"]: c for c in here if c["precision"] == precision}
        native, best = times["native"], times[row["best"]]
        rows.append(
            [
                row["network"],
                str(row["batch"]),
                f"{us(native['us'])} ({us(native['q1_us'])} .. {us(native['q3_us'])})",
                row["best"],
                f"{us(best['us'])} ({us(best['q1_us'])} .. {us(best['q3_us'])})",
                f"{ratio(row['ratio'])} ({ratio(row['low'], '')} .. {ratio(row['high'], '')})",
                ratio(row["torchscript_ratio"]) if row["torchscript_ratio"] else "-",
                f"{native['max_abs_diff']:.0e}",
                str(native["rounds"]),
            ]
        )
    if not rows:
        return ""
    header = ["network", "batch", "native, us", "best rival", "its us", "rival / native", "our TorchScript / native"]
    title = f"## Time of a batch, {precision}"
    return f"{title}\n\n{table([*header, 'largest difference of a score', 'n'], rows)}\n\n{_all(document, precision)}"


def _all(document: dict[str, Any], precision: str) -> str:
    """Every executor's median, one row a cell."""
    cells = [cell for cell in document["cells"] if cell["precision"] == precision]
    names = list(dict.fromkeys(cell["executor"] for cell in cells))
    rows = []
    for network, batch in dict.fromkeys((cell["network"], cell["batch"]) for cell in cells):
        found = {c["executor"]: us(c["us"]) for c in cells if (c["network"], c["batch"]) == (network, batch)}
        rows.append([network, str(batch), *(found.get(name, "-") for name in names)])
    return f"All medians, microseconds:\n\n{table(['network', 'batch', *names], rows)}"


def _int8(document: dict[str, Any]) -> str:
    if not any(cell["precision"] == "int8" for cell in document["cells"]):
        return ""
    note = (
        "For information: the two mean different things. Native holds tables in 8 bits, a scale a row, and layers in "
        "bf16; ONNX Runtime holds layers in 8 bits and tables in fp32."
    )
    return f"## int8\n\n{note} {_all(document, 'int8')}"


def _roofline(document: dict[str, Any]) -> str:
    rows, peaks = [], {}
    for network, found in document["roofline"].items():
        if "batches" not in found:
            continue
        peaks = found["peak_gflops"]
        row_ns = ", ".join(f"{each['ns_per_row']:.1f} ({4 * each['dim']} B)" for each in found["rows"])
        for each in found["batches"]:
            shares = [percent(each.get(key)) for key in ("share", "lookup_share", "fc_share")]
            bound = f"{found['bound']['us_per_item']:.2f}"
            rows.append([network, str(each["batch"]), row_ns, f"{found['flops_per_item'] / 1e6:.3f}", bound, *shares])
    if not rows:
        return ""
    header = ["network", "batch", "ns a random row (its bytes)", "MFLOP an item", "bound, us an item"]
    return (
        "## Distance to the roofline, native fp32\n\n"
        "The bound of an item is its rows at the measured time of a random row, prefetched at the best distance, plus "
        "its FLOPs at the measured peak; no overlap is assumed, so more than 100 % says that the two overlap. Lookups "
        "and FC layers alone are programs of those operations only. Peaks were "
        f"{', '.join(f'{value:.0f} GFLOP/s {name}' for name, value in peaks.items())} (last network's run).\n\n"
        + table([*header, "whole: share", "lookups: share", "FC layers: share"], rows)
    )


def _workers(document: dict[str, Any]) -> str:
    rows = [
        [
            network,
            each["executor"],
            f"{each['one_items_per_s']:,.0f}",
            f"{each['two_items_per_s']:,.0f}",
            f"{ratio(each['ratio'])} ({ratio(each['q1_ratio'], '')} .. {ratio(each['q3_ratio'], '')})",
            str(each["rounds"]),
        ]
        for network, found in document["workers"].items()
        for each in found
    ]
    if not rows:
        return ""
    header = ["network", "executor", "one thread, items/s", "two threads, items/s", "two over one", "n"]
    return (
        "## Two workers over one\n\nTwo Python threads, a core each, that share one executor and its tables; batches "
        f"of 64, fp32, wall time, quartiles over rounds.\n\n{table(header, rows)}"
    )


def _failed(document: dict[str, Any]) -> str:
    lines = []
    for network in document["networks"]:
        if "error" in network:
            lines.append(f"- {network['network']}: {network['error']}")
        for each in network["failed"]:
            batch = "" if each["batch"] is None else f", batch {each['batch']}"
            error = each["error"].replace("|", "/").replace("<", "`<`")
            lines.append(f"- {network['network']}{batch}: {each['executor']}, {each['precision']}: {error}")
    return "## Not measured, and why\n\n" + ("\n".join(lines) or "Everything was.")


def _papers(document: dict[str, Any]) -> str:
    parts = [
        "## Capacity beside the papers' way of serving",
        "",
        "Made by `python benchmarks/papers_way.py`: one process a core with a model copy of its own in eager PyTorch, "
        "static batch size, multiprocessing queues that carry the inputs; probed in turns with our engine on the same "
        f"queries. Tables are small, so that the copies fit. {_origin(document)}",
    ]
    if document["quick"]:
        parts.append("**A quick run: no figure here counts.**")
    rows, lines = [], []
    for each in document["networks"]:
        where = f"{each['network']} (p{each['percentile']:g} {each['sla_ms']:g} ms, batch {each['static_batch']})"
        for row in each["rows"]:
            missed = "none" if row["missed_qps"] is None else f"{row['missed_qps']:.0f}"
            capacity = f"{row['capacity_qps']:.0f} ({row['met_qps']:.0f} .. {missed})"
            rows.append([where, row["contender"], str(row["repeat"] + 1), capacity, str(row["queries"])])
        for row in each["ratios"]:
            high = "open" if row["high"] is None else ratio(row["high"], "")
            lines.append(
                f"- {each['network']}, {row['contender']}: {ratio(row['ratio'])} "
                f"({ratio(row['low'], '')} .. {high} by brackets), n = {row['repeats']}; "
                f"tables {each['table_bytes'] / 2**20:.0f} MiB a copy."
            )
    header = ["network (target, static batch)", "system", "repeat", "capacity, qps (met .. missed)", "queries served"]
    return "\n".join([*parts, "", table(header, rows), "", *lines])


def _before(document: dict[str, Any]) -> str:
    """`before_after.json`: {"columns": [...], "rows": [[...]], "text": "what was compared"}."""
    rows = [[f"{value:.4g}" if isinstance(value, float) else str(value) for value in row] for row in document["rows"]]
    return f"## Before and after\n\n{document.get('text', '')}\n\n{table(document['columns'], rows)}"

"""The eight networks on this machine: tune each, and write the table of docs/eight-networks.md.

    python benchmarks/eight.py [--quick] [--only rmc1 din] [--executor torch] [--out docs/eight-networks.md]
    python benchmarks/eight.py --before-after [--quick] [--only rmc1 din] [--memory-gib 4]

Each network is one `tailrank tune NAME` in a process of its own, its result in runs/eight/NAME (with `--executor torch`
in runs/eight-torch/NAME); with `--reuse` results already there are not made again. About twenty minutes on two cores.

`--before-after` tunes each network twice, one after the other so that drift of the host hits both alike: with the torch
executor, whose pool threads of Python serve, then with the one that is fastest here. The engine's capacities and the
gain go to runs/performance/before_after.json, where `python benchmarks/executors.py --write-docs` finds them.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from tailrank.core.files import write_json, write_text

NETWORKS = ("ncf", "wnd", "mtwnd", "rmc1", "rmc2", "rmc3", "din", "dien")
RUNS = Path("runs/eight")
BEFORE, AFTER = Path("runs/eight-torch"), Path("runs/eight-auto")
COMPARED = Path("runs/performance/before_after.json")


def tune(name: str, words: list[str], runs: Path = RUNS) -> None:
    runs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tailrank", "tune", name, "--out", str(runs / name), *words]
    print("$", "tailrank", *command[3:], flush=True)
    done = subprocess.run(command, check=False)
    if done.returncode:
        print(f"{name}: exit code {done.returncode}", file=sys.stderr)


def number(value: float | None, form: str = ".4g") -> str:
    return "not measured" if value is None else format(value, form)


def interval(ends: list[float | None]) -> str:
    return " .. ".join(number(end) for end in ends)


def row(document: dict[str, Any]) -> str:
    engine, gauge = document["engine"], document["engine"]["p95_at_70pct"] or {}
    cells = [
        document["model"],
        number(document["sla"]["latency_ms"]),
        f"{document['plan']['stages'][0]['batch_size']}",
        f"{document['baseline']['plan']['stages'][0]['batch_size']}",
        f"{number(document['capacity_qps'])} ({interval(document['capacity_ci95_qps'])})",
        f"{number(engine['capacity_qps'])} ({interval(engine['capacity_bracket_qps'])})",
        f"{number(engine['baseline_capacity_qps'])} ({interval(engine['baseline_capacity_bracket_qps'])})",
        f"{number(document['speedup'], '.3f')} / {number(engine['speedup'], '.3f')}",
        number(document["sim_error_pct"], "+.1f"),
        number(document["sim_error_same_run_pct"], "+.1f"),
        number(gauge.get("error_pct"), "+.1f"),
        number(gauge.get("error_same_run_pct"), "+.1f"),
        number(engine["schedule_lag_p99_us"], ".0f"),
        "yes" if document["verdict"]["certified"] else "no",
        f"{engine['queries']}",
        f"{document['seconds']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


HEADER = (
    "network",
    "SLA p95, ms",
    "batch size, tuned",
    "batch size, baseline",
    "simulator: capacity, qps (95 %)",
    "engine: capacity, qps (met .. missed)",
    "engine: baseline, qps (met .. missed)",
    "speed-up, simulator / engine",
    "capacity error, %",
    "... same run, %",
    "p95 error at 70 %, %",
    "... same run, %",
    "lag p99, us",
    "certified",
    "engine queries",
    "seconds",
)


def page(documents: list[dict[str, Any]], missing: list[str]) -> str:
    first = documents[0]
    commits = sorted({each["versions"].get("commit", "unknown") for each in documents})
    host = first["host"]
    lines = [
        "# The eight networks on one host",
        "",
        "Made by `python benchmarks/eight.py`.",
        f"Host: {host['cpu']}, {host['cores']:g} cores, {host['memory_gib']} GiB, {host['os']}.",
        f"Commit {', '.join(commits)}; seed {first['seed']}; first made {first['made_at']}.",
        "Poisson arrivals, production-like query sizes (at most 1000 candidates), uniform accesses.",
        "",
        f"| {' | '.join(HEADER)} |",
        f"|{'---|' * len(HEADER)}",
        *(row(each) for each in documents),
        "",
        *(f"- {name}: no result; `tailrank tune {name}` failed." for name in missing),
        "",
        "How to read it: *capacity error* is the simulator's capacity over the engine's minus one, on the trace the "
        "engine served, with service times profiled between the engine's probes; *same run* uses the service times "
        "recorded in the probes themselves, so what is left is the simulator's own error. The p95 errors are medians "
        "over repeats. A run certifies only where the generator's lag p99 stays under 1 % of the target.",
        "",
        "## What the runs said",
        "",
    ]
    for each in documents:
        scale, network = each["network"].get("row_scale", 1.0), each["network"]
        precision = network.get("precision", "fp32")
        if "matmul_precision" in network:
            precision += f" (products: {network['matmul_precision']})"
        lines.append(
            f"- **{each['model']}**: {each['verdict']['text']}. Tables {each['network']['table_bytes'] / 1e9:.2f} GB, "
            f"row scale {scale:g}; {network['executor']}, {precision}, served by {served_by(each)}."
        )
        lines += [f"  - {note}" for note in each["notes"]]
    return "\n".join(lines) + "\n"


def served_by(document: dict[str, Any]) -> str:
    return str(document["engine"].get("served_by", {}).get("cpu", "Python threads"))


def compared(pairs: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Return the engine's capacities before and after, in the form that rivals/page.py reads."""
    networks: dict[str, Any] = {}
    for name, (before, after) in pairs.items():
        found: dict[str, Any] = {"sla_ms": after["sla"]["latency_ms"], "percentile": after["sla"]["percentile"]}
        for key, document in (("torch", before), ("auto", after)):
            engine = document["engine"]
            found |= {
                f"{key}_qps": engine["capacity_qps"],
                f"{key}_bracket_qps": engine["capacity_bracket_qps"],
                f"{key}_batch_size": document["plan"]["stages"][0]["batch_size"],
                f"{key}_executor": document["network"]["executor"],
                f"{key}_served_by": served_by(document),
                f"{key}_queries": engine["queries"],
            }
        found["gain"], found["gain_bounds"] = gain(found["torch_bracket_qps"], found["auto_bracket_qps"], found)
        networks[name] = found
    gains = [found["gain"] for found in networks.values() if found["gain"] is not None]
    return {
        "networks": networks,
        "geomean": math.exp(math.fsum(map(math.log, gains)) / len(gains)) if gains else None,
        "geomean_of": len(gains),
    }


def gain(
    before: list[float | None], after: list[float | None], found: dict[str, Any]
) -> tuple[float | None, list[float | None]]:
    """Return the gain, and its bounds by the brackets; None where a capacity was not bracketed."""
    low = after[0] / before[1] if after[0] and before[1] else None
    high = after[1] / before[0] if after[1] and before[0] else None
    known = None not in (*before, *after) and found["torch_qps"] and found["auto_qps"]
    return found["auto_qps"] / found["torch_qps"] if known else None, [low, high]


COLUMNS = ("network", "SLA", "torch: capacity, qps (met .. missed)", "auto: capacity, qps (met .. missed)")
COLUMNS += ("gain (by brackets)", "batch size", "executor chosen", "served by", "queries served")


def as_table(found: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return `found` with `columns`, `rows` and `text` for the page."""
    rows = []
    for name, each in found["networks"].items():
        ends = each["gain_bounds"]
        rows.append(
            [
                name,
                f"p{each['percentile']:g} {each['sla_ms']:g} ms",
                *(f"{number(each[f'{k}_qps'])} ({interval(each[f'{k}_bracket_qps'])})" for k in ("torch", "auto")),
                f"{number(each['gain'], '.3f')} ({number(ends[0], '.3f')} .. {number(ends[1], '.3f')})",
                f"{each['torch_batch_size']} / {each['auto_batch_size']}",
                each["auto_executor"],
                f"{each['torch_served_by']} / {each['auto_served_by']}",
                f"{each['torch_queries']} / {each['auto_queries']}",
            ]
        )
    host = documents[0]["host"]
    commits = sorted({each["versions"].get("commit", "unknown") for each in documents})
    quick = " **Quick runs: no figure here counts.**" if any("--quick" in each["command"] for each in documents) else ""
    text = (
        "Made by `python benchmarks/eight.py --before-after`: each network tuned and served by the engine with the "
        "torch executor and threads of Python, then with the executor `auto` chose; same queries, one run of each.\n"
        f"Host: {host['cpu']}, {host['cores']:g} cores, {host['memory_gib']} GiB, {host['os']}. "
        f"Commit {', '.join(commits)}, first made {min(each['made_at'] for each in documents)}.{quick}\n\n"
        f"Gain in capacity, geometric mean of {found['geomean_of']} networks: {number(found['geomean'], '.3f')}."
    )
    return found | {"columns": list(COLUMNS), "rows": rows, "text": text}


def before_after(args: argparse.Namespace, words: list[str]) -> None:
    """Tune network by network, torch then auto, and write the comparison of all that are there."""
    for name in args.only:
        for executor, runs in (("torch", BEFORE), ("auto", AFTER)):
            if not (args.reuse and (runs / name / "result.json").exists()):
                tune(name, ["--executor", executor, *words], runs)
    pairs = {}
    for name in NETWORKS:
        paths = [runs / name / "result.json" for runs in (BEFORE, AFTER)]
        if all(path.exists() for path in paths):
            before, after = (json.loads(path.read_text()) for path in paths)
            pairs[name] = (before, after)
    if not pairs:
        raise SystemExit("no network has both results")
    found = as_table(compared(pairs), [each for pair in pairs.values() for each in pair])
    COMPARED.parent.mkdir(parents=True, exist_ok=True)
    write_json(COMPARED, found)
    print(found["text"], *(" | ".join(row) for row in found["rows"]), COMPARED, sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reuse", action="store_true", help="do not tune again what is there")
    parser.add_argument("--only", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--executor", default="auto", choices=("auto", "torch"))
    parser.add_argument("--before-after", action="store_true", help="tune with torch, then with auto, and compare")
    parser.add_argument("--memory-gib", help="room for tables of each network (default: half of the memory)")
    parser.add_argument("--out", type=Path, default=Path("docs/eight-networks.md"))
    args = parser.parse_args()
    words = ["--quick"] if args.quick else []
    words += ["--memory-gib", args.memory_gib] if args.memory_gib else []
    if args.before_after:
        before_after(args, words)
        return
    runs = RUNS if args.executor == "auto" else BEFORE
    for name in args.only:
        if not (args.reuse and (runs / name / "result.json").exists()):
            tune(name, ["--executor", args.executor, *words], runs)
    found = {name: runs / name / "result.json" for name in NETWORKS}
    documents = [json.loads(path.read_text()) for path in found.values() if path.exists()]
    missing = [name for name, path in found.items() if not path.exists()]
    write_text(args.out, page(documents, missing))
    print(args.out)


if __name__ == "__main__":
    main()

"""The eight networks on this machine: tune each, and write the table of docs/eight-networks.md.

    python benchmarks/eight.py [--quick] [--only rmc1 din] [--out docs/eight-networks.md]

Each network is one `tailrank tune NAME` in a process of its own, its result in runs/eight/NAME; with `--reuse`
results already there are not made again. About twenty minutes in all on two cores.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tailrank.core.files import write_text

NETWORKS = ("ncf", "wnd", "mtwnd", "rmc1", "rmc2", "rmc3", "din", "dien")
RUNS = Path("runs/eight")


def tune(name: str, words: list[str]) -> None:
    command = [sys.executable, "-m", "tailrank", "tune", name, "--out", str(RUNS / name), *words]
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
        scale = each["network"].get("row_scale", 1.0)
        lines.append(
            f"- **{each['model']}**: {each['verdict']['text']}. Tables {each['network']['table_bytes'] / 1e9:.2f} GB, "
            f"row scale {scale:g}; {each['network']['executor']}, precision {each['network']['matmul_precision']}."
        )
        lines += [f"  - {note}" for note in each["notes"]]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reuse", action="store_true", help="do not tune again what runs/eight holds")
    parser.add_argument("--only", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--out", type=Path, default=Path("docs/eight-networks.md"))
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        if not (args.reuse and (RUNS / name / "result.json").exists()):
            tune(name, ["--quick"] if args.quick else [])
    found = {name: RUNS / name / "result.json" for name in NETWORKS}
    documents = [json.loads(path.read_text()) for path in found.values() if path.exists()]
    missing = [name for name, path in found.items() if not path.exists()]
    write_text(args.out, page(documents, missing))
    print(args.out)


if __name__ == "__main__":
    main()

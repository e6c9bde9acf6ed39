"""What keeping freed memory is worth: time of large batches with glibc's defaults and with our settings.

    python benchmarks/allocator.py [--json]

Each setting runs in a process of its own (the settings cannot be undone), in turns; medians of batch times.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys

WORK = """
import os, sys, threading, time, statistics
os.environ["OMP_NUM_THREADS"] = "1"
from tailrank.engine import keep_freed_memory
if sys.argv[3] == "kept":
    keep_freed_memory()
import torch
from tailrank.models import build
items, batches = int(sys.argv[2]), int(sys.argv[4])
model = build(sys.argv[1], memory_bytes=200 << 20)
executor, inputs = model.executor(), model.inputs(items * 2)
times = []
def work():
    torch.set_num_threads(1)
    for turn in range(batches):
        part = tuple([t[turn % items : turn % items + items] for t in inputs])
        began = time.perf_counter_ns()
        executor(part)
        times.append(time.perf_counter_ns() - began)
threads = [threading.Thread(target=work) for _ in range(2)]
for each in threads: each.start()
for each in threads: each.join()
print(statistics.median(times) / 1e3)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=60)
    args = parser.parse_args()
    rows = []
    for network, items in (("ncf", 64), ("ncf", 256), ("ncf", 1024), ("wnd", 1024), ("rmc1", 1024)):
        found: dict[str, list[float]] = {"default": [], "kept": []}
        for _ in range(args.rounds):
            for setting, values in found.items():
                words = [sys.executable, "-c", WORK, network, str(items), setting, str(args.batches)]
                values.append(float(subprocess.run(words, capture_output=True, text=True, check=True).stdout))
        median = {name: statistics.median(values) for name, values in found.items()}
        rows.append({"network": network, "items": items, **{f"{k}_us": v for k, v in median.items()}})
        rows[-1]["ratio"] = median["default"] / median["kept"]
    document = {"rows": rows, "rounds": args.rounds, "batches": 2 * args.batches, "machine": platform.processor()}
    if args.json:
        print(json.dumps(document, indent=1))
        return
    for row in rows:
        print(
            f"{row['network']:>6} {row['items']:>5}  {row['default_us']:8.0f} us -> {row['kept_us']:8.0f} us"
            f"  {row['ratio']:.2f}x"
        )


if __name__ == "__main__":
    main()

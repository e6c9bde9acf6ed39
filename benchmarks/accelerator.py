"""Speed of the accelerator's model: layers a second on the array, beside SCALE-Sim 3, and designs a second.

Run `python benchmarks/accelerator.py [--rounds N] [--json]` on an idle machine; the median round is given. SCALE-Sim's
seconds are those written beside its figures when they were made (`make scalesim`), traces off, on the same layers.
"""

import argparse
import csv
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tailrank.accelerator import AcceleratorTime, Array, Design, Layer, evaluate, parse_stages, run

FIGURES = Path(__file__).parents[1] / "tests" / "accelerator" / "data" / "scalesim.csv"
TWO = "rm-small:4096@4,rm-large:512@4"


def median_s(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measured(rounds: int) -> dict[str, float]:
    with FIGURES.open(newline="") as file:
        lines = list(csv.DictReader(file))
    cases = [
        (Array(int(line["rows"]), int(line["cols"])), Layer(int(line["inputs"]), int(line["outputs"])), line)
        for line in lines
    ]

    def array(convention: str) -> None:
        for shape, layer, line in cases:
            run(shape, layer, int(line["items"]), dataflow=line["dataflow"], convention=convention)  # type: ignore[arg-type]

    design = Design(stages=parse_stages(TWO))
    v3_s = median_s(lambda: array("v3"), rounds)
    return {
        "layers": len(cases),
        "v1_us_per_layer": 1e6 * median_s(lambda: array("v1"), rounds) / len(cases),
        "v3_us_per_layer": 1e6 * v3_s / len(cases),
        "scalesim_us_per_layer": 1e6 * sum(float(line["seconds"]) for line in lines) / len(cases),
        "times_faster_than_scalesim": sum(float(line["seconds"]) for line in lines) / v3_s,
        "designs_per_second": 1 / median_s(lambda: evaluate(design), rounds),
        "table_of_4096_items_s": median_s(lambda: AcceleratorTime(design, 0).table(4096, 1), rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measured(args.rounds)
    print(
        json.dumps(found, indent=1)
        if args.json
        else "\n".join(f"{name:<28} {value:,.4g}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()

"""Speed of the RPAccel study: designs searched, swept and simulated a second, and the whole of it; processor time.

Run `python benchmarks/rpaccel.py [--json]`; one core, compiled kernels warm, median of three rounds (the study: one).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from tailrank.simulator import warm
from tailrank.tuner.rpaccel import (
    Limits,
    Loaded,
    Space,
    explore,
    funnel,
    parse_funnel,
    planted,
    qualities,
    study,
    sweep,
)

ROUNDS = 3
QUERIES = 10_000


def median_s(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def measured() -> dict[str, float]:
    warm()
    space = Space()
    quality = qualities(planted(queries=40), space)
    limits = Limits(quality=0.995 * quality.best_single)
    designs = explore(space, quality, limits).designs
    stages = parse_funnel("rm-small:4096,rm-med:512,rm-large:128/256")
    slices = (4, 8, 16, 32, 64)
    rows = len(sweep(stages, mode="corrected", slices=slices))
    loaded, design = Loaded(queries=QUERIES), funnel((4, 16), "corrected")
    loaded.tail(design, 1000.0)
    return {
        "designs_explored": designs,
        "explored_per_second": designs / median_s(lambda: explore(space, quality, limits)),
        "swept_per_second": rows / median_s(lambda: sweep(stages, mode="corrected", slices=slices)),
        "ms_to_simulate_10000_queries": 1e3 * median_s(lambda: loaded.tail(design, 1000.0)),
        "study_s": median_s(study, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    found = measured()
    print(json.dumps(found) if parser.parse_args().json else "\n".join(f"{k:<32}{v:,.4g}" for k, v in found.items()))


if __name__ == "__main__":
    main()

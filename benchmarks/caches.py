"""Speed of embedding caches and of the top-k unit: accesses and scores a second, on one core.

Run `python benchmarks/caches.py [--rounds N] [--json]`; the median round is given, in processor seconds of this
process, so that a busy machine disturbs less. Traces are made here; with TAILRANK_DATA set to the folder of real data,
the recorded ones too. "all" numbers the keys of a trace as well, without it ids are numbered already. LRU and static
take one pass for all capacities, FIFO one each (`fifo` is one). `naive` is an `OrderedDict` in Python, of one capacity.
"""

import argparse
import json
import os
import statistics
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tailrank.accelerator.memory import (
    Numbered,
    fifo_hits,
    lru_curve,
    number,
    read_keys,
    sized_lru_hits,
    stack_distances,
    static_curve,
)
from tailrank.accelerator.topk import FilterUnit, select
from tailrank.core import stream
from tailrank.workload import Uniform, Zipf

RECORDED = (("scarab-recs", ">i8"), ("cache2k_web07", ">i4"), ("cache2k_orm-busy", ">i4"))
ACCESSES = 5_000_000


def median_s(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def naive(ids: list[int], capacity: int) -> int:
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for each in ids:
        if each in cache:
            hits += 1
            cache.move_to_end(each)
        else:
            cache[each] = None
            if len(cache) > capacity:
                cache.popitem(last=False)
    return hits


def of_trace(keys: np.ndarray, rounds: int) -> dict[str, float]:
    trace = number(keys)
    tenth = trace.rows // 10
    size = np.where(np.arange(trace.rows) % 2 == 0, 16, 128)
    policies: dict[str, Callable[[Numbered], object]] = {
        "lru": lru_curve,
        "fifo": lambda each: fifo_hits(each, [tenth]),
        "static": static_curve,
        "lru_distances": stack_distances,
        "lru_of_two_sizes": lambda each: sized_lru_hits(each, size, [tenth * 72]),
    }
    found: dict[str, float] = {"accesses": len(keys), "rows": trace.rows}
    for name, work in policies.items():
        work(trace)  # compiles
        found[name] = len(keys) / median_s(lambda work=work: work(trace), rounds)  # type: ignore[misc]
        if name in ("lru", "fifo", "static"):
            found[f"{name}_all"] = len(keys) / median_s(lambda work=work: work(number(keys)), rounds)  # type: ignore[misc]
    few = trace.ids[:200_000].tolist()
    found["lru_naive"] = len(few) / median_s(lambda: naive(few, tenth), 1)
    return found


def of_unit(rounds: int) -> dict[str, float]:
    first = np.arange(0, 1001) * 4096
    codes = stream(0, "codes").integers(0, 1 << 16, first[-1]).astype(np.int32)
    found: dict[str, float] = {"scores": len(codes)}
    for bins in (16, 256):
        unit = FilterUnit(bins=bins)
        select(unit, codes, first, 512)
        found[f"select_{bins}_bins"] = len(codes) / median_s(lambda unit=unit: select(unit, codes, first, 512), rounds)  # type: ignore[misc]
    return found


def measured(rounds: int) -> dict[str, dict[str, float]]:
    traces = {
        "zipf, a million rows": Zipf(exponent=1.0).draw(1_000_000, ACCESSES, stream(0, "keys")),
        "uniform, a million rows": Uniform().draw(1_000_000, ACCESSES, stream(0, "keys")),
        "uniform, ten million rows": Uniform().draw(10_000_000, 4 * ACCESSES, stream(0, "keys")),
    }
    folder = os.environ.get("TAILRANK_DATA")
    for name, dtype in RECORDED if folder else ():
        traces[name] = read_keys(str(Path(folder or "") / "access" / f"{name}.trace.xz"), dtype)
    return {name: of_trace(keys, rounds) for name, keys in traces.items()} | {"top-k unit": of_unit(rounds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measured(args.rounds)
    if args.json:
        print(json.dumps(found, indent=1))
        return
    for name, speeds in found.items():
        print(name)
        for what, value in speeds.items():
            shown = (
                f"{value:,.0f}" if what in ("accesses", "rows", "scores") else f"{value / 1e6:,.1f} million a second"
            )
            print(f"  {what:<18} {shown}")


if __name__ == "__main__":
    main()

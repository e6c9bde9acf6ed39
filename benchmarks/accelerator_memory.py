"""The tables of docs/accelerator-memory.md: figure 10c with each switch, look-ahead, and the top-k unit's quality.

Run `python benchmarks/accelerator_memory.py [split] [look-ahead] [topk --scores FOLDER --front A --back B --keep K]`:
Markdown on stdout. `split` takes a trace of one table as `--trace FILE --dtype '>i8'`, or the first rows of Criteo's
train.txt as `--criteo FILE`, with capacities a 32nd of those named; without, it makes one. Score
tables are those that `tailrank explore` leaves in its result directory. Nothing is timed: same input, same tables.
"""

import argparse
import gzip
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from msgspec.structs import fields, replace

from tailrank.accelerator import Design, evaluate, parse_stages
from tailrank.accelerator.memory import (
    CORRECTED_SPLIT,
    RELEASED_SPLIT,
    SplitMethod,
    memory_of,
    read_keys,
    split_curves,
    split_orderings,
    two_stage,
    zipf_ids,
)
from tailrank.accelerator.topk import RTL, Faults, FilterUnit, SelectionQuality, selection_quality
from tailrank.core import stream
from tailrank.datasets.score_tables import load_score_tables

MIB = 1 << 20
CAPACITIES = tuple(mib * MIB for mib in (1, 2, 4, 6, 8, 12, 16))
TABLES, ROWS, QUERIES, ITEMS = 26, 1_000_000, 40, 4096  # of the look-ahead table: about half of the reads miss SRAM


def rows(header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    for line in (header, ["---"] * len(header), *lines):
        print("| " + " | ".join(str(each) for each in line) + " |")
    print()


def split(ids: np.ndarray, long: np.ndarray | None, capacities: Sequence[int] = CAPACITIES) -> None:
    methods = {"released": RELEASED_SPLIT}
    for field in fields(SplitMethod):
        off = getattr(CORRECTED_SPLIT, field.name)
        methods[f"released, `{field.name}` corrected"] = replace(RELEASED_SPLIT, **{field.name: off})
    methods |= {"corrected": CORRECTED_SPLIT, "corrected, static": replace(CORRECTED_SPLIT, policy="static")}
    lines = []
    for name, method in methods.items():
        curves = split_curves(ids, capacities_bytes=capacities, method=method)
        best = ", ".join(f"{np.median(curve.best_share):g}" for curve in curves)
        eighth = curves[2]
        amat = ", ".join(f"{eighth.amat.min(axis=1)[place]:.1f}" for place in (2, 5, 6))
        front = ", ".join(f"{100 * eighth.front_rate[place, -1]:.1f}" for place in (0, 1, 2, 4))
        holds = "".join("y" if each.holds else "n" for each in split_orderings(curves))
        lines.append((name, best, amat, front, holds))
    if long is not None:
        curves = split_curves(long, capacities_bytes=CAPACITIES)
        lines.append(
            (
                f"corrected, {len(long):,} samples",
                ", ".join(f"{np.median(curve.best_share):g}" for curve in curves),
                ", ".join(f"{curves[2].amat.min(axis=1)[place]:.1f}" for place in (2, 5, 6)),
                ", ".join(f"{100 * curves[2].front_rate[place, -1]:.1f}" for place in (0, 1, 2, 4)),
                "".join("y" if each.holds else "n" for each in split_orderings(curves)),
            )
        )
    rows(
        (
            "method",
            "best share at 1/4, 1/5, 1/8, 1/10, 1/16",
            "AMAT at 4, 12, 16 MB",
            "stage 1 alone, 1, 2, 4, 8 MB, %",
            "holds",
        ),
        lines,
    )


def criteo_ids(path: Path) -> np.ndarray:
    """Return ids (rows, 5) of the five big tables, as hexadecimal in columns 16, 17, 25, 29 and 34; 0 for none."""
    with gzip.open(path, "rt") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return np.array([[int(line[14 + table] or "0", 16) for table in (2, 3, 11, 15, 20)] for line in lines])


def look_ahead() -> None:
    ids = zipf_ids(QUERIES * ITEMS, rows=(ROWS,) * TABLES)
    first = np.arange(QUERIES + 1) * ITEMS
    luck = stream(0, "chosen").random(len(ids))
    chosen, buffered = luck < 1 / 8, luck < 1 / 4
    lines = []
    for (overlapped, in_dram), parts in product(((False, None), (True, None), (False, 1_000_000)), (1, 4)):
        design = Design(stages=parse_stages("rm-small:4096@4,rm-large:512@4"), sub_batches=parts, resident=True)
        front, back = evaluate(design).stages
        cycles = back.cycles.load + back.cycles.compute + back.cycles.interaction
        for how, share in (("none", 0.0), ("selected", 0.25), ("buffered", 0.25), ("all", 0.25)):
            memory = memory_of(design.chip, share=0.25)
            memory = replace(memory, look_ahead_share=share, dram_rows=in_dram, overlapped=overlapped)
            found = two_stage(
                memory,
                first,
                ids,
                chosen,
                front_ns=front.work_ns * parts,
                back_ns=cycles * design.chip.clock_ns * parts / 512,
                parts=parts,
                look_ahead=how,
                buffered=buffered,
            )
            shares = (found.static, found.in_time, found.late, found.demand)
            text = [f"{100 * each:.1f}" for each in shares]
            text += [f"{100 * found.wasted:.0f}", f"{found.waiting_ns / 1e3:.0f}", f"{found.query_ns / 1e6:.3f}"]
            lines.append((parts, "yes" if overlapped else "no", f"{100 * found.back.ssd:.1f}", how, *text))
    rows(
        (
            "parts",
            "overlapped",
            "on SSD %",
            "look-ahead",
            "hot %",
            "in time %",
            "late %",
            "demand %",
            "wasted %",
            "waits us",
            "ms",
        ),
        lines,
    )


def topk(args: argparse.Namespace) -> None:
    tables = load_score_tables(args.scores)
    known = {"keep": args.keep, "k": args.k, "items": args.items}
    print(f"{len(tables)} queries, {np.diff(tables.first).mean():.0f} candidates each on average\n")
    kinds = {
        "bins": {"bins": (16, 32, 64, 256, 1024)},
        "bins, to 1 unfitted": {"bins": (16, 32, 64, 256, 1024), "fitted": False},
        "float16": {"bins": (16, 32, 256), "encodings": ("half",)},
        "fill": {"bins": (16, 64), "unit": FilterUnit(excess="fill")},
        "first": {"bins": (16, 64), "unit": FilterUnit(excess="first")},
        "thresholds": {"bins": (64,), "admitted": (0.5, 0.35, 0.25)},
        "threshold follows": {"bins": (64,), "parts": (2, 4, 8), "unit": FilterUnit(excess="fill", follow=4)},
        "sub-batches": {"bins": (16, 64), "parts": (2, 4, 8), "unit": FilterUnit(excess="fill")},
    }
    for field in fields(Faults):
        kinds[f"RTL: {field.name}"] = {"bins": (16,), "unit": FilterUnit(faults=Faults(**{field.name: True}))}
    kinds["RTL: all"] = {"bins": (16,), "unit": FilterUnit(faults=RTL)}
    header = "setting bins admitted parts NDCG lost recall_% chosen most buffered_% cycles KiB"
    found = (
        (name, each)
        for name, what in kinds.items()
        for each in selection_quality(tables, args.front, args.back, **(known | what))
    )
    rows([word.replace("_", " ") for word in header.split()], [quality(name, each) for name, each in found])


def quality(name: str, each: SelectionQuality) -> tuple[object, ...]:
    return (
        name,
        each.unit.bins,
        f"{each.admitted:g}",
        each.parts,
        f"{100 * each.ndcg:.2f}",
        f"{100 * each.loss.value:.2f} ({100 * each.loss.low:.2f} to {100 * each.loss.high:.2f})",
        f"{100 * each.recall:.1f}",
        f"{each.chosen_mean:.0f}",
        each.chosen_most,
        f"{100 * each.buffered:.0f}",
        f"{each.cycles:.0f}",
        f"{each.state_bits / 8192:.1f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", choices=("split", "look-ahead", "topk"))
    parser.add_argument("--trace")
    parser.add_argument("--dtype", default=">i8")
    parser.add_argument("--criteo", type=Path)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--front")
    parser.add_argument("--back")
    parser.add_argument("--keep", type=int, default=128)
    parser.add_argument("--items", type=int)
    parser.add_argument("--k", type=int, default=64)
    args = parser.parse_args()
    if "split" in args.tables:
        if args.criteo:
            split(criteo_ids(args.criteo), None, [size // 32 for size in CAPACITIES])
        elif args.trace:
            split(read_keys(args.trace, args.dtype)[:, None], None)
        else:
            split(zipf_ids(200_000), zipf_ids(2_000_000))
    if "look-ahead" in args.tables:
        look_ahead()
    if "topk" in args.tables:
        topk(args)


if __name__ == "__main__":
    main()

"""`tailrank accel evaluate`: a design of RPAccel, by the artifact's formulas or by ours."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailrank.cli.accel_tail import ARRIVALS, tail_text, tails
from tailrank.cli.arguments import count_or_zero, positive_float, positive_int
from tailrank.cli.output import pairs, print_json, significant, table
from tailrank.core import BadInputError

if TYPE_CHECKING:
    from tailrank.accelerator import Design, Evaluation

HELP = "say what a design does with a query: latency by stage, capacity, energy and area"
EXAMPLE = """tailrank accel evaluate --stages rm-small:4096@4,rm-large:512@4
  tailrank accel evaluate --mode released --stages rm-large:4096@1 --filter host --json
  tailrank accel evaluate --stages rm-small:4096@4,rm-large:512@4 --sub-batches 2 --resident --look-ahead
  tailrank accel evaluate --mode released --stages rm-small:4096@4,rm-large:512@4 --effects
  tailrank accel evaluate --stages rm-small:4096@4,rm-large:512@16 --qps 500 1000 2000"""

OPTIONS = {"resident": "resident", "double_buffered": "double_buffered", "look_ahead": "hidden_rows"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG", help="a design as a TOML file")
    parser.add_argument(
        "--stages",
        metavar="LIST",
        help="instead of a file, NETWORK:ITEMS@SLICES[,...]: items into each stage, on slices of 1/SLICES of the chip",
    )
    parser.add_argument(
        "--mode",
        choices=("released", "corrected"),
        help="released: the formulas of RecPipe's artifact, bugs included (default: the file's, or corrected)",
    )
    parser.add_argument("--filter", choices=("chip", "host"), help="where the best are chosen (default chip)")
    parser.add_argument("--switch", metavar="LIST", help="set these bugs, by name, the other way round than the mode")
    parser.add_argument(
        "--effects", action="store_true", help="also evaluate with each bug the other way round, one at a time"
    )
    parser.add_argument("--sub-batches", type=positive_int, metavar="N", help="cut queries into so many parts")
    parser.add_argument("--resident", action="store_true", help="weights stay in SRAM")
    parser.add_argument("--double-buffered", action="store_true", help="load weights while the layer before computes")
    parser.add_argument("--look-ahead", action="store_true", help="rows of later stages arrive before they begin")
    parser.add_argument(
        "--qps", type=positive_float, nargs="+", metavar="N", help="also the tails at these offered loads"
    )
    parser.add_argument(
        "--arrivals", choices=ARRIVALS, default="poisson", help="with --qps; paper: the artifact's (default poisson)"
    )
    parser.add_argument("--seed", type=count_or_zero, default=1, metavar="N", help="of the arrivals (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    from tailrank.accelerator import evaluate

    design = _design(args)
    found = evaluate(design)
    effects = _effects(design) if args.effects else []
    loads = tails(design, args.qps, arrivals=args.arrivals, seed=args.seed) if args.qps else []
    if args.json:
        more = ({"effects": effects} if args.effects else {}) | ({"loads": loads} if loads else {})
        print_json(document(design, found) | more)
        return 0
    print(describe(design, found))
    if loads:
        print("\n" + tail_text(loads, args.arrivals))
    if effects:
        rows = [(each["bug"], each["latency_ms"], each["capacity_qps"]) for each in effects]
        print("\none bug the other way round\n" + table(("bug", "latency ms", "capacity qps"), rows))
    return 0


def _design(args: argparse.Namespace) -> "Design":
    from msgspec.structs import replace

    from tailrank.accelerator import CORRECTED, RELEASED, Design, artifact, design_of, parse_stages, with_bug
    from tailrank.core.config import load

    if (args.config is None) == (args.stages is None):
        raise BadInputError("a design is either a file or --stages", hint="--stages rm-small:4096@4,rm-large:512@4")
    if args.config is None:
        design = design_of(args.mode or "corrected", parse_stages(args.stages))
    else:
        design = load(Design, args.config)
        if args.mode is not None:
            if args.mode == "released":
                artifact(design.stages)  # refuses what the artifact has no configuration for
            design = replace(design, bugs=RELEASED if args.mode == "released" else CORRECTED)
    bugs = design.bugs
    for name in (args.switch or "").split(",") if args.switch else []:
        bugs = with_bug(bugs, name.strip(), not getattr(bugs, name.strip(), False))
    wanted: dict[str, Any] = {field: True for flag, field in OPTIONS.items() if getattr(args, flag)}
    if args.sub_batches is not None:
        wanted["sub_batches"] = args.sub_batches
    if args.filter is not None:
        wanted["filter"] = args.filter
    return replace(design, bugs=bugs, **wanted)


def _effects(design: "Design") -> list[dict[str, Any]]:
    from msgspec.structs import replace

    from tailrank.accelerator import bug_names, evaluate, with_bug

    rows = []
    for name in bug_names():
        on = not getattr(design.bugs, name)
        try:
            found = evaluate(replace(design, bugs=with_bug(design.bugs, name, on)))
        except BadInputError as error:  # the artifact's host cannot sort so many
            rows.append({"bug": name, "on": on, "latency_ms": None, "capacity_qps": None, "why": error.message})
            continue
        rows.append({"bug": name, "on": on, "latency_ms": found.latency_ns / 1e6, "capacity_qps": found.capacity_qps})
    return rows


def document(design: "Design", found: "Evaluation") -> dict[str, Any]:
    """Return what is printed with `--json`."""
    from tailrank.core.config import to_dict

    clock = design.chip.clock_ns
    return {
        "mode": _mode(design),
        "design": to_dict(design),
        "stage_latency_ms": found.stage_latency_ms,
        "latency_ms": found.latency_ns / 1e6,
        "capacity_qps": found.capacity_qps,
        "energy_mj_per_query": found.energy.total_mj,
        "qps_per_watt": found.qps_per_watt,
        "area_mm2": found.area.total,
        "area_mm2_by_block": asdict(found.area),
        "synthesised_power_mw": found.power.total,
        "synthesised_power_mw_by_block": asdict(found.power),
        "energy_mj_by_part": {
            "mac": found.energy.mac_pj * 1e-9,
            "sram": found.energy.sram_pj * 1e-9,
            "dram": found.energy.dram_pj * 1e-9,
            "leakage": found.energy.leakage_pj * 1e-9,
        },
        "stages": [
            {
                "network": stage.network,
                "items": stage.items,
                "array": str(stage.part.array),
                "servers": stage.part.count,
                "shared": stage.part.shared,
                "ms_by_part": {
                    name: getattr(stage.cycles, name) * clock / 1e6
                    for name in ("link_in", "gather", "load", "compute", "interaction", "filter", "link_out")
                },
            }
            for stage in found.stages
        ],
    }


def describe(design: "Design", found: "Evaluation") -> str:
    """Return the same as text."""
    rows = [
        (
            stage.network,
            stage.items,
            f"{stage.part.count} x {stage.part.array}" + (" in turns" if stage.part.shared else ""),
            stage.latency_ns / 1e6,
            *(
                cycles * design.chip.clock_ns / 1e6
                for cycles in (
                    stage.cycles.link_in + stage.cycles.link_out,
                    stage.cycles.gather,
                    stage.cycles.load,
                    stage.cycles.compute + stage.cycles.interaction,
                    stage.cycles.filter,
                )
            ),
        )
        for stage in found.stages
    ]
    head = ("stage", "items", "sub-arrays", "ms", "link", "gather", "weights", "compute", "filter")
    counted = not design.bugs.no_energy
    whole = [
        ("latency", f"{significant(found.latency_ns / 1e6, 5)} ms"),
        ("capacity", f"{significant(found.capacity_qps, 5)} queries/s"),
        ("energy", f"{significant(found.energy.total_mj)} mJ a query" if counted else "not counted in this mode"),
        ("area", f"{significant(found.area.total, 5)} mm2"),
    ]
    return table(head, rows) + "\n\n" + pairs(f"{_mode(design)}, a query alone on the chip", whole)


def _mode(design: "Design") -> str:
    from tailrank.accelerator import CORRECTED, RELEASED

    return {RELEASED: "released", CORRECTED: "corrected"}.get(design.bugs, "mixed")

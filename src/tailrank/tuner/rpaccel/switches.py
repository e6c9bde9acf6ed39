"""What each difference between the artifact's formulas and ours does, one at a time, on designs where it shows."""

from typing import Any

from msgspec.structs import replace

from tailrank.accelerator import CORRECTED, RELEASED, Bugs, Design, Mode, bug_names, evaluate, with_bug
from tailrank.core import BadInputError
from tailrank.tuner.rpaccel.configurations import funnel
from tailrank.tuner.rpaccel.ideas import LATENCY_POINT, THROUGHPUT_POINT, baseline

__all__ = ["bug_effects", "combined"]

SMALLEST = (64, 64)
MOVIELENS = ("neumf-20m-small", "neumf-20m-large")

COMBINED = {
    "link and filter": {"link_unit": False, "link_every_stage": False, "filter_clock_twice": False},
    "link, filter, widths": {
        "link_unit": False,
        "link_every_stage": False,
        "filter_clock_twice": False,
        "concat_width": False,
    },
    "link, filter, widths, bandwidth of 1/64": {
        "link_unit": False,
        "link_every_stage": False,
        "filter_clock_twice": False,
        "concat_width": False,
        "starved_sixtyfourth": False,
    },
}


def designs(mode: Mode) -> dict[str, Design]:
    """Return the designs that effects are shown on."""
    return {
        "baseline": baseline(mode),
        "undivided, host": funnel(LATENCY_POINT, mode, filter="host"),
        "undivided": funnel(LATENCY_POINT, mode),
        "(4, 4)": funnel(THROUGHPUT_POINT, mode),
        "(64, 64)": funnel(SMALLEST, mode),
        "NeuMF (4, 4)": funnel(THROUGHPUT_POINT, mode, items=(4000, 400), networks=MOVIELENS),
    }


def bug_effects() -> list[dict[str, Any]]:
    """Return a row for each switch, mode and design: latency and capacity with it and without it.

    `latency` and `capacity` are those with the switch the other way round over those of the mode: in `released` the
    effect of correcting that one thing, in `corrected` that of making the one mistake.
    """
    rows = []
    sides: tuple[tuple[Mode, Bugs], ...] = (("released", RELEASED), ("corrected", CORRECTED))
    for mode, bugs in sides:
        for name in bug_names():
            other = with_bug(bugs, name, mode == "corrected")
            for label, design in designs(mode).items():
                rows.append({"mode": mode, "bug": name, "design": label} | _effect(design, other))
    return rows


def _effect(design: Design, bugs: Bugs) -> dict[str, Any]:
    before = evaluate(design)
    try:
        after = evaluate(replace(design, bugs=bugs))
    except BadInputError as error:  # the artifact's host cannot sort so many
        return {"latency": None, "capacity": None, "why": error.message}
    return {
        "latency": after.latency_ns / before.latency_ns,
        "capacity": after.capacity_qps / before.capacity_qps,
        "energy_mj": after.energy.total_mj,
    }


def combined() -> list[dict[str, Any]]:
    """Return the released model with several mistakes corrected at once: both factors and two capacities."""
    rows = []
    for text, fixed in {"none": {}, **COMBINED}.items():
        bugs = replace(RELEASED, **fixed)
        found = {label: evaluate(replace(design, bugs=bugs)) for label, design in designs("released").items()}
        base = found["baseline"]
        rows.append(
            {
                "corrected": text,
                "latency_gain": base.latency_ns / found["undivided"].latency_ns,
                "capacity_gain": found["(4, 4)"].capacity_qps / base.capacity_qps,
                "capacity_qps": found["(4, 4)"].capacity_qps,
                "smallest_capacity_qps": found["(64, 64)"].capacity_qps,
                "smallest_latency_ms": found["(64, 64)"].latency_ns / 1e6,
            }
        )
    return rows

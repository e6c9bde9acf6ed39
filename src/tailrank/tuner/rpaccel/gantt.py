"""When what is busy: two queries that overlap on a design, sub-batch by sub-batch, as the model has it.

Sub-arrays take queries first come, first served, and work on the parts of one query after the other; a part begins in a
stage when it is done in the stage before and the sub-array has finished the part before. The link carries one query at
a time. Look-ahead rows come, as the model assumes, while the stage before computes: drawn so that they end with it.
"""

from dataclasses import asdict, dataclass
from typing import Any

from tailrank.accelerator import Design, Evaluation, evaluate

__all__ = ["Segment", "gantt"]

KINDS = ("gather", "load", "compute", "interaction", "filter")


@dataclass(frozen=True)
class Segment:
    """Something busy on `lane` from `start_ms` to `end_ms`: `kind` of query `query`, part `part`."""

    lane: str
    query: int
    part: int
    kind: str
    start_ms: float
    end_ms: float


def gantt(design: Design, *, queries: int = 2, apart_ms: float | None = None) -> dict[str, Any]:
    """Return {lanes, segments, latency_ms, apart_ms} of `queries` that arrive `apart_ms` after each other.

    Absent, they arrive a third of a query's latency apart. With the link paid by every stage, it is drawn with the
    stage; else on a lane of its own.
    """
    found = evaluate(design)
    apart = found.latency_ns / 3e6 if apart_ms is None else apart_ms
    free = [[0.0] * stage.part.count for stage in found.stages]
    segments: list[Segment] = []
    latency = []
    link_free = 0.0
    for query in range(queries):
        start = max(query * apart, link_free)
        each_stage = design.bugs.link_every_stage
        link_in, link_out = _link_ms(found)
        if not each_stage:
            segments.append(Segment("link", query, 0, "link in", start, start + link_in))
            start = link_free = start + link_in
        done = _through(design, found, query, start, free, segments)
        if not each_stage:
            segments.append(Segment("link", query, 0, "link out", done, done + link_out))
            done += link_out
        latency.append(done - query * apart)
    lanes = ["link", *(f"stage {n + 1}, sub-array {k + 1}" for n, each in enumerate(free) for k in range(len(each)))]
    if any(segment.lane == "look-ahead cache" for segment in segments):
        lanes.insert(1, "look-ahead cache")
    used = {segment.lane for segment in segments}
    return {
        "lanes": [lane for lane in lanes if lane in used],
        "segments": [asdict(segment) for segment in segments],
        "latency_ms": latency,
        "alone_ms": found.latency_ns / 1e6,
        "apart_ms": apart,
        "sub_batches": design.sub_batches,
    }


def _link_ms(found: Evaluation) -> tuple[float, float]:
    """Return the link's time in and out of a whole query; `link_ns` of first and last stage."""
    if len(found.stages) > 1:
        return found.stages[0].link_ns / 1e6, found.stages[-1].link_ns / 1e6
    stage = found.stages[0].cycles
    share = stage.link_in / (stage.link_in + stage.link_out) if stage.link_in + stage.link_out else 0.0
    whole = found.stages[0].link_ns / 1e6
    return whole * share, whole * (1 - share)


def _through(
    design: Design, found: Evaluation, query: int, start: float, free: list[list[float]], segments: list[Segment]
) -> float:
    """Walk all parts of `query` through the stages; returns when the last is done."""
    clock = design.chip.clock_ns / 1e6
    ready = [start] * design.sub_batches
    begun = ready
    for number, stage in enumerate(found.stages):
        server = 0 if stage.part.shared else free[number].index(min(free[number]))
        at = free[0 if stage.part.shared else number][server]
        lane = f"stage {1 if stage.part.shared else number + 1}, sub-array {server + 1}"
        starts = []
        for part in range(design.sub_batches):
            at = max(at, ready[part])
            starts.append(at)
            if design.hidden_rows and number > 0:
                rows = float(stage.cycles.dram_bytes)  # misses, at the rate that the sub-array has
                rate = design.chip.bytes_per_cycle(design.chip.dram_gib_s * stage.part.share)
                long = min((design.chip.dram_latency_cycles + rows / rate) * clock, ready[part] - begun[part])
                segments.append(Segment("look-ahead cache", query, part, "look-ahead", ready[part] - long, ready[part]))
            spans = [("link in", stage.cycles.link_in)] if design.bugs.link_every_stage else []
            spans += [(kind, getattr(stage.cycles, kind)) for kind in KINDS]
            spans += [("link out", stage.cycles.link_out)] if design.bugs.link_every_stage else []
            for kind, cycles in spans:
                if cycles > 0:
                    segments.append(Segment(lane, query, part, kind, at, at + cycles * clock))
                    at += cycles * clock
            ready[part] = at
        begun = starts
        free[0 if stage.part.shared else number][server] = at
    return max(ready)

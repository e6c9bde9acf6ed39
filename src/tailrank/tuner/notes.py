"""What a search did not find, and what its answer leans on: sentences for people."""

import math

from tailrank.core import Plan
from tailrank.tuner.capacity import Capacity
from tailrank.tuner.climb import Candidate, Search
from tailrank.tuner.compare import speedup
from tailrank.tuner.plans import label

__all__ = ["notes"]

FLAT = 0.05  # capacities this close to the best count as alike ...
SPAN = 16  # ... and batch size is called unimportant if they stay alike over such a ratio of batch sizes
WIDE = 0.05  # half-width of the interval over the mean
LONG = 50  # a run of this many target latencies overrates the capacity by a few per cent at most


def notes(search: Search, baseline: Plan | None = None, *, largest: int | None = None) -> list[str]:
    """Return the caveats of `search`, most important first; empty when there are none.

    `baseline` is compared with the best plan if the search measured it; `largest` is the size of the largest query,
    where known.
    """
    reference = search.find(baseline) if baseline is not None else None
    best = search.best.capacity
    return [
        sentence
        for sentence in (
            _flat(search, reference),
            _no_better(search, reference),
            _offload(search),
            _edge(search, largest),
            _ties(search),
            _uncertain(best),
            _short(best),
            _not_monotone(search),
        )
        if sentence
    ]


def _flat(search: Search, reference: Candidate | None) -> str:
    """The widest run of neighbouring batch sizes around the best whose capacities are alike.

    Batch sizes outside it are ignored: tiny ones drown any model in overheads and whole queries leave workers
    idle, which says nothing about whether the model gains from batching.
    """
    alike = _alike(search)
    if not alike or alike[-1][0] < SPAN * alike[0][0]:
        return ""
    loads = [qps for _, qps in alike]
    spread = 100 * (1 - min(loads) / max(loads))
    span = f"capacity varies by at most {spread:.1f} % over batch sizes {alike[0][0]} to {alike[-1][0]}"
    inside = reference is None or any(size == _batch(search, reference) for size, _ in alike)
    return f"{'batching cannot help this model' if inside else 'batch size hardly matters within a wide range'}: {span}"


def _alike(search: Search) -> list[tuple[int, float]]:
    """Return (batch size, qps) of the neighbours of the best batch size without offload, as long as they are alike."""
    plain = sorted(
        (_batch(search, each), each.capacity.qps)
        for each in search.candidates
        if each.plan.stages[search.stage].offload_at is None
    )
    top = max(range(len(plain)), key=lambda at: plain[at][1], default=0)
    if not plain or plain[top][1] <= 0:
        return []
    enough = (1 - FLAT) * plain[top][1]
    first = last = top
    while first > 0 and plain[first - 1][1] >= enough:
        first -= 1
    while last + 1 < len(plain) and plain[last + 1][1] >= enough:
        last += 1
    return plain[first : last + 1]


def _no_better(search: Search, reference: Candidate | None) -> str:
    if reference is None:
        return ""
    if reference is search.best:
        return "the baseline is the best plan found"
    gain = speedup(search.best.capacity, reference.capacity)
    if gain.low > 1:
        return ""
    return (
        f"the tuned plan is not better than the baseline beyond the interval: {gain.value:.3f} times its capacity, "
        f"95 % interval {gain.low:.3f} to {gain.high:.3f}"
    )


def _offload(search: Search) -> str:
    if search.best.plan.stages[search.stage].offload_at is not None:
        return ""
    tried = [each for each in search.candidates if each.plan.stages[search.stage].offload_at is not None]
    if not tried:
        return ""
    top = max(each.capacity.qps for each in tried)
    return f"offloading does not help: at most {top:.4g} qps with it, {search.best.capacity.qps:.4g} qps without"


def _edge(search: Search, largest: int | None) -> str:
    sizes = {_batch(search, each) for each in search.candidates}
    if largest is not None and _batch(search, search.best) >= largest:
        return (
            f"the best plan does not split queries: its batches of {_batch(search, search.best)} take the largest whole"
        )
    if len(sizes) < 2 or _batch(search, search.best) != max(sizes):
        return ""
    return f"the best batch size, {max(sizes)}, is the largest measured: unless it takes every query whole, try larger"


def _ties(search: Search) -> str:
    labels = [label(each.plan, stage=search.stage) for each in search.ties]
    if not labels:
        return ""
    shown = "; ".join(labels[:5]) + (f"; and {len(labels) - 5} more" if len(labels) > 5 else "")
    return f"as good as the best within the interval: {shown}"


def _uncertain(best: Capacity) -> str:
    if len(best.per_replication) == 1:
        return "one replication gives no interval: luck is not told from skill"
    half = (best.high_qps - best.low_qps) / 2 / best.qps
    if half <= WIDE:
        return ""
    return f"the capacity is known to +-{100 * half:.0f} % only: give more queries or more replications"


def _short(best: Capacity) -> str:
    latencies = best.run_s * 1e9 / best.target.latency_ns
    if latencies >= LONG:
        return ""
    queries = math.ceil(LONG / latencies * best.queries / len(best.per_replication))
    return (
        f"runs at the capacity last only {latencies:.0f} target latencies, which flatters the capacity: "
        f"give {queries} queries a replication"
    )


def _not_monotone(search: Search) -> str:
    odd = [label(each.plan, stage=search.stage) for each in search.candidates if not each.capacity.monotone]
    if not odd:
        return ""
    return (
        f"a higher load met the target where a lower one missed it, for {'; '.join(odd[:5])}: readings are noisy there"
    )


def _batch(search: Search, each: Candidate) -> int:
    return each.plan.stages[search.stage].batch_size

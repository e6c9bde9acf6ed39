"""Is the simulator faithful? A few networks served on this host's engine, and the simulator asked about the same runs.

The study's hardware is described, not at hand. What can be checked is the machinery: the same traces and plans on real
workers. Each run is compared twice: with the service times that it recorded itself (what then differs is the model of
queues and overheads) and with a profile taken before it (what a prediction has). Numbers are of this machine and day.
"""

import math
import statistics
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tailrank.cli.climbing import full_qps
from tailrank.core import Records, TailrankError, Trace
from tailrank.engine import GRID, measure_overheads, measure_profile
from tailrank.metrics import WARMUP, SLATarget
from tailrank.simulator import Simulator, replay
from tailrank.timing import Overheads, Profile, Scaled
from tailrank.tuner import tail_ms, with_batch
from tailrank.workload import Workload

if TYPE_CHECKING:
    from tailrank.cli.progress import Progress
    from tailrank.cli.subject import Subject

__all__ = ["LOADS", "NETWORKS", "NOT_ASKED", "absent", "fidelity"]

NETWORKS = ("ncf", "rmc1", "wnd")  # one without large layers, one of embeddings, one of large layers; all are quick
LOADS = (0.5, 0.7, 0.85)  # of the load at which every worker is busy all the time
BUDGET_S = 16.0  # the whole study has a minute
BATCH = 128  # candidates; the static split of two cores would take queries nearly whole
MEMORY_BYTES = 64 << 20  # of tables: this is about queues, not about caches
PROFILE_S, FLOOD_S, CALIBRATION_S, ROUND_S, RUN_S = 0.4, 0.3, 0.3, 0.1, 0.8
FLOOD = 10.0  # times what the profile says the workers can do: all queries wait from the beginning
FEWEST = 100  # queries of a run
CALIBRATION = 0.65  # of the full load, which the engine must keep up with
TARGET = SLATarget(latency_ms=1e3)  # no target is set here: only its percentile is read
NEEDED = ("torch", "psutil")
NOT_ASKED = "not asked for (`--no-engine`)"
MISSING = "the engine needs {name}, which is not installed: install it with `pip install 'tailrank[torch]'`"


def absent(reason: str) -> dict[str, Any]:
    """Return the document's `fidelity` where nothing was measured, and why."""
    return {"absent": reason, "rows": [], "workers": None, "others": None, "left_out": [], "seconds": 0.0}


def fidelity(seed: int, progress: "Progress", *, networks: Sequence[str] = NETWORKS) -> dict[str, Any]:
    """Return the document's `fidelity`: {absent, rows, workers, others, left_out, seconds}; no two runs quite agree.

    A row is {network, load, offered_qps, queries, engine_ms, own_times_ms, profiled_ms, drift}: 95th percentiles;
    `load` a share of the load at which every worker is busy, `drift` how much slower the host was than the pooled
    profile. `others` is the share of the host's processor time that other processes took meanwhile, and `left_out` are
    networks for which `BUDGET_S` did not suffice. Where the engine cannot run `absent` says what is missing and how to
    get it.
    """
    for name in NEEDED:
        if find_spec(name) is None:
            return absent(MISSING.format(name=name))
    from tailrank.cli.subject import build, default_workers

    began, workers, workload = time.monotonic(), default_workers(), Workload()
    rows: list[dict[str, Any]] = []
    left_out: list[str] = []
    used = _Used()
    longest_s = 0.0
    try:
        for name in networks:
            begin_s = time.monotonic() - began
            if begin_s + longest_s > BUDGET_S:
                left_out.append(name)
                continue
            subject = build(name, workload, workers=workers, memory_bytes=MEMORY_BYTES, seed=seed, progress=progress)
            progress.step(f"engine: {name} at {len(LOADS)} loads")
            rows += _Served(subject, workload, seed).rows()
            longest_s = max(longest_s, time.monotonic() - began - begin_s)
    except TailrankError as error:
        return absent(f"the engine could not run here: {error.message}")
    return {
        "absent": None,
        "rows": rows,
        "workers": workers,
        "others": used.by_others(),
        "left_out": left_out,
        "seconds": round(time.monotonic() - began, 2),
    }


class _Used:
    """Whose processor time it was, from now on."""

    def __init__(self) -> None:
        self._all, self._busy, self._own = self._read()

    def by_others(self) -> float:
        """Return the share of the host's processor time that other processes took since."""
        whole, busy, own = self._read()
        passed = max(whole - self._all, 1e-9)
        return min(max((busy - self._busy - (own - self._own)) / passed, 0.0), 1.0)

    def _read(self) -> tuple[float, float, float]:
        import psutil

        times, own = psutil.cpu_times(), psutil.Process().cpu_times()
        whole = math.fsum(times)
        return whole, whole - times.idle - getattr(times, "iowait", 0.0), own.user + own.system


class _Served:
    """One network on the engine: a profile, the overheads, then a run at every load with a short profile around it."""

    def __init__(self, subject: "Subject", workload: Workload, seed: int) -> None:
        self.subject, self.workload, self.seed = subject, workload, seed
        self.plan = with_batch(subject.baseline(workload.sizes.max_size), BATCH)
        self.profile = self._profile(PROFILE_S, rounds=2, seed=seed)
        self.full_qps = self._flooded_qps()

    def rows(self) -> list[dict[str, Any]]:
        """Return the comparison at every load."""
        overheads = self._overheads()
        rounds = [self._round(0)]
        taken: list[tuple[Trace, Records]] = []
        for number, share in enumerate(LOADS):
            trace = self._trace(share, RUN_S, 910 + number)
            taken.append((trace, self.subject.engine.serve(trace, self.plan)))
            rounds.append(self._round(number + 1))
        pooled = rounds[0]
        for each in rounds[1:]:
            pooled = pooled.merged(each)
        drifts = [each.slower_than(pooled) for each in rounds]
        around = [statistics.fmean(drifts[number : number + 2]) for number in range(len(LOADS))]
        return [
            self._row(share, trace, records, pooled, drift, overheads)
            for share, (trace, records), drift in zip(LOADS, taken, around, strict=True)
        ]

    def _row(
        self, share: float, trace: Trace, records: Records, pooled: Profile, drift: float, overheads: Overheads
    ) -> dict[str, Any]:
        services = {(self.subject.name, "cpu"): Scaled(pooled, drift)}
        profiled = Simulator(services, overheads=overheads, seed=self.seed, detail=False).serve(trace, self.plan)
        # Recorded times hold what a cold start and the dispatcher took from them: only the fixed costs are added.
        fixed = measure_overheads([records])
        return {
            "network": self.subject.name,
            "load": share,
            "offered_qps": share * self.full_qps,
            "queries": len(trace),
            "engine_ms": _tail_ms(records),
            "own_times_ms": None if records.errors else _tail_ms(replay(trace, self.plan, records, fixed)),
            "profiled_ms": _tail_ms(profiled),
            "drift": drift,
        }

    def _overheads(self) -> Overheads:
        engine = self.subject.engine
        engine.serve(self._trace(CALIBRATION, CALIBRATION_S / 3, 901), self.plan)
        records = engine.serve(self._trace(CALIBRATION, CALIBRATION_S, 902), self.plan)
        return measure_overheads([records], cores=self.subject.workers, expected=self.profile)

    def _round(self, number: int) -> Profile:
        return self._profile(ROUND_S, rounds=1, seed=self.seed + 1000 * (number + 1), like=self.profile)

    def _profile(self, seconds: float, *, rounds: int, seed: int, like: Profile | None = None) -> Profile:
        sizes = [size for size in GRID if size <= BATCH]
        return measure_profile(
            self.subject.engine,
            self.subject.name,
            workers=self.subject.workers,
            budget_s=seconds,
            rounds=rounds,
            seed=seed,
            sizes=sizes,
            like=like,
        )

    def _flooded_qps(self) -> float:
        """Return how many queries a second the engine finishes when it never waits for one."""
        likely_qps = full_qps({"cpu": self.profile}, self.plan, self.workload, self.seed)
        count = max(FEWEST, round(likely_qps * FLOOD_S))
        trace = self.workload.trace(count, FLOOD * likely_qps, self.seed, replication=900)
        records = self.subject.engine.serve(trace, self.plan)
        return 1e9 * count / float(records.finish_ns.max() - records.arrival_ns[0])

    def _trace(self, share: float, seconds: float, replication: int) -> Trace:
        qps = share * self.full_qps
        return self.workload.trace(max(FEWEST, round(qps * seconds)), qps, self.seed, replication=replication)


def _tail_ms(records: Records) -> float | None:
    found = tail_ms(records, TARGET, warmup=WARMUP)
    return found if math.isfinite(found) else None

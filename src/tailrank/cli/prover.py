"""The proof: plans served on the real engine, open loop, and the simulator asked about the same traces.

Probes of the plans take turns and short profile rounds run between them, so that drift of the machine hits
all alike and can be told apart from errors of the model.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tailrank.cli.budget import Budget
from tailrank.cli.calibration import CALIBRATION, calibrate
from tailrank.cli.climbing import full_qps, services_of
from tailrank.cli.proof import EngineRun, Proof
from tailrank.cli.rounds import Rounds, at_speed
from tailrank.cli.subject import Subject
from tailrank.core import Plan, Records, Trace
from tailrank.engine import measure_overheads
from tailrank.metrics import WARMUP, SLATarget, meets
from tailrank.simulator import Simulator, replay
from tailrank.timing import Overheads, Profile, ServiceTime
from tailrank.tuner import ProbeSearch, Replication, capacity, prefix, tail_ms, with_threshold, without_policies
from tailrank.workload import Workload

__all__ = ["prove"]

LOADS = (0.3, 0.5, 0.85)  # of capacity; points of the latency-against-load figure
GAUGE = 0.7  # of capacity; where the simulator's percentile is compared
SHORTEST_TARGETS = 5  # a run lasts at least this many target latencies
FEWEST_QUERIES = 60  # of any run
HOPELESS = 0.4  # of the predicted capacity; a plan that misses the target this far below is not probed further
REACH = 3  # more probes for a capacity that the first ones did not bracket


def prove(
    subject: Subject,
    plans: Mapping[str, Plan],
    predicted_qps: Mapping[str, float],
    *,
    target: SLATarget,
    workload: Workload,
    profiles: Mapping[str, Profile],
    budget: Budget,
    seed: int,
    progress: Callable[[str], None],
) -> Proof:
    """Measure the capacity of each plan on the engine and compare the simulator; `plans` has a plan `tuned`.

    With a plan `static` beside it, that takes the place of `tuned` where it serves no less, and `tuned` is called
    `policies` (see `Proof.policies_lost`). `profiles`, by pool, are from before the search.
    """
    prover = _Prover(subject, plans, target, workload, profiles, budget, seed, progress)
    prover.calibrate(predicted_qps["tuned"])
    prover.bracket(predicted_qps)
    prover.settle()
    prover.gauge()
    prover.compare()
    return prover.proof


@dataclass(eq=False)
class _Prover:
    subject: Subject
    plans: Mapping[str, Plan]
    target: SLATarget
    workload: Workload
    earlier: Mapping[str, Profile]  # by pool, from before the search
    budget: Budget
    seed: int
    progress: Callable[[str], None]

    def __post_init__(self) -> None:
        self.proof = Proof()
        self._began_s = time.monotonic()
        self._rounds = Rounds(self.subject, self.earlier, seconds=self.budget.reprofile_s, seed=self.seed)
        self._taken: list[_Taken] = []

    def calibrate(self, predicted_qps: float) -> None:
        """Measure the overheads again, with the plan to be proved: what a cold start costs depends on the batches.

        They are the CPU's: a plan that offloads is measured without, at a load that its CPU workers keep up with.
        """
        self.progress("engine: overheads of the tuned plan")
        plan, load = without_policies(self.plans["tuned"]), CALIBRATION * predicted_qps
        if plan.stages[0].offload_pool is not None:
            plan = with_threshold(plan, None)
            load = CALIBRATION * full_qps(self.earlier, plan, self.workload, self.seed)
        self.overheads = calibrate(
            self.subject,
            self.earlier["cpu"],
            plan,
            self.workload,
            load,
            seconds=self.budget.reprofile_s,
            seed=self.seed,
        ).overheads

    def bracket(self, predicted_qps: Mapping[str, float]) -> None:
        """Take turns between the plans' probes until each capacity is bracketed and bisected."""
        fastest = max(predicted_qps.values())
        probe_s = max(self.budget.probe_s, self.budget.probe_targets * self.target.latency_ns / 1e9)
        self.trace = self._trace(fastest, max(probe_s, self.budget.fewest / fastest), 910)
        searches = {
            name: ProbeSearch(
                self.target,
                predicted_qps[name],
                probes=self.budget.probes,
                reach=REACH,
                floor_qps=HOPELESS * predicted_qps[name],
                step=1.06,
                warmup=WARMUP,
            )
            for name in self.plans
        }
        turn = 0
        while any(search.next_qps() is not None for search in searches.values()):
            if turn and self._spent_s() > self.budget.bracket_s:
                break
            turn += 1
            for name, search in searches.items():
                qps = search.next_qps()
                if qps is None:
                    continue
                self.progress(f"engine: probe {turn}, {name} plan at {qps:.4g} qps")
                trace = prefix(
                    self.trace, max(self.budget.fewest, round(qps * probe_s))
                )  # a low load need not take longer
                search.tell(qps, self._serve(name, qps, trace, "probe"))
            self._rounds.take(self.overheads)
        self.proof.brackets = {name: search.bracket() for name, search in searches.items()}

    def settle(self) -> None:
        """Where the plan without policies serves no less, prove that one: who serves policies costs more."""
        found = self.proof.brackets
        if "static" not in found or found["tuned"].qps > found["static"].qps:
            return
        names = {"tuned": "policies", "static": "tuned"}
        self.plans = {names.get(name, name): plan for name, plan in self.plans.items()}
        self.proof.brackets = {names.get(name, name): each for name, each in found.items()}
        self._taken = [taken._replace(plan=names.get(taken.plan, taken.plan)) for taken in self._taken]
        self.proof.policies_lost = True

    def gauge(self) -> None:
        """Run the tuned plan at fixed shares of its capacity."""
        qps = self.proof.brackets["tuned"].qps
        if qps <= 0:
            return
        for number in range(self.budget.repeats):
            if number and self._spent_s() > self.budget.total_s:
                break
            self.progress(f"engine: {GAUGE:.0%} of capacity, repeat {number + 1} of {self.budget.repeats}")
            load = GAUGE * qps
            self._serve("tuned", load, self._trace(load, self.budget.repeat_s, 920 + number), "gauge")
            self._rounds.take(self.overheads)
        for number, share in enumerate(LOADS):
            if self._spent_s() > self.budget.total_s:
                break
            self.progress(f"engine: {share:.0%} of capacity")
            load = share * qps
            self._serve("tuned", load, self._trace(load, self.budget.load_s, 940 + number), "load")

    def compare(self) -> None:
        """Ask the simulator about every trace the engine served."""
        self.progress("comparing simulator and engine")
        proof = self.proof
        pooled = self._rounds.pooled()
        proof.profile, proof.drift = pooled["cpu"], self._rounds.slower_than_earlier()
        for name, plan in self.plans.items():
            probed = [taken for taken in self._taken if taken.plan == name and taken.purpose == "probe"]
            around = [self._rounds.around(taken.round_number, pooled) for taken in probed]
            drift = {pool: statistics.fmean(each[pool] for each in around) for pool in pooled}
            proof.sim_qps[name] = self._capacity(plan, at_speed(pooled, drift), pooled["cpu"].overheads)
            proof.sim_earlier_qps[name] = self._capacity(plan, self.earlier, self.earlier["cpu"].overheads)
            near = self._nearest(probed, proof.brackets[name].qps)
            if near is not None and not plan.dynamic:
                again = _Replayed(near.records, self._without_competition([near.records]))
                found = capacity([Replication(again, near.trace)], plan, self.target, warmup=WARMUP)
                proof.same_run_qps[name] = found.qps
        proof.runs = [self._judge(taken, pooled) for taken in self._taken]

    def _spent_s(self) -> float:
        return time.monotonic() - self._began_s

    def _serve(self, name: str, qps: float, trace: Trace, purpose: str) -> Records:
        at = trace.at_rate(qps)
        records = self.subject.engine.serve(at, self.plans[name])
        self._taken.append(_Taken(name, qps, at, records, purpose, len(self._rounds)))
        return records

    def _trace(self, qps: float, seconds: float, replication: int) -> Trace:
        lasting_s = max(seconds, SHORTEST_TARGETS * self.target.latency_ns / 1e9)
        return self.workload.trace(max(FEWEST_QUERIES, round(qps * lasting_s)), qps, self.seed, replication=replication)

    def _capacity(self, plan: Plan, services: Mapping[str, ServiceTime], overheads: Overheads) -> float:
        system = self._simulator(services, overheads)
        return capacity([Replication(system, self.trace)], plan, self.target, warmup=WARMUP).qps

    def _simulator(self, services: Mapping[str, ServiceTime], overheads: Overheads) -> Simulator:
        return Simulator(services_of(self.subject.name, services), overheads=overheads, seed=self.seed)

    def _nearest(self, probed: Sequence["_Taken"], qps: float) -> "_Taken | None":
        """Return the probe nearest the capacity in which no query failed."""
        whole = [taken for taken in probed if not taken.records.errors]
        return min(whole, key=lambda taken: abs(math.log(taken.qps / qps)), default=None) if qps > 0 else None

    def _without_competition(self, records: Sequence[Records]) -> Overheads:
        """Return overheads for service times recorded in a run: time the dispatcher took is in them already."""
        measured, known = measure_overheads(records), self.overheads
        return Overheads(
            timer_ns=known.timer_ns,
            query_ns=measured.query_ns,
            slice_ns=measured.slice_ns,
            wakeup_ns=known.wakeup_ns,
            handoff_ns=measured.handoff_ns,
            merge_ns=measured.merge_ns,
        )

    def _judge(self, taken: "_Taken", pooled: Mapping[str, Profile]) -> EngineRun:
        """Ask the simulator about a run: with the profile at the speed around it, and with its own times."""
        plan, trace, records = self.plans[taken.plan], taken.trace, taken.records
        drift = self._rounds.around(taken.round_number, pooled)
        simulated = self._simulator(at_speed(pooled, drift), pooled["cpu"].overheads).serve(trace, plan)
        repeated = None  # slices of failed queries have no recorded time to repeat, and policies make others each time
        if not records.errors and not plan.dynamic:
            repeated = replay(trace, plan, records, self._without_competition([records]))
        return EngineRun(
            plan=taken.plan,
            qps=taken.qps,
            trace=trace,
            records=records,
            met=meets(records, self.target, warmup=WARMUP),
            engine_ms=self._tail_ms(records),
            sim_ms=self._tail_ms(simulated),
            same_run_ms=math.inf if repeated is None else self._tail_ms(repeated),
            purpose=taken.purpose,
            simulated=simulated,
            repeated=repeated,
            drift=drift["cpu"],
        )

    def _tail_ms(self, records: Records) -> float:
        return tail_ms(records, self.target, warmup=WARMUP)


class _Taken(NamedTuple):
    """A run as it was taken; `round_number` profile rounds came before it."""

    plan: str
    qps: float
    trace: Trace
    records: Records
    purpose: str
    round_number: int


class _Replayed:
    """A `System` that takes for every slice the time it took in `records`, whatever the load."""

    def __init__(self, records: Records, overheads: Overheads) -> None:
        self.records, self.overheads = records, overheads

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve the queries of `records`, arriving as in `trace`."""
        return replay(trace, plan, self.records, self.overheads)

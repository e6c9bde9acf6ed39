"""The tiers of a funnel on this machine: one engine that holds them all over the data's candidates, and profiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.cli.calibration import CALIBRATION, calibrate, calibrate_stages
from tailrank.cli.climbing import full_qps
from tailrank.cli.explore_steps import Steps
from tailrank.cli.subject import Loaded, Subject
from tailrank.core import Trace, single, stream
from tailrank.datasets import Queries
from tailrank.engine import Engine, Scorer, measure_profile
from tailrank.timing import Overheads, Profile
from tailrank.workload import Fixed, Poisson, Workload

if TYPE_CHECKING:
    from tailrank.models import Executor, Inputs, Model

__all__ = ["Effort", "Served", "serve"]


class Effort(NamedTuple):
    """How long measuring takes: seconds of each tier's profile, in `rounds`, and of the overheads."""

    profile_s: float
    rounds: int
    overheads_s: float


@dataclass(frozen=True, eq=False)
class Served:
    """An engine of all tiers whose prepared rows are the candidates of `queries`, in their order."""

    engine: Engine
    queries: Queries
    workers: int
    profiles: Mapping[str, Profile]
    overheads: Overheads
    facts: Mapping[str, Any]

    def trace(self, count: int, qps: float, seed: int, replication: int = 0) -> tuple[Trace, NDArray[np.int64]]:
        """Return `count` of the data's queries at `qps`, and which they are, shape (count,).

        A shorter trace begins like a longer one; arrivals do not depend on `qps` but by being stretched.
        """
        which = stream(seed, "served queries", replication).integers(0, len(self.queries), count)
        arrival_ns = Poisson().draw(count, qps, stream(seed, "served arrivals", replication))
        return Trace(arrival_ns, self.queries.sizes[which]), which

    def starts(self, which: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the prepared row at which the candidates of each query begin."""
        return self.queries.first[which]


def serve(
    models: Mapping[str, "Model"],
    executors: Mapping[str, "Executor"],
    queries: Queries,
    *,
    workers: int,
    effort: Effort,
    seed: int,
    steps: Steps,
) -> Served:
    """Prepare the candidates of `queries` for every tier, and profile each; overheads are those of the cheapest."""
    from tailrank.engine.torch_scorer import TorchScorer

    steps.begin("preparing the queries for the engine")
    inputs = _inputs(models, queries)
    scorers: dict[str, Scorer] = {}
    for name, executor in executors.items():
        executor.warm(tuple(part[:1024] for part in inputs[name]))
        scorers[name] = TorchScorer(executor, inputs[name])
    engine = Engine(scorers, seed=seed)
    profiles: dict[str, Profile] = {}
    for name in models:
        steps.begin(f"profile {name}")
        profiles[name] = measure_profile(
            engine,
            name,
            workers=workers,
            budget_s=effort.profile_s,
            rounds=effort.rounds,
            seed=seed,
            progress=steps.update,
        )
    steps.begin("profile: overheads of the engine")
    name = next(iter(models))
    loaded = Loaded(name, models[name], executors[name], inputs[name], scorers[name], {})
    overheads, threads = _overheads(Subject(loaded, engine, workers), profiles[name], queries, effort, seed)
    profiles = {each: profile.with_overheads(overheads) for each, profile in profiles.items()}
    facts = {"executors": {each: executor.facts() for each, executor in executors.items()}, "served_by": threads}
    return Served(engine, queries, workers, profiles, overheads, facts)


def _overheads(
    subject: Subject, profile: Profile, queries: Queries, effort: Effort, seed: int
) -> tuple[Overheads, dict[str, str]]:
    """Measure what serving costs beside the batches, with the cheapest tier: it shows there most.

    So does what lies between two stages, whose time does not depend on the network.
    """
    size = int(np.median(queries.sizes))
    workload = Workload(sizes=Fixed(size=size))
    plan = single(subject.name, batch_size=min(256, size), workers=subject.workers)
    load = min(CALIBRATION * full_qps({"cpu": profile}, plan, workload, seed), 2000.0)
    found = calibrate(subject, profile, plan, workload, load, seconds=effort.overheads_s, seed=seed)
    count = max(60, int(load / 2 * effort.overheads_s / 2))
    overheads = calibrate_stages(subject, found.overheads, size, load / 2, count=count, seed=seed)
    return overheads, found.served_by


def _inputs(models: Mapping[str, "Model"], queries: Queries) -> dict[str, "Inputs"]:
    """Return the inputs of every candidate for each tier; tiers that are laid out alike share them."""
    from tailrank.models.training import network_inputs

    dense, ids = queries.examples(0, queries.candidates)
    made: dict[object, Inputs] = {}
    found = {}
    for name, model in models.items():
        assert model.network is not None
        network = model.network
        layout = network.dense, tuple((t.rows, t.pooling, t.group, t.sequence, t.ids_of) for t in network.tables)
        if layout not in made:
            made[layout] = network_inputs(network, dense, ids)
        found[name] = made[layout]
    return found

"""Exploring a space too large to look at whole: Optuna proposes plans, the simulator judges them.

The study is kept in a journal file, so that an interrupted exploration goes on where it was. Optuna (extra `explore`)
is imported here and only when used.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tailrank.core import BadInputError, SetupError
from tailrank.core.config import dumps
from tailrank.tuner.explore.answer import Explored
from tailrank.tuner.explore.arithmetic import Option
from tailrank.tuner.explore.bench import plan_of
from tailrank.tuner.explore.point import Point, values
from tailrank.tuner.explore.search import Explorer
from tailrank.tuner.explore.space import Feed, Funnel, Space

if TYPE_CHECKING:
    import optuna

__all__ = ["Sampler", "sample"]

Sampler = Literal["nsga2", "tpe"]
WORST = -1e12  # stands for minus infinity, which Optuna does not take


def sample(explorer: Explorer, storage: Path, *, sampler: Sampler = "nsga2", trials: int = 2000) -> Explored:
    """Explore with `trials` plans that Optuna proposes, those in the journal `storage` counted.

    The best single stage is found as ever. Raises `SetupError` without Optuna, and `BadInputError` where the journal is
    of another space or question.
    """
    optuna = _optuna()
    objectives = explorer.asked.objectives
    singles = explorer.singles()
    found = explorer.rated(singles)
    best = int(np.argmax(found))
    highest = float(found[best])
    floor = highest * (1 - explorer.asked.drop)
    single = explorer.single([(each, float(q)) for each, q in zip(singles, found, strict=True) if q >= floor])
    backend = optuna.storages.journal.JournalFileBackend(str(storage))
    study = optuna.create_study(
        study_name="funnels",
        directions=["maximize"] * len(objectives),
        storage=optuna.storages.JournalStorage(backend),
        load_if_exists=True,
    )
    _check(study, explorer, storage)
    proposer = _Proposer(explorer)
    known = [each for each in study.trials if each.state == optuna.trial.TrialState.COMPLETE]
    for trial in known:
        explorer.points.append(_restored(explorer, trial.user_attrs))
    study.sampler = _sampler(optuna, sampler, explorer.bench.seed + len(study.trials))
    done = len(known)
    while done < trials:
        study.optimize(proposer, n_trials=1)
        done += study.trials[-1].state == optuna.trial.TrialState.COMPLETE
        explorer.progress(f"{done} of {trials} plans that Optuna proposes")
    funnels = list(dict.fromkeys(each.funnel for each in explorer.points))
    quality = {each.funnel: each.quality for each in explorer.points if each.feed == "whole"}
    rated = np.array([quality[each] for each in funnels])
    return explorer.answer(funnels, rated, singles[best], highest, single)


class _Proposer:
    """Turns a trial into a plan and says what it is worth."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer, self.space = explorer, explorer.bench.space
        self.chains = {depth: [c for c in self.space.chains() if len(c) == depth] for depth in self.space.stages}
        self.depths = [depth for depth, chains in sorted(self.chains.items()) if chains]

    def __call__(self, trial: "optuna.Trial") -> list[float]:
        """Return the objectives of the plan that `trial` proposes."""
        explorer = self.explorer
        funnel = self._funnel(trial)
        option = self._option(trial, funnel)
        quality = float(explorer.rated([funnel])[0])
        point = explorer.measure(funnel, quality, option)
        for name, value in _kept(point).items():
            trial.set_user_attr(name, value)
        worth: list[float] = values([point], explorer.asked.objectives)[0].tolist()
        return [each if math.isfinite(each) else WORST for each in worth]

    def _funnel(self, trial: "optuna.Trial") -> Funnel:
        depth = trial.suggest_categorical("stages", self.depths)
        chains = self.chains[depth]
        networks = chains[trial.suggest_int(f"networks of {depth}", 0, len(chains) - 1)]
        take = sorted(set(self.space.take))
        items = [take[trial.suggest_int("take", 0, len(take) - 1)]]
        keep = sorted({each for each in self.space.keep if each >= self.space.results})
        for stage in range(1, depth):
            room = [each for each in keep if each < items[-1]][depth - 1 - stage :]  # leave some for the stages after
            part = trial.suggest_float(f"keep before stage {stage + 1}", 0.0, 1.0)
            if not room:
                raise _optuna().TrialPruned
            items.append(room[min(int(part * len(room)), len(room) - 1)])
        return Funnel(networks, tuple(items))

    def _option(self, trial: "optuna.Trial", funnel: Funnel) -> Option:
        """Choose one of the ways to place the funnel, then a batch size for each stage."""
        arithmetic = self.explorer.bench.arithmetic
        ways = list(dict.fromkeys(each[:3] + each[4:5] for each in arithmetic.options(funnel)))
        if not ways:
            raise _optuna().TrialPruned
        part = trial.suggest_float("placed", 0.0, 1.0)
        places, sharing, workers, offload = ways[min(int(part * len(ways)), len(ways) - 1)]
        batches = []
        for stage, items in enumerate(funnel.items):
            sizes = arithmetic.sizes_for(items)
            part = trial.suggest_float(f"batch size of stage {stage + 1}", 0.0, 1.0)
            batches.append(sizes[min(int(part * len(sizes)), len(sizes) - 1)])
        return arithmetic.option(funnel, places, sharing, workers, batches, offload)


def _kept(point: Point) -> dict[str, Any]:
    """Return what is needed to know the point again without simulating it."""
    option, high_qps = point.option, point.capacity_high_qps
    return {
        "networks": point.funnel.networks,
        "items": point.funnel.items,
        "places": option.places,
        "sharing": option.sharing,
        "workers": option.workers,
        "batches": option.batches,
        "offload": option.offload,
        "feed": point.feed,
        "measured": [
            point.quality,
            point.capacity_qps,
            point.capacity_low_qps,
            high_qps if math.isfinite(high_qps) else None,  # a journal is JSON
        ],
        "tail_ms": point.tail_ms if math.isfinite(point.tail_ms) else None,
        "cost": point.cost,
        "energy_j": point.energy_j,
    }


def _restored(explorer: Explorer, kept: dict[str, Any]) -> Point:
    funnel = Funnel(tuple(kept["networks"]), tuple(kept["items"]))
    offload = None if kept["offload"] is None else (int(kept["offload"][0]), str(kept["offload"][1]))
    option = explorer.bench.arithmetic.option(
        funnel, tuple(kept["places"]), kept["sharing"], tuple(kept["workers"]), tuple(kept["batches"]), offload
    )
    feed: Feed = kept["feed"]
    plan = plan_of(explorer.bench.space, funnel, option, feed=feed)
    quality, qps, low_qps, high_qps = kept["measured"]
    return Point(
        funnel,
        option,
        plan,
        quality=quality,
        capacity_qps=qps,
        capacity_low_qps=low_qps,
        capacity_high_qps=math.inf if high_qps is None else high_qps,
        tail_ms=math.inf if kept["tail_ms"] is None else kept["tail_ms"],
        feed=feed,
        cost=kept["cost"],
        energy_j=kept["energy_j"],
    )


def _check(study: "optuna.Study", explorer: Explorer, storage: Path) -> None:
    """Refuse a journal of another question."""
    asked = _digest(explorer.bench.space, explorer.asked.objectives, explorer.bench.target.latency_ms)
    if study.user_attrs.get("asked", asked) != asked:
        raise BadInputError(
            f"{storage}: holds trials of another space, target or objectives", hint="choose a new --out, or no --resume"
        )
    study.set_user_attr("asked", asked)


def _digest(space: Space, objectives: Sequence[str], latency_ms: float) -> str:
    text = json.dumps([dumps(space), list(objectives), latency_ms])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _sampler(optuna: Any, name: Sampler, seed: int) -> Any:
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, multivariate=False)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise SetupError(
            "Optuna is not installed, and the space is too large to look at whole",
            hint="pip install optuna, or '.[explore]' in a checkout; or give a smaller --space",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna

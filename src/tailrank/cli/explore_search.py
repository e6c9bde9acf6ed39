"""The search of an exploration: every funnel where they are not too many, else those that Optuna proposes."""

import argparse
import math
from pathlib import Path

from tailrank.cli.explore_question import Question
from tailrank.cli.explore_steps import Steps
from tailrank.tuner.explore import Explored, Explorer, Space, sample

__all__ = ["count_of_funnels", "searched"]

TOO_MANY = 300_000  # funnels; beyond it `--sampler auto` samples
TRIALS = 2000


def searched(args: argparse.Namespace, asked: Question, out: Path, steps: Steps) -> Explored:
    """Search the space; `--sampler` says how."""
    steps.begin("exploring")
    explorer = Explorer(asked.bench, asked.tiers.quality, asked.asked, progress=steps.update)
    sampler = args.sampler
    if sampler == "auto":
        sampler = "nsga2" if count_of_funnels(asked.space) > TOO_MANY else "exhaustive"
    if sampler == "exhaustive":
        return explorer.explore()
    return sample(explorer, out / "trials.log", sampler=sampler, trials=args.trials or TRIALS)


def count_of_funnels(space: Space) -> int:
    """Return at most how many funnels `space` has, without listing them."""
    keep, total = len(set(space.keep)), 0
    for depth in set(space.stages):
        total += math.comb(len(space.networks), depth) * len(set(space.take)) * math.comb(keep, depth - 1)
    return total

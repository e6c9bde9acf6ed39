"""Short profiles of every pool, taken between the engine's runs: the machine as it was during the proof."""

import statistics
from collections.abc import Mapping

from tailrank.cli.calibration import measure
from tailrank.cli.subject import Subject
from tailrank.timing import Overheads, Profile, Scaled, ServiceTime

__all__ = ["Rounds", "at_speed"]

Profiles = Mapping[str, Profile]  # by pool


class Rounds:
    """Rounds of `seconds` a pool, like those of the profiles `earlier`."""

    def __init__(self, subject: Subject, earlier: Profiles, *, seconds: float, seed: int) -> None:
        self.subject, self.earlier, self.seconds, self.seed = subject, earlier, seconds, seed
        self._taken: list[dict[str, Profile]] = []

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, overheads: Overheads) -> None:
        """Take one more round; `overheads` go with its profiles."""
        seed = self.seed + 1000 * (1 + len(self._taken))
        taken = {
            pool: measure(self.subject, pool, self.seconds, rounds=1, like=like, seed=seed)
            for pool, like in self.earlier.items()
        }
        self._taken.append({pool: profile.with_overheads(overheads) for pool, profile in taken.items()})

    def pooled(self) -> dict[str, Profile]:
        """Return all rounds of each pool as one profile."""
        found = dict(self._taken[0])
        for taken in self._taken[1:]:
            found = {pool: profile.merged(taken[pool]) for pool, profile in found.items()}
        return found

    def slower_than_earlier(self) -> list[float]:
        """Return of each round how much slower the CPU's pool was than before."""
        return [taken["cpu"].slower_than(self.earlier["cpu"]) for taken in self._taken]

    def around(self, number: int, pooled: Profiles) -> dict[str, float]:
        """Return by pool how slow the rounds just before and after a run were; `number` of them came before it."""
        near = self._taken[max(0, number - 1) : number + 1]
        return {
            pool: statistics.fmean(taken[pool].slower_than(profile) for taken in near)
            for pool, profile in pooled.items()
        }


def at_speed(profiles: Profiles, drift: Mapping[str, float]) -> dict[str, ServiceTime]:
    """Return the service times of each pool on a machine slower by its `drift`."""
    return {pool: Scaled(profile, drift[pool]) for pool, profile in profiles.items()}

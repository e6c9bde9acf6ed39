"""How much work `tune` does: the default takes up to three minutes, quick under forty seconds."""

from typing import NamedTuple

__all__ = ["DEFAULT", "QUICK", "Budget"]


class Budget(NamedTuple):
    """How much work each step of `tune` may do; times are wall time."""

    profile_s: float  # of the profile before the search, in `rounds` rounds
    rounds: int
    replications: int
    queries: int  # of a replication, at least
    slices: int  # of a simulated run, at least; small batches make many slices a query
    probe_s: float
    probe_targets: float  # a probe lasts at least this many target latencies, or an overload cannot show
    probes: int
    fewest: int  # queries of a probe
    repeats: int  # of the comparison at a fixed share of capacity
    repeat_s: float
    load_s: float
    reprofile_s: float  # of a profile round between the engine's runs
    bracket_s: float  # no probe begins later than this; slow models get fewer
    total_s: float  # nor any other run, except the first comparison
    refine: bool
    plans: int = 64  # with a GPU, the search measures at most so many


DEFAULT = Budget(
    profile_s=12.0,
    rounds=4,
    replications=5,
    queries=20_000,
    slices=600_000,
    probe_s=6.0,
    probe_targets=20.0,
    probes=5,
    fewest=300,
    repeats=5,
    repeat_s=4.0,
    load_s=3.0,
    reprofile_s=1.5,
    bracket_s=75.0,
    total_s=105.0,
    refine=True,
)
QUICK = Budget(
    profile_s=3.0,
    rounds=2,
    replications=4,
    queries=5_000,
    slices=120_000,
    probe_s=1.5,
    probe_targets=6.0,
    probes=3,
    fewest=80,
    repeats=1,
    repeat_s=2.0,
    load_s=0.8,
    reprofile_s=0.5,
    bracket_s=13.0,
    total_s=18.0,
    refine=False,
    plans=48,
)

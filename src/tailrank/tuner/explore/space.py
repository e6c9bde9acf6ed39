"""The space of funnels that an exploration searches: a small TOML file, checked before any work begins."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tailrank.core import BadInputError, Config, Pool

__all__ = ["Feed", "Funnel", "Sharing", "Space", "default_space", "funnels"]

Count = Annotated[int, Meta(ge=1)]
Feed = Literal["whole", "share", "exact"]
Sharing = Literal["shared", "separate"]

MOST_STAGES = 4
BATCHES = (16, 32, 64, 128, 256, 512, 1024)
TAKEN = (1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125)  # parts of the candidates that enter the first stage
KEPT = (
    48,
    96,
    192,
    384,
    768,
    1536,
)  # values of the items into a later stage, evenly in the logarithm: so many that ...
LEAST_FUNNELS = 5000  # ... there are at least so many funnels


class Funnel(NamedTuple):
    """What decides the quality of a funnel: the network of each stage, and how many items enter each stage."""

    networks: tuple[str, ...]
    items: tuple[int, ...]

    def __str__(self) -> str:
        parts = (f"{items} {network}" for items, network in zip(self.items, self.networks, strict=True))
        return " > ".join(parts)


class Space(Config, frozen=True, kw_only=True):
    """Every plan that may be chosen.

    `networks` are ordered, cheapest first; a later stage has a later network. `by_stage` says which of them each stage
    may have (absent: any). `take` are items into the first stage, `keep` items into each later one, fewer from stage to
    stage; the last stage returns `results`. `pools` are all workers of each device; where stages share a pool
    (`shared`), they share its queue, where they do not (`separate`), its workers are split between them.
    `devices` names for each stage the pools it may run on (absent: any). `offload_at` are thresholds from which queries
    go whole to a pool of another device in the first stage (empty: none do). `feeds` are ways of feeding the second
    stage with finished slices of the first (`Stage.feed`).
    """

    networks: Annotated[tuple[str, ...], Meta(min_length=1)]
    stages: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 2, 3)
    by_stage: tuple[tuple[str, ...], ...] = ()
    take: Annotated[tuple[Count, ...], Meta(min_length=1)]
    keep: tuple[Count, ...] = ()
    results: Count = 64
    batch_sizes: Annotated[tuple[Count, ...], Meta(min_length=1)] = BATCHES
    pools: dict[str, Pool]
    devices: tuple[tuple[str, ...], ...] = ()
    sharing: Annotated[tuple[Sharing, ...], Meta(min_length=1)] = ("shared", "separate")
    offload_at: tuple[Count, ...] = ()
    feeds: Annotated[tuple[Feed, ...], Meta(min_length=1)] = ("whole",)

    def __post_init__(self) -> None:
        _check_stages(self)
        _check_items(self)
        _check_names("by_stage", self.by_stage, self.networks, "networks")
        _check_names("devices", self.devices, tuple(self.pools), "pools")
        if not self.pools:
            raise BadInputError("pools: a space needs workers", hint="add `[pools.cpu]` with `workers = 2`")
        if not any(True for _ in self.chains()):
            raise BadInputError(
                f"by_stage: no funnel of {' or '.join(map(str, self.stages))} stages can be made of it: a later stage "
                f"needs a later network than the one before, in the order {', '.join(self.networks)}",
                hint="give every stage a network that comes after one of the stage before",
            )

    def check(self, candidates: int, known: Sequence[str]) -> None:
        """Raise `BadInputError` for more items than the largest query's `candidates`, or a network not `known`."""
        for name in self.networks:
            if name not in known:
                raise BadInputError(f"networks: unknown network `{name}`", hint=f"scored here: {', '.join(known)}")
        for field, values in (("take", self.take), ("keep", self.keep), ("results", (self.results,))):
            if max(values, default=0) > candidates:
                raise BadInputError(
                    f"{field}: {max(values)} items, but the largest query has {candidates} candidates",
                    hint=f"give at most {candidates}",
                )

    def chains(self) -> Iterator[tuple[str, ...]]:
        """Yield the networks of every funnel, short funnels first."""
        for depth in sorted(set(self.stages)):
            for chain in itertools.combinations(self.networks, depth):
                if all(not self.by_stage or name in self.by_stage[stage] for stage, name in enumerate(chain)):
                    yield chain

    def places(self, depth: int) -> Iterator[tuple[str, ...]]:
        """Yield the pool of every stage of a funnel of `depth` stages."""
        yield from itertools.product(*(self.devices[stage] if self.devices else self.pools for stage in range(depth)))

    def depth_first_items(self, depth: int) -> Iterator[tuple[int, ...]]:
        """Yield the items into the stages of a funnel of `depth`: fewer from stage to stage, at least `results`."""
        keep = sorted({each for each in self.keep if each >= self.results}, reverse=True)
        for take in sorted(set(self.take), reverse=True):
            for later in itertools.combinations([each for each in keep if each < take], depth - 1):
                yield (take, *later)


def funnels(space: Space) -> list[Funnel]:
    """Return every funnel of `space`; those that differ only in the items into the last stage are neighbours."""
    return [Funnel(chain, items) for chain in space.chains() for items in space.depth_first_items(len(chain))]


def default_space(
    networks: Sequence[str], sizes: Sequence[int], pools: Mapping[str, Pool], *, results: int = 64
) -> Space:
    """Return a space for these networks, cheapest first, and queries of these sizes.

    Of two to four networks and thousands of candidates it has about 1e4 funnels, and at most 1e5.
    """
    candidates = max(sizes)
    results = min(results, min(sizes))
    least = min(2 * results, candidates)
    take = sorted({max(least, round(part * candidates)) for part in TAKEN})
    depth = min(3, len(networks))
    for count in KEPT:
        steps = (round(results * (candidates / results) ** (step / count)) for step in range(count))
        keep = sorted({min(each, candidates) for each in steps})
        pairs = sum(math.comb(len(networks), each) * math.comb(len(keep), each - 1) for each in range(1, depth + 1))
        if len(take) * pairs >= LEAST_FUNNELS:
            break
    return Space(
        networks=tuple(networks),
        stages=tuple(range(1, depth + 1)),
        take=tuple(take),
        keep=tuple(keep),
        results=results,
        batch_sizes=tuple(size for size in BATCHES if size <= 2 ** math.ceil(math.log2(candidates))) or (candidates,),
        pools=dict(pools),
    )


def _check_stages(space: Space) -> None:
    most = max(space.stages)
    if most > MOST_STAGES:
        raise BadInputError(f"stages: {most}, at most {MOST_STAGES} are searched", hint="1 to 3 are usual")
    if most > len(space.networks):
        raise BadInputError(
            f"stages: {most}, but there are {len(space.networks)} networks and no stage repeats one",
            hint=f"give stages up to {len(space.networks)}, or more networks",
        )
    if len(set(space.networks)) < len(space.networks):
        raise BadInputError(f"networks: {', '.join(space.networks)} names one twice", hint="name each once")
    for field, given in (("by_stage", space.by_stage), ("devices", space.devices)):
        if given and len(given) < most:
            raise BadInputError(
                f"{field}: says {len(given)} stages, and funnels have up to {most}", hint="say it for every stage"
            )


def _check_items(space: Space) -> None:
    largest = max(space.take)
    if min(space.take) < space.results:
        raise BadInputError(
            f"take: {min(space.take)} items into the first stage are fewer than the {space.results} results",
            hint=f"give at least {space.results}",
        )
    if max(space.stages) == 1:
        return
    if not space.keep:
        raise BadInputError("keep: empty, but funnels have several stages", hint="say how many items may be kept")
    if max(space.keep) > largest:
        raise BadInputError(
            f"keep: {max(space.keep)} items are more than the {largest} that enter the first stage",
            hint=f"keep fewer than {largest}",
        )
    if max(space.keep) < space.results:
        raise BadInputError(
            f"keep: at most {max(space.keep)} items, but {space.results} results are asked for",
            hint=f"keep at least {space.results}, or ask for fewer results",
        )


def _check_names(field: str, given: Sequence[Sequence[str]], known: Sequence[str], where: str) -> None:
    for stage, names in enumerate(given):
        for name in names:
            if name not in known:
                raise BadInputError(f"{field}.{stage}: `{name}` is not in {where}", hint=f"known: {', '.join(known)}")
        if not names:
            raise BadInputError(f"{field}.{stage}: empty", hint="name at least one, or leave the field out")

"""How many hosts, of which kinds, hour by hour: enough for the demand with k hosts down, at least cost or power.

An integer program with one constraint, solved by enumeration. Not aware of networks, plans or service times: a kind
of host is a capacity, a power and a price.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError

__all__ = ["AIMS", "Aim", "Fleet", "HostKind", "Hour", "plan_fleet", "rates_by_hour"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

Aim = Literal["cost", "power", "hosts"]
AIMS: tuple[Aim, ...] = get_args(Aim)

MOST_KINDS = 5
BOX = 500_000  # combinations to look at; beyond, kinds that are not the best by the unit are limited to `FEW`
FEW = 24
HOUR_S = 3600.0
ROUNDING = 1e-9


@dataclass(frozen=True)
class HostKind:
    """A kind of host: its capacity at the SLA target, its power idle and at that capacity, its price if it has one."""

    name: str
    capacity_qps: float
    idle_w: float
    full_w: float
    price_per_hour: float | None = None

    def __post_init__(self) -> None:
        if not (self.capacity_qps > 0 and math.isfinite(self.capacity_qps)):
            raise BadInputError(
                f"host `{self.name}` has a capacity of {self.capacity_qps:g} qps", hint="give one above zero"
            )
        if not 0 <= self.idle_w <= self.full_w < math.inf:
            raise BadInputError(
                f"host `{self.name}` draws {self.idle_w:g} W idle and {self.full_w:g} W at its capacity",
                hint="idle power is at least 0 and at most the power at capacity",
            )
        if self.price_per_hour is not None and not 0 <= self.price_per_hour < math.inf:
            raise BadInputError(
                f"host `{self.name}` costs {self.price_per_hour:g} an hour", hint="prices are finite and not negative"
            )


@dataclass(frozen=True)
class Hour:
    """One hour: hosts of each kind, all of them on and sharing the load in proportion to their capacities.

    `load` is the demand over the capacity of all of them, `capacity_qps` what is left with the spare hosts down.
    `price` is None where a kind in use has none.
    """

    demand_qps: float
    hosts: tuple[int, ...]
    capacity_qps: float
    load: float
    power_w: float
    price: float | None


@dataclass(frozen=True)
class Fleet:
    """A fleet over time. `bound` is below what any fleet, even of fractions of hosts, can reach in the aim's unit."""

    kinds: tuple[HostKind, ...]
    spare: int
    aim: Aim
    hours: tuple[Hour, ...]
    bound: float

    @property
    def total(self) -> float:
        """Sum over the hours of what the aim counts: cost, watt-hours, or host-hours."""
        return math.fsum(_counted(hour, self.aim) for hour in self.hours)

    @property
    def host_hours(self) -> int:
        """Hosts times hours."""
        return sum(sum(hour.hosts) for hour in self.hours)

    @property
    def energy_kwh(self) -> float:
        """Energy of all hours."""
        return math.fsum(hour.power_w for hour in self.hours) / 1e3

    @property
    def cost(self) -> float | None:
        """Price of all hours; None where a kind in use has none."""
        prices = [hour.price for hour in self.hours]
        return None if None in prices else math.fsum(price for price in prices if price is not None)

    @property
    def most(self) -> tuple[int, ...]:
        """The most hosts of each kind that are on together with others: what must be there."""
        return tuple(max(hour.hosts[kind] for hour in self.hours) for kind in range(len(self.kinds)))

    def kept(self) -> "Fleet":
        """Return the fleet of the busiest hour, kept on all the time: what not following the day takes."""
        busiest = max(self.hours, key=lambda hour: hour.demand_qps)
        hours = tuple(_hour(self.kinds, busiest.hosts, hour.demand_qps, self.spare) for hour in self.hours)
        return Fleet(self.kinds, self.spare, self.aim, hours, self.bound)


def plan_fleet(kinds: Sequence[HostKind], demand_qps: Sequence[float], *, spare: int = 1, aim: Aim = "cost") -> Fleet:
    """Return the best fleet for each hour's demand: N+`spare`, so that any `spare` hosts may be down.

    `aim` says what is least in each hour: price, power, or the count of hosts; among equals, fewest hosts. An hour
    without demand needs none. With up to `BOX` combinations of kinds the answer is exact; beyond, kinds with a worse
    ratio than the best are limited to a few hosts, and `Fleet.bound` says how much better any other fleet could be.
    Raises `BadInputError` for no kinds or hours, demands or spares that make no sense, or a price that is missing.
    """
    _check(kinds, demand_qps, spare, aim)
    found: dict[float, tuple[int, ...]] = {}
    for demand in demand_qps:
        if demand not in found:
            found[demand] = _least(kinds, demand, spare, aim)
    hours = tuple(_hour(kinds, found[demand], demand, spare) for demand in demand_qps)
    bound = min(_unit(kind, aim) for kind in kinds) * math.fsum(demand_qps)
    return Fleet(tuple(kinds), spare, aim, hours, bound)


def rates_by_hour(rates_qps: F64, step_s: float) -> tuple[float, ...]:
    """Return the highest of the rates in each hour; `rates_qps` (n,) are means over steps of `step_s`.

    A step counts for the hour in which it begins.
    """
    if len(rates_qps) == 0 or not 0 < step_s <= HOUR_S:
        raise BadInputError(
            f"{len(rates_qps)} rates in steps of {step_s:g} s make no hours", hint="give steps of a second to an hour"
        )
    hour = (np.arange(len(rates_qps)) * step_s / HOUR_S + ROUNDING).astype(np.int64)
    peaks = np.zeros(int(hour[-1]) + 1)
    np.maximum.at(peaks, hour, rates_qps)
    return tuple(peaks.tolist())


def _least(kinds: Sequence[HostKind], demand: float, spare: int, aim: Aim) -> tuple[int, ...]:
    """Return the best counts for one hour.

    All counts of the kinds but the smallest are tried; the smallest then fills up: how many are needed follows, and
    where more of them could pay (power), how many is the minimum of a convex function.
    """
    if demand == 0:
        return (0,) * len(kinds)
    by_size = sorted(range(len(kinds)), key=lambda kind: -kinds[kind].capacity_qps)
    ordered = [kinds[number] for number in by_size]
    others = _combinations(ordered, demand, spare, aim)
    fewest = _fill(ordered, others, demand, spare)
    tried = [fewest]
    if aim == "power":
        best = _frugal(ordered, others, demand)
        tried += [np.maximum(fewest, np.floor(best)), np.maximum(fewest, np.ceil(best))]
    counts = np.concatenate([np.column_stack([others, last.astype(np.int64)]) for last in tried])
    worth = _worth(ordered, counts, demand, aim)
    close = np.flatnonzero(worth <= worth.min() * (1 + ROUNDING) + ROUNDING)
    chosen = counts[min(close.tolist(), key=lambda row: (int(counts[row].sum()), counts[row].tolist()))]
    back = np.empty(len(kinds), dtype=np.int64)
    back[by_size] = chosen
    return tuple(int(count) for count in back)


def _combinations(ordered: Sequence[HostKind], demand: float, spare: int, aim: Aim) -> I64:
    """Return the counts to try of all kinds but the last, shape (combinations, kinds - 1)."""
    enough = [math.ceil(demand / kind.capacity_qps - ROUNDING) + spare for kind in ordered]
    spans = [range(most + 1) for most in enough[:-1]]
    if math.prod(map(len, spans)) > BOX:
        best = min(range(len(ordered)), key=lambda number: _unit(ordered[number], aim))
        beside = FEW * sum(kind.capacity_qps for number, kind in enumerate(ordered) if number != best)
        least = math.floor((demand - beside) / ordered[best].capacity_qps)
        spans = [
            range(max(0, least), most + 1) if number == best else range(min(most, FEW) + 1)
            for number, most in enumerate(enough[:-1])
        ]
    if not spans:
        return np.zeros((1, 0), dtype=np.int64)
    return np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, len(spans)).astype(np.int64)


def _fill(ordered: Sequence[HostKind], others: I64, demand: float, spare: int) -> F64:
    """Return how many hosts of the last and smallest kind are needed beside `others`, shape (combinations,).

    The hosts that fail are the largest: `spare` of the others if there are so many, and of the last kind the rest.
    """
    sizes = np.array([kind.capacity_qps for kind in ordered])
    failing, standing = np.full(len(others), spare, dtype=np.int64), np.zeros(len(others))
    for number, size in enumerate(sizes[:-1]):
        down = np.minimum(others[:, number], failing)
        standing += (others[:, number] - down) * size
        failing -= down
    more = np.maximum(0.0, np.ceil((demand - standing) / sizes[-1] - ROUNDING))
    return np.where(more > 0, more + failing, 0.0)


def _frugal(ordered: Sequence[HostKind], others: I64, demand: float) -> F64:
    """Return the count of the last kind at which power is least, not whole; 0 where none pays.

    With n of them power is `n idle + demand (swing of others + n swing) / (capacity of others + n capacity)` plus a
    constant: convex wherever more of the last kind help at all.
    """
    capacity, idle, swing = (
        np.array([getattr(kind, name) for kind in ordered], dtype=np.float64)
        for name in ("capacity_qps", "idle_w", "full_w")
    )
    swing = swing - idle
    theirs, their_swing = others @ capacity[:-1], others @ swing[:-1]
    saved = demand * (their_swing * capacity[-1] - swing[-1] * theirs) / capacity[-1] ** 2
    at = np.sqrt(np.maximum(saved, 0.0) / max(float(idle[-1]), 1e-3)) - theirs / capacity[-1]
    most: F64 = np.clip(at, 0.0, math.ceil(demand / float(capacity[-1])))
    return most


def _worth(ordered: Sequence[HostKind], counts: I64, demand: float, aim: Aim) -> F64:
    """Return what the aim counts for each row of `counts`."""
    if aim != "power":
        each: F64 = counts @ np.array([1.0 if aim == "hosts" else kind.price_per_hour or 0.0 for kind in ordered])
        return each
    capacity = counts @ np.array([kind.capacity_qps for kind in ordered])
    idle = counts @ np.array([kind.idle_w for kind in ordered])
    full = counts @ np.array([kind.full_w for kind in ordered])
    worth: F64 = idle + (full - idle) * demand / capacity
    return worth


def _hour(kinds: Sequence[HostKind], hosts: tuple[int, ...], demand: float, spare: int) -> Hour:
    """Return what an hour with these hosts is like."""
    pairs = list(zip(kinds, hosts, strict=True))
    sizes = sorted((kind.capacity_qps for kind, count in pairs for _ in range(count)), reverse=True)
    whole = math.fsum(sizes)
    load = demand / whole if whole else 0.0
    prices = [None if kind.price_per_hour is None else kind.price_per_hour * count for kind, count in pairs if count]
    return Hour(
        demand_qps=demand,
        hosts=hosts,
        capacity_qps=math.fsum(sizes[spare:]),
        load=load,
        power_w=math.fsum(count * (kind.idle_w + (kind.full_w - kind.idle_w) * load) for kind, count in pairs),
        price=None if None in prices else math.fsum(price for price in prices if price is not None),
    )


def _unit(kind: HostKind, aim: Aim) -> float:
    """Return what a query a second costs at best on this kind: a host filled to its capacity."""
    whole = {"hosts": 1.0, "cost": kind.price_per_hour or 0.0, "power": kind.full_w}[aim]
    return whole / kind.capacity_qps


def _counted(hour: Hour, aim: Aim) -> float:
    if aim == "cost":
        return math.nan if hour.price is None else hour.price
    return hour.power_w if aim == "power" else float(sum(hour.hosts))


def _check(kinds: Sequence[HostKind], demand_qps: Sequence[float], spare: int, aim: Aim) -> None:
    if not 1 <= len(kinds) <= MOST_KINDS:
        raise BadInputError(
            f"a fleet is made of one to {MOST_KINDS} kinds of hosts, not {len(kinds)}", hint="leave the worst out"
        )
    if len({kind.name for kind in kinds}) < len(kinds):
        raise BadInputError("a kind of host is given twice", hint="name each once")
    if not demand_qps:
        raise BadInputError("no hours to plan", hint="give at least one hour's demand")
    for demand in demand_qps:
        if not 0 <= demand < math.inf:
            raise BadInputError(
                f"a demand must be finite and not negative, not {demand:g} qps", hint="give queries per second"
            )
    if spare < 0:
        raise BadInputError(f"spare hosts start at 0, not {spare}", hint="1 is N+1")
    missing = [kind.name for kind in kinds if aim == "cost" and kind.price_per_hour is None]
    if missing:
        raise BadInputError(
            f"no price is known for {', '.join(missing)}, so no fleet is the cheapest",
            hint="give the price, or aim at least power or fewest hosts",
        )

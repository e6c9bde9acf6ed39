import math
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.tuner import AIMS, Aim, HostKind, fleet, plan_fleet, rates_by_hour

SMALL = HostKind("small", 100, 50, 150, 1.0)
LARGE = HostKind("large", 450, 200, 600, 4.0)


def survives(kinds: Sequence[HostKind], hosts: Sequence[int], demand: float, spare: int) -> bool:
    """Whether the demand is served with any `spare` hosts down, by taking the largest down one at a time."""
    left = [kind.capacity_qps for kind, count in zip(kinds, hosts, strict=True) for _ in range(count)]
    for _ in range(min(spare, len(left))):
        left.remove(max(left))
    return math.fsum(left) >= demand * (1 - 1e-9)


def worth(kinds: Sequence[HostKind], hosts: Sequence[int], demand: float, aim: Aim) -> float:
    if aim == "hosts":
        return float(sum(hosts))
    if aim == "cost":
        return sum(count * (kind.price_per_hour or 0) for kind, count in zip(kinds, hosts, strict=True))
    whole = sum(count * kind.capacity_qps for kind, count in zip(kinds, hosts, strict=True))
    load = demand / whole if whole else 0.0
    return sum(
        count * (kind.idle_w + load * (kind.full_w - kind.idle_w)) for kind, count in zip(kinds, hosts, strict=True)
    )


def test_one_kind_is_division_and_the_spare() -> None:
    hours = plan_fleet([SMALL], [0, 1, 100, 100.5, 950], spare=2).hours
    assert [hour.hosts for hour in hours] == [(0,), (3,), (3,), (4,), (12,)]
    assert [hour.capacity_qps for hour in hours] == [0, 100, 100, 200, 1000]
    assert [hour.price for hour in hours] == [0, 3, 3, 4, 12]
    # 950 over 1,200: each host draws 50 + 100 x 950 / 1200.
    assert hours[-1].load == pytest.approx(950 / 1200)
    assert hours[-1].power_w == pytest.approx(12 * (50 + 100 * 950 / 1200))


def test_kinds_are_mixed_where_that_is_cheapest() -> None:
    # Five small cost 5 for 500, a large one 4 for 450: 500 needs a large and a small, 1,000 two large and one small.
    found = plan_fleet([SMALL, LARGE], [450, 500, 1000], spare=0)
    assert [hour.hosts for hour in found.hours] == [(0, 1), (1, 1), (1, 2)]
    assert found.cost == found.total == 4 + 5 + 9
    assert found.most == (1, 2)
    assert found.host_hours == 6
    assert found.bound == pytest.approx(1950 * 4 / 450)


def test_the_spare_hosts_are_the_largest() -> None:
    # One host down, perhaps a large one: a single large host would leave nothing.
    found = plan_fleet([SMALL, LARGE], [400], spare=1)
    assert found.hours[0].hosts == (5, 0)
    assert plan_fleet([SMALL, LARGE], [450], spare=1, aim="hosts").hours[0].hosts == (0, 2)


counts = st.floats(10, 500)
kinds_of_hosts = st.lists(
    st.builds(
        lambda capacity, idle, swing, price: (capacity, idle, idle + swing, price),
        counts,
        st.floats(1, 300),
        st.floats(0, 500),
        st.floats(0.1, 10),
    ),
    min_size=1,
    max_size=3,
).map(lambda found: tuple(HostKind(f"kind {number}", *each) for number, each in enumerate(found)))


@settings(max_examples=60, deadline=None)
@given(kinds_of_hosts, st.floats(1, 1200), st.integers(0, 2), st.sampled_from(AIMS))
def test_no_other_fleet_is_better(kinds: tuple[HostKind, ...], demand: float, spare: int, aim: Aim) -> None:
    spans = [range(math.ceil(demand / kind.capacity_qps) + spare + 1) for kind in kinds]
    if math.prod(map(len, spans)) > 4000:
        demand = min(kind.capacity_qps for kind in kinds) * 3
        spans = [range(math.ceil(demand / kind.capacity_qps) + spare + 1) for kind in kinds]
    found = plan_fleet(kinds, [demand], spare=spare, aim=aim)
    hour = found.hours[0]
    assert survives(kinds, hour.hosts, demand, spare)
    best = min(worth(kinds, each, demand, aim) for each in product(*spans) if survives(kinds, each, demand, spare))
    assert worth(kinds, hour.hosts, demand, aim) == pytest.approx(best, rel=1e-6)
    assert found.total == pytest.approx(best, rel=1e-6)
    assert found.bound <= best * (1 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(kinds_of_hosts, st.lists(st.floats(1, 1000), min_size=2, max_size=4).map(sorted), st.integers(0, 2))
def test_more_demand_or_more_spares_never_cost_less(
    kinds: tuple[HostKind, ...], demands: list[float], spare: int
) -> None:
    one, other = (plan_fleet(kinds, demands, spare=spare + more) for more in (0, 1))
    prices = [hour.price or 0 for hour in one.hours]
    assert all(low <= high * (1 + 1e-9) for low, high in pairwise(prices))
    assert all((a.price or 0) <= (b.price or 0) * (1 + 1e-9) for a, b in zip(one.hours, other.hours, strict=True))
    assert one.total <= one.kept().total * (1 + 1e-9)


def test_a_large_fleet_is_within_sight_of_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [SMALL, LARGE, HostKind("middle", 230, 90, 300, 2.1)]
    exact = plan_fleet(kinds, [30_000], spare=3)
    assert exact.total <= 1.02 * exact.bound + 3 * 4
    monkeypatch.setattr(fleet, "BOX", 1000)
    for aim in AIMS:
        limited, free = plan_fleet(kinds, [30_000], spare=3, aim=aim), plan_fleet(kinds, [3_000], spare=3, aim=aim)
        assert survives(kinds, limited.hours[0].hosts, 30_000, 3)
        assert free.total >= free.bound
    assert plan_fleet(kinds, [30_000], spare=3).total == exact.total


def test_keeping_the_busiest_hours_fleet_is_what_it_is_compared_with() -> None:
    found = plan_fleet([SMALL], [100, 900, 300], spare=1)
    kept = found.kept()
    assert [hour.hosts for hour in kept.hours] == [(10,)] * 3
    assert kept.cost == 30
    assert kept.energy_kwh == pytest.approx((3 * 10 * 50 + 100 * (100 + 900 + 300) / 100) / 1000)


def test_a_price_is_needed_only_to_be_cheapest() -> None:
    unpriced = HostKind("unpriced", 200, 10, 20)
    with pytest.raises(BadInputError, match="no price is known for unpriced"):
        plan_fleet([SMALL, unpriced], [100])
    assert plan_fleet([SMALL, unpriced], [100], aim="power", spare=0).cost is None
    assert plan_fleet([SMALL, unpriced], [0], aim="power").cost == 0


def test_what_makes_no_sense_is_refused() -> None:
    for kinds, demand, spare in (
        ([], [1.0], 1),
        ([SMALL] * 2, [1.0], 1),
        ([SMALL], [], 1),
        ([SMALL], [-1.0], 1),
        ([SMALL], [math.nan], 1),
        ([SMALL], [math.inf], 1),
        ([SMALL], [1.0], -1),
        ([HostKind(str(n), 1, 0, 0, 1.0) for n in range(6)], [1.0], 1),
    ):
        with pytest.raises(BadInputError) as caught:
            plan_fleet(kinds, demand, spare=spare)
        assert caught.value.hint
    for numbers in ((0, 1, 2), (math.inf, 1, 2), (1, 3, 2), (1, -1, 2), (1, 0, math.inf), (1, 0, 1, -2.0)):
        with pytest.raises(BadInputError):
            HostKind("x", *numbers)


def test_an_hours_rate_is_its_highest_step() -> None:
    rates = np.arange(30.0)
    assert rates_by_hour(rates, 300.0) == (11, 23, 29)
    assert rates_by_hour(rates[:24], 3600.0) == tuple(range(24))
    assert rates_by_hour(np.ones(1440), 60.0) == (1,) * 24
    for bad in ((rates[:0], 60.0), (rates, 0.0), (rates, 7200.0)):
        with pytest.raises(BadInputError):
            rates_by_hour(*bad)

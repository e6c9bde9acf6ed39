from types import SimpleNamespace

import pytest

from tailrank.cli import rounds
from tailrank.timing import Overheads, Point, Profile

SIZES = (1, 10)
OVERHEADS = Overheads(query_ns=7)


def profile(item_ns: float) -> Profile:
    return Profile(network="m", points=tuple(Point(items=n, busy=1, samples_ns=(round(n * item_ns),)) for n in SIZES))


EARLIER = {"cpu": profile(1000), "gpu": profile(100)}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> rounds.Rounds:
    """Three rounds; the CPU's pool takes 1, 2 and 3 times as long as before, the GPU's twice as long each time."""
    factors = {"cpu": iter((1, 2, 3)), "gpu": iter((2, 2, 2))}
    monkeypatch.setattr(
        rounds,
        "measure",
        lambda _, pool, seconds, **more: profile(next(factors[pool]) * (1000 if pool == "cpu" else 100)),
    )
    found = rounds.Rounds(SimpleNamespace(), EARLIER, seconds=1.0, seed=1)  # type: ignore[arg-type]
    for _ in range(3):
        found.take(OVERHEADS)
    return found


def test_rounds_are_pooled_by_pool_with_the_overheads(taken: rounds.Rounds) -> None:
    assert len(taken) == 3
    pooled = taken.pooled()
    assert pooled["cpu"].overheads == OVERHEADS
    assert [len(point.samples_ns) for point in pooled["cpu"].points] == [3, 3]
    assert pooled["cpu"].table(10, 1).mean_ns[0, 10] == pytest.approx(20_000)
    assert pooled["gpu"].table(10, 1).mean_ns[0, 10] == pytest.approx(2_000)


def test_drift_is_the_cpus(taken: rounds.Rounds) -> None:
    assert taken.slower_than_earlier() == pytest.approx([1.0, 2.0, 3.0])


@pytest.mark.parametrize(("number", "cpu"), [(0, 0.5), (1, 0.75), (2, 1.25), (3, 1.5)])
def test_a_run_is_judged_by_the_rounds_around_it(number: int, cpu: float, taken: rounds.Rounds) -> None:
    around = taken.around(number, taken.pooled())
    assert around == {"cpu": pytest.approx(cpu), "gpu": pytest.approx(1.0)}


def test_each_pool_has_a_speed_of_its_own() -> None:
    scaled = rounds.at_speed(EARLIER, {"cpu": 3.0, "gpu": 0.5})
    assert scaled["cpu"].table(10, 1).mean_ns[0, 10] == pytest.approx(30_000)
    assert scaled["gpu"].table(10, 1).mean_ns[0, 10] == pytest.approx(500)

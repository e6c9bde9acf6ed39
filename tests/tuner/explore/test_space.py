from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError, Pool
from tailrank.core.config import dumps, loads
from tailrank.tuner.explore import Space, default_space, funnels

CPU = {"cpu": Pool(workers=2)}


def fields(**changed: Any) -> dict[str, Any]:
    return {"networks": ("a", "b", "c"), "take": (100, 50), "keep": (80, 40, 20), "results": 10, "pools": CPU} | changed


def test_funnels_are_every_chain_with_every_falling_choice_of_items() -> None:
    found = funnels(Space(**fields()))
    # alone 3 x 2; pairs 3 x (3 below 100, 2 below 50); all three 1 x (3 pairs below 100, 1 below 50)
    assert len(found) == len(set(found)) == 6 + 15 + 4
    for each in found:
        assert list(each.items) == sorted(set(each.items), reverse=True)
        assert list(each.networks) == sorted(set(each.networks))


def test_a_space_is_a_file(made: Callable[..., Space]) -> None:
    space = replace(made(), devices=(("cpu",),) * 3, feeds=("whole", "share"))
    assert loads(Space, dumps(space)) == space


@pytest.mark.parametrize(("networks", "size"), [(3, 3500), (3, 4096), (4, 4096)])
def test_the_default_space_has_about_ten_thousand_funnels(networks: int, size: int) -> None:
    space = default_space([str(n) for n in range(networks)], [size], CPU)
    assert 3_000 < len(funnels(space)) < 100_000
    space.check(size, space.networks)


def test_the_default_space_fits_small_queries() -> None:
    space = default_space(["a", "b"], [40, 30], CPU)
    space.check(40, ["a", "b"])
    assert len(funnels(space)) > 2


def test_one_network_makes_funnels_of_one_stage() -> None:
    assert {len(each.networks) for each in funnels(default_space(["a"], [500], CPU))} == {1}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"keep": (120,)}, "keep: 120 items are more than the 100"),
        ({"keep": ()}, "keep: empty"),
        ({"keep": (5,)}, "but 10 results"),
        ({"take": (5,)}, "take: 5 items"),
        ({"stages": (1, 5)}, "stages: 5"),
        ({"stages": (1, 2), "networks": ("a",)}, "stages: 2"),
        ({"networks": ("a", "a", "b")}, "names one twice"),
        ({"by_stage": (("a",), ("b",), ("x",))}, "by_stage.2: `x`"),
        ({"by_stage": (("c",), ("a",)), "stages": (2,)}, "no funnel of 2 stages"),
        ({"by_stage": (("a",),)}, "by_stage: says 1 stages"),
        ({"devices": (("cpu",), ("gpu",), ("cpu",))}, "devices.1: `gpu`"),
        ({"devices": (("cpu",), (), ("cpu",))}, "devices.1: empty"),
        ({"pools": {}}, "pools"),
    ],
)
def test_what_does_not_chain_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Space(**fields(**changed))


def test_a_space_is_checked_against_the_data() -> None:
    space = Space(**fields())
    space.check(100, ["a", "b", "c"])
    with pytest.raises(BadInputError, match="unknown network `c`"):
        space.check(100, ["a", "b"])
    with pytest.raises(BadInputError, match="take: 100 items, but the largest query has 90"):
        space.check(90, ["a", "b", "c"])


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(BadInputError, match="unknown field `kepe`"):
        loads(Space, 'networks = ["a"]\ntake = [4]\nstages = [1]\nresults = 2\nkepe = [1]\n[pools.cpu]\nworkers = 1\n')

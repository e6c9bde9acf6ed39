from pathlib import Path

import pytest

from tailrank.cli.services import parse_service, services_for
from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.timing import NO_OVERHEADS, ConstantTime, LinearTime, Overheads, Point, Profile, save_profile

PLAN = Plan(
    stages=(
        Stage(model="small", batch_size=8, keep=10, offload_at=100, offload_pool="gpu"),
        Stage(model="large", batch_size=4),
    ),
    pools={"cpu": Pool(workers=2), "gpu": Pool(workers=1)},
)


def test_forms_are_read_in_microseconds() -> None:
    assert parse_service("linear:fixed_us=300,item_us=20.5") == LinearTime(300_000.0, 20_500.0)
    assert parse_service("linear:item_us=0,fixed_us=1") == LinearTime(1000.0, 0.0)
    assert parse_service("constant:batch_us=5e2") == ConstantTime(500_000.0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "unknown service time"),
        ("quadratic:a=1", "quadratic"),
        ("linear", "`fixed_us` is missing"),
        ("linear:fixed_us=1", "`item_us` is missing"),
        ("linear:fixed_us=1,items_us=2", "`items_us`"),
        ("linear:fixed_us=1,fixed_us=2,item_us=1", "`fixed_us` is not expected"),
        ("constant:batch_us=-1", "`-1`"),
        ("constant:batch_us=nan", "`nan`"),
        ("constant:batch_us=inf", "`inf`"),
        ("constant:batch_us=fast", "`fast`"),
    ],
)
def test_anything_else_is_bad_input_that_says_what_is_accepted(text: str, word: str) -> None:
    with pytest.raises(BadInputError, match=word) as caught:
        parse_service(text)
    assert "linear:fixed_us=" in caught.value.hint


def test_the_narrowest_name_wins(tmp_path: Path) -> None:
    profile = Profile(
        network="large", points=(Point(items=1, busy=1, samples_ns=(10,)),), overheads=Overheads(query_ns=7)
    )
    save_profile(profile, tmp_path / "profile.json")
    services, overheads = services_for(
        PLAN,
        ["constant:batch_us=1", "small=constant:batch_us=2", "small@gpu=constant:batch_us=3"],
        [tmp_path / "profile.json"],
    )
    assert services == {
        ("small", "cpu"): ConstantTime(2000.0),
        ("small", "gpu"): ConstantTime(3000.0),
        ("large", "cpu"): profile,
    }
    assert overheads == profile.overheads


def test_without_a_profile_serving_costs_nothing_beside() -> None:
    assert services_for(PLAN, ["constant:batch_us=1"], [])[1] == NO_OVERHEADS


def test_a_model_without_a_service_time_is_named_with_the_flag_to_give() -> None:
    with pytest.raises(BadInputError, match="`small` on pool `gpu`") as caught:
        services_for(PLAN, ["large=constant:batch_us=1", "small@cpu=constant:batch_us=1"], [])
    assert "--service small@gpu=" in caught.value.hint

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
        [str(tmp_path / "profile.json")],
    )
    assert services == {
        ("small", "cpu"): ConstantTime(2000.0),
        ("small", "gpu"): ConstantTime(3000.0),
        ("large", "cpu"): profile,
    }
    assert overheads == profile.overheads


def profile_of(network: str, items_ns: int, path: Path) -> Profile:
    found = Profile(network=network, points=(Point(items=1, busy=1, samples_ns=(items_ns,)),))
    save_profile(found, path)
    return found


def test_a_profile_may_be_narrowed_to_a_model_and_a_pool(tmp_path: Path) -> None:
    plain, any_small, on_gpu = (tmp_path / f"{number}.json" for number in range(3))
    large = profile_of("large", 10, plain)
    small = profile_of("small", 20, any_small)
    fast = profile_of("small", 2, on_gpu)
    services, _ = services_for(PLAN, [], [f"small@gpu={on_gpu}", f"small={any_small}", str(plain)])
    assert services == {("small", "cpu"): small, ("small", "gpu"): fast, ("large", "cpu"): large}
    spec = services_for(
        PLAN, ["small@gpu=constant:batch_us=1"], [f"small@gpu={on_gpu}", f"small={any_small}", str(plain)]
    )
    assert spec[0]["small", "gpu"] == ConstantTime(1000.0)


def test_a_profile_of_the_cpu_is_not_taken_for_another_device(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile_of("m", 10, path)
    stage = Stage(model="m", batch_size=8, offload_at=100, offload_pool="gpu")
    plan = Plan(stages=(stage,), pools={"cpu": Pool(workers=2), "gpu": Pool(workers=1, device="cuda")})
    with pytest.raises(BadInputError, match="`m` on pool `gpu`") as caught:
        services_for(plan, [], [str(path)])
    assert "--profile m@gpu=" in caught.value.hint
    assert set(services_for(plan, [], [str(path), f"m@gpu={path}"])[0]) == {("m", "cpu"), ("m", "gpu")}


def test_a_profile_for_a_model_that_the_plan_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no `smal`") as caught:
        services_for(PLAN, [], ["smal=profile.json"])
    assert "small@gpu" in caught.value.hint
    odd = tmp_path / "a=b.json"
    profile_of("large", 10, odd)
    assert services_for(PLAN, ["constant:batch_us=1"], [str(odd)])[0]["large", "cpu"] != ConstantTime(1000.0)


def test_without_a_profile_serving_costs_nothing_beside() -> None:
    assert services_for(PLAN, ["constant:batch_us=1"], [])[1] == NO_OVERHEADS


def test_a_model_without_a_service_time_is_named_with_the_flag_to_give() -> None:
    with pytest.raises(BadInputError, match="`small` on pool `gpu`") as caught:
        services_for(PLAN, ["large=constant:batch_us=1", "small@cpu=constant:batch_us=1"], [])
    assert "--service small@gpu=" in caught.value.hint

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.core.config import dump, dumps, from_dict, load, loads, to_dict

names = st.text(string.ascii_letters + string.digits + "-_. ", min_size=1, max_size=12)
counts = st.integers(1, 10**9)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    pools = draw(st.dictionaries(names, st.builds(Pool, workers=counts, device=names), min_size=1, max_size=3))
    pool = st.sampled_from(sorted(pools))
    stages = []
    for _ in range(draw(st.integers(1, 3))):
        own = draw(pool)
        others = sorted(set(pools) - {own})
        offload = draw(st.tuples(counts, st.sampled_from(others)) | st.none()) if others else None
        stages.append(
            Stage(
                model=draw(st.text(max_size=20)),
                batch_size=draw(counts),
                pool=own,
                offload_at=offload and offload[0],
                offload_pool=offload and offload[1],
                keep=draw(st.none() | counts),
            )
        )
    return Plan(stages=tuple(stages), pools=pools)


@given(plans())
def test_a_plan_survives_the_round_trip_through_toml_and_dictionaries(plan: Plan) -> None:
    assert loads(Plan, dumps(plan)) == plan
    assert from_dict(Plan, to_dict(plan)) == plan


def test_a_plan_survives_the_round_trip_through_a_file(tmp_path: Path) -> None:
    plan = Plan(stages=(Stage(model="rmc1", batch_size=64, keep=10),), pools={"cpu": Pool(workers=2)})
    dump(plan, tmp_path / "plan.toml")
    assert load(Plan, tmp_path / "plan.toml") == plan


def good() -> dict[str, Any]:
    return {
        "stages": [{"model": "a", "batch_size": 8}, {"model": "b", "batch_size": 4}],
        "pools": {"cpu": {"workers": 2}},
    }


@pytest.mark.parametrize(
    ("path", "key", "place", "hint"),
    [
        ((), "stagess", "unknown field `stagess`", "`stages`"),
        (("stages", 1), "bach_size", "stages.1", "`batch_size`"),
        (("pools", "cpu"), "worker", "pools.*: ", "`workers`"),
    ],
)
def test_a_misspelt_key_at_any_depth_names_its_place_and_the_right_spelling(
    path: tuple[Any, ...], key: str, place: str, hint: str
) -> None:
    data = good()
    inner: Any = data
    for part in path:
        inner = inner[part]
    inner[key] = 1
    with pytest.raises(BadInputError) as caught:
        from_dict(Plan, data, source="plan.toml")
    assert caught.value.message.startswith("plan.toml: ")
    assert place in caught.value.message
    assert key in caught.value.message
    assert hint in caught.value.hint


def test_a_key_like_nothing_known_gets_the_list_of_known_keys() -> None:
    with pytest.raises(BadInputError) as caught:
        from_dict(Plan, good() | {"zzzzzz": 1})
    assert "batch_size" in caught.value.hint
    assert "workers" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"batch_size": 0}, "stages.0.batch_size"),
        ({"batch_size": "8"}, "stages.0.batch_size"),
        ({"batch_size": 1.5}, "stages.0.batch_size"),
        ({"keep": 0}, "stages.0.keep"),
        ({"offload_at": -1, "offload_pool": "cpu"}, "stages.0.offload_at"),
        ({"model": 3}, "stages.0.model"),
    ],
)
def test_a_wrong_value_names_its_place(change: dict[str, Any], place: str) -> None:
    data = good()
    data["stages"][0].update(change)
    with pytest.raises(BadInputError, match=place):
        from_dict(Plan, data)


@pytest.mark.parametrize("missing", ["model", "batch_size"])
def test_a_missing_key_is_named(missing: str) -> None:
    data = good()
    del data["stages"][0][missing]
    with pytest.raises(BadInputError, match=rf"stages\.0.*`{missing}`"):
        from_dict(Plan, data)


def test_errors_of_the_configs_own_checks_name_the_file() -> None:
    data = good()
    data["stages"][0]["pool"] = "gpu"
    with pytest.raises(BadInputError, match=r"^my\.toml: .*stages\.0\.pool.*`gpu`"):
        from_dict(Plan, data, source="my.toml")


def test_bad_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[pools]\ncpu = {workers = }\n")
    with pytest.raises(BadInputError, match=r"plan\.toml: not valid TOML.*line 2"):
        load(Plan, path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_absent_or_binary_file_is_bad_input(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"plan\.toml: cannot be read"):
        load(Plan, path)


def test_configs_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Pool(workers=1).workers = 2  # type: ignore[misc]

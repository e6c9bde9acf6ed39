import pytest

from tailrank.core import BadInputError, Plan, Pool, Stage, single


def test_single_is_a_funnel_of_length_one_without_offload() -> None:
    plan = single("rmc1", batch_size=64, workers=3)
    assert [stage.model for stage in plan.stages] == ["rmc1"]
    assert plan.stages[0].batch_size == 64
    assert plan.stages[0].offload_at is None
    assert plan.pools[plan.stages[0].pool].workers == 3


@pytest.mark.parametrize("field", ["pool", "offload_pool"])
def test_a_pool_nobody_declared_is_refused_with_the_known_ones(field: str) -> None:
    stage = {"model": "m", "batch_size": 1, "offload_at": 1, "offload_pool": "cpu"} | {field: "gpu"}
    with pytest.raises(BadInputError, match=rf"stages\.1\.{field}.*`gpu`") as caught:
        Plan(stages=(Stage(model="m", batch_size=1), Stage(**stage)), pools={"cpu": Pool(workers=1)})  # type: ignore[arg-type]
    assert "cpu" in caught.value.hint


@pytest.mark.parametrize("half", [{"offload_at": 5}, {"offload_pool": "gpu"}])
def test_half_an_offload_is_refused(half: dict[str, object]) -> None:
    pools = {"cpu": Pool(workers=1), "gpu": Pool(workers=1)}
    with pytest.raises(BadInputError, match="belong together"):
        Plan(stages=(Stage(model="m", batch_size=1, **half),), pools=pools)  # type: ignore[arg-type]


def test_offloading_to_the_own_pool_is_refused() -> None:
    stage = Stage(model="m", batch_size=1, offload_at=4, offload_pool="cpu")
    with pytest.raises(BadInputError, match="own pool"):
        Plan(stages=(stage,), pools={"cpu": Pool(workers=1)})

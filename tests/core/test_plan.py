import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Pool, Stage, single
from tailrank.core.config import dumps, loads


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


def test_executor_and_precision_are_left_out_where_they_are_the_default() -> None:
    plan = single("m", batch_size=4, workers=1)
    assert "executor" not in dumps(plan)
    assert "precision" not in dumps(plan)
    chosen = Plan(stages=(replace(plan.stages[0], executor="native", precision="bf16"),), pools=plan.pools)
    assert loads(Plan, dumps(chosen)) == chosen
    assert 'executor = "native"' in dumps(chosen)


@pytest.mark.parametrize(("field", "value"), [("executor", "tpu"), ("precision", "fp8")])
def test_an_unknown_executor_or_precision_is_named_with_its_place(field: str, value: str) -> None:
    text = f'[[stages]]\nmodel = "m"\nbatch_size = 1\n{field} = "{value}"\n[pools.cpu]\nworkers = 1\n'
    with pytest.raises(BadInputError, match=rf"stages\.0\.{field}.*{value}"):
        loads(Plan, text)


@pytest.mark.parametrize("change", [{"executor": "native"}, {"precision": "bf16"}])
def test_stages_that_share_a_model_must_agree(change: dict[str, str]) -> None:
    first = Stage(model="m", batch_size=1, executor="torch", keep=5)
    stages = (first, replace(first, batch_size=2, **change))
    with pytest.raises(BadInputError, match=rf"stages\.1\.{next(iter(change))}") as caught:
        Plan(stages=stages, pools={"cpu": Pool(workers=1)})
    assert "`m`" in caught.value.hint
    assert Plan(stages=(first, replace(stages[1], model="other")), pools={"cpu": Pool(workers=1)})


def test_precision_of_a_pool_is_a_devices() -> None:
    stages = (Stage(model="m", batch_size=1),)
    cpu, cuda = Pool(workers=1), Pool(workers=2, device="cuda", precision="bf16")
    assert Plan(stages=stages, pools={"cpu": cpu, "a": cuda, "b": cuda})
    with pytest.raises(BadInputError, match=r"pools\.cpu\.precision"):
        Plan(stages=stages, pools={"cpu": replace(cpu, precision="bf16")})
    with pytest.raises(BadInputError, match=r"pools\.b\.precision.*`fp32`.*`cuda`.*`bf16`"):
        Plan(stages=stages, pools={"cpu": cpu, "a": cuda, "b": replace(cuda, precision="fp32")})


def staged(**options: object) -> Plan:
    stage = Stage(model="m", batch_size=8, offload_at=9, offload_pool="gpu", **options)  # type: ignore[arg-type]
    return Plan(stages=(stage,), pools={"cpu": Pool(workers=1), "gpu": Pool(workers=1, device="cuda")})


@pytest.mark.parametrize(
    "options",
    [
        {"offload": "queue-aware"},
        {"adapt": True},
        {"adapt": True, "least_batch": 4},
        {"combine_wait_us": 0},
        {"combine_wait_us": 250, "offload_batch": 64},
    ],
)
def test_options_make_a_plan_dynamic_and_survive_the_file(options: dict[str, object]) -> None:
    assert not staged().dynamic
    plan = staged(**options)
    assert plan.dynamic
    assert loads(Plan, dumps(plan)) == plan


def test_queue_aware_without_an_offload_pool_says_nothing() -> None:
    plan = Plan(stages=(Stage(model="m", batch_size=1, offload="queue-aware"),), pools={"cpu": Pool(workers=1)})
    assert not plan.dynamic


def test_shared_batches_have_a_limit_on_each_pool() -> None:
    stage = staged(combine_wait_us=0, offload_batch=64).stages[0]
    assert (stage.batch_limit("cpu"), stage.batch_limit("gpu")) == (8, 64)
    assert staged(combine_wait_us=0).stages[0].batch_limit("gpu") == 8


@pytest.mark.parametrize(
    ("options", "named"), [({"least_batch": 2}, "least_batch"), ({"offload_batch": 9}, "offload_b")]
)
def test_an_option_without_the_one_it_belongs_to_is_refused(options: dict[str, object], named: str) -> None:
    with pytest.raises(BadInputError, match=rf"stages\.0\.{named}"):
        staged(**options)


@pytest.mark.parametrize("line", ['offload = "shortest"', "combine_wait_us = -1", "least_batch = 0"])
def test_values_that_no_option_has_are_refused(line: str) -> None:
    text = f'[[stages]]\nmodel = "m"\nbatch_size = 1\n{line}\n[pools.cpu]\nworkers = 1\n'
    with pytest.raises(BadInputError, match=rf"stages\.0\.{line.split()[0]}"):
        loads(Plan, text)


def funnel(*feeds: str, take: int | None = None, keep: int | None = None, **options: object) -> Plan:
    stages = tuple(Stage(model="m", batch_size=8, keep=keep, feed=feed, **options) for feed in feeds)  # type: ignore[arg-type]
    return Plan(stages=stages, pools={"cpu": Pool(workers=1)}, take=take)


def test_what_a_plan_takes_survives_the_file_and_is_left_out_where_it_is_all() -> None:
    plan = funnel("whole", take=40, keep=40)
    assert loads(Plan, dumps(plan)) == plan
    assert "take" not in dumps(funnel("whole"))


def test_more_cannot_be_kept_than_is_taken() -> None:
    with pytest.raises(BadInputError, match=r"stages\.0\.keep: 41, but only 40"):
        funnel("whole", take=40, keep=41)
    with pytest.raises(BadInputError, match="take"):
        loads(Plan, "take = 0\n" + dumps(funnel("whole")))


@pytest.mark.parametrize(
    "feeds", [("share", "whole"), ("share", "share", "exact", "whole"), ("exact", "whole", "whole")]
)
def test_stages_may_feed_early(feeds: tuple[str, ...]) -> None:
    plan = funnel(*feeds)
    assert plan.feeds_early
    assert loads(Plan, dumps(plan)) == plan
    assert not funnel("whole", "whole").feeds_early


@pytest.mark.parametrize(
    ("feeds", "options", "said"),
    [
        (("whole", "share"), {}, r"stages\.1\.feed: `share`, but no stage follows"),
        (("exact", "share", "whole"), {}, r"stages\.1\.feed.*guesses"),
        (("exact", "exact", "whole"), {}, r"stages\.1\.feed.*guesses"),
        (("share", "whole"), {"adapt": True}, r"stages\.0\.feed.*state of the pools"),
    ],
)
def test_stages_that_cannot_feed_early_say_why(feeds: tuple[str, ...], options: dict[str, object], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        funnel(*feeds, **options)

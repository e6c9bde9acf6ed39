"""What goes on when a slice is done, whatever the order in which slices are done."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import Plan, Pool, Stage
from tailrank.scheduler import Feeding, Group, lay_out, share, split

FEEDS = st.lists(st.sampled_from(["whole", "share"]), max_size=3).flatmap(
    lambda feeds: st.booleans().map(lambda exact: [*feeds, *(["exact"] if exact else []), "whole"])
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    stages = []
    for feed in draw(FEEDS):
        offload = draw(st.none() | st.integers(1, 40))
        stages.append(
            Stage(
                model="m",
                batch_size=draw(st.integers(1, 12)),
                keep=draw(st.none() | st.integers(1, 30)),
                offload_at=offload,
                offload_pool=None if offload is None else "card",
                feed=feed,
            )
        )
    pools = {"cpu": Pool(workers=1), "card": Pool(workers=1, device="cuda")}
    return Plan(stages=tuple(stages), pools=pools, take=draw(st.none() | st.integers(30, 60)))


def walk(plan: Plan, size: int, chance: random.Random) -> tuple[list[Group], list[tuple[int, int]]]:
    """Finish parts in any order; returns the groups that came, and how many were missing of how many sent."""
    asked: list[tuple[int, int]] = []

    def missing(query: int, stage: int, sent: list[int]) -> int:
        parts = feeding.parts(query)
        given_early = sum(parts[stage].gives[part] for part in sent)
        keep = parts[stage + 1].total
        asked.append((chance.randint(keep - given_early, keep), given_early))
        return asked[-1][0]

    feeding = Feeding(plan, missing)
    groups = [feeding.begin(7, size)]
    out = [(0, part) for part in range(len(groups[0].slices))]
    while out:
        assert 7 in feeding
        stage, part = out.pop(chance.randrange(len(out)))
        group = feeding.done(7, stage, part)
        if group is not None:
            groups.append(group)
            out.extend((group.stage, group.part + number) for number in range(len(group.slices)))
    assert 7 not in feeding
    assert feeding.done(7, 0, 0) is None
    return groups, asked


@settings(deadline=None)
@given(plan=plans(), size=st.integers(1, 80), seed=st.integers(0, 999))
def test_every_stage_gets_its_candidates_once_and_the_query_ends(plan: Plan, size: int, seed: int) -> None:
    groups, asked = walk(plan, size, random.Random(seed))
    laid = lay_out(plan, size)
    for number, parts in enumerate(laid):
        mine = [group for group in groups if group.stage == number]
        after_exact = number > 0 and plan.stages[number - 1].feed == "exact"
        got = sorted(each for group in mine for each in group.slices)
        if after_exact:
            ((missing, given_early),) = asked
            assert sum(each.size for each in got) == missing + given_early
        else:
            assert sum(each.size for each in got) == parts.total
            assert [each.start for each in got] == list(parts.first)
            assert [each.size for each in got] == list(parts.size)
        ends = [each.stop for each in got]
        assert all(each.start >= end for each, end in zip(got[1:], ends, strict=False))
        for group in mine:
            assert sum(each.size for each in group.slices) == group.size > 0
            if group.source >= 0:
                assert group.size == laid[number - 1].gives[group.source]


@given(plan=plans(), size=st.integers(1, 80))
def test_without_feeding_a_layout_is_the_split_of_every_stage(plan: Plan, size: int) -> None:
    size = min(size, plan.take or size)
    for number, (stage, parts) in enumerate(zip(plan.stages, lay_out(plan, size), strict=True)):
        if number == 0 or plan.stages[number - 1].feed == "whole":
            cut = split(0, parts.total, stage, number)
            assert [(each.start, each.size) for each in cut] == list(zip(parts.first, parts.size, strict=True))
        assert parts.total == size
        if stage.feed != "whole":
            assert list(parts.gives) == share(min(size, stage.keep or size), parts.size)
        size = min(size, stage.keep or size)


def test_a_stage_waits_for_slices_that_give_nothing() -> None:
    stages = (Stage(model="m", batch_size=4, keep=1, feed="share"), Stage(model="m", batch_size=4))
    feeding = Feeding(Plan(stages=stages, pools={"cpu": Pool(workers=1)}), lambda *_: 0)
    feeding.begin(0, 8)
    group = feeding.done(0, 0, 0)
    assert group is not None
    assert (group.stage, group.source, group.size) == (1, 0, 1)
    assert feeding.done(0, 1, 0) is None
    assert 0 in feeding  # the second slice is still out
    assert feeding.done(0, 0, 1) is None
    assert 0 not in feeding


def test_a_query_that_failed_is_forgotten() -> None:
    feeding = Feeding(Plan(stages=(Stage(model="m", batch_size=4),), pools={"cpu": Pool(workers=1)}), lambda *_: 0)
    feeding.begin(0, 8)
    feeding.drop(0)
    assert feeding.done(0, 0, 0) is None

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError
from tailrank.tuner.explore import Explorer, Space, dominated_by, sample, values

pytest.importorskip("optuna")
Make = Callable[..., Explorer]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "trials.log"


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_sampling_finds_funnels_within_the_floor(explorer_of: Make, space: Space, journal: Path, sampler: str) -> None:
    found = sample(explorer_of(space, drop=0.2), journal, sampler=sampler, trials=25)  # type: ignore[arg-type]
    assert found.chosen.quality >= found.floor
    assert dominated_by(values(found.points, found.asked.objectives), values(found.front, found.asked.objectives)).all()
    assert {len(each.funnel.networks) for each in found.points} == {1, 2, 3}


def test_an_interrupted_study_goes_on(explorer_of: Make, space: Space, journal: Path) -> None:
    first = sample(explorer_of(space), journal, trials=8)
    explorer = explorer_of(space)
    again = sample(explorer, journal, trials=8)  # nothing is left to propose
    before = {each.plan.__repr__(): (each.quality, each.capacity_qps, each.tail_ms) for each in first.points}
    for each in again.points:
        if repr(each.plan) in before:
            assert np.allclose(before[repr(each.plan)], (each.quality, each.capacity_qps, each.tail_ms))
    assert first.chosen.plan == again.chosen.plan
    more = sample(explorer_of(space), journal, trials=12)
    assert len(more.points) > len(again.points)


def test_a_journal_of_another_space_is_refused(explorer_of: Make, space: Space, journal: Path) -> None:
    sample(explorer_of(space), journal, trials=3)
    with pytest.raises(BadInputError, match="another space"):
        sample(explorer_of(replace(space, take=(256,))), journal, trials=3)


def test_without_single_stages_there_is_nothing_to_compare_with(explorer_of: Make, space: Space, journal: Path) -> None:
    with pytest.raises(BadInputError, match="single stages"):
        sample(explorer_of(replace(space, stages=(2,))), journal, trials=3)

import os

import pytest

from tailrank.core import usable_cores


def test_only_cores_of_this_process_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert usable_cores() == 2


@pytest.mark.parametrize(("found", "cores"), [(7, 7), (None, 1)])
def test_without_affinity_all_cores_count_and_there_is_at_least_one(
    monkeypatch: pytest.MonkeyPatch, found: int | None, cores: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: found)
    assert usable_cores() == cores

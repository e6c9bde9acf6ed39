import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.report.study.locality import real_reuse, stack_distances, synthetic_reuse


def hits_of_a_cache(keys: list[int], rows: int) -> list[bool]:
    """The oracle: an LRU cache that is one."""
    held: OrderedDict[int, None] = OrderedDict()
    hits = []
    for key in keys:
        hits.append(key in held)
        held[key] = None
        held.move_to_end(key)
        if len(held) > rows:
            held.popitem(last=False)
    return hits


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(st.integers(0, 12), max_size=80), rows=st.integers(1, 14))
def test_a_cache_hits_exactly_within_its_rows(keys: list[int], rows: int) -> None:
    distances = stack_distances(np.array(keys, dtype=np.int64))
    assert ((distances > 0) & (distances <= rows)).tolist() == hits_of_a_cache(keys, rows)


def test_distances_of_a_cycle_are_its_length() -> None:
    assert stack_distances(np.tile(np.arange(5), 3)).tolist() == [0] * 5 + [5] * 10


def test_newer_accesses_hit_less_and_uniform_ones_hardly() -> None:
    found = synthetic_reuse(seed=3)
    by_new = [row["hit_rate"] for row in sorted((row for row in found if row["new"]), key=lambda row: row["new"])]
    assert by_new == sorted(by_new, reverse=True)
    # exponential distances of mean 1000: 1 - e^-2 of the others lie within 2000 rows
    for row in found:
        if row["new"]:
            assert row["hit_rate"] == pytest.approx((1 - row["new"]) * (1 - np.exp(-2)), abs=0.01)
    uniform = next(row for row in found if row["accesses"].startswith("uniform"))
    assert uniform["hit_rate"] == pytest.approx(0.002, abs=0.001)  # 2000 of a million rows
    assert synthetic_reuse(seed=3) == found


def test_without_the_traces_the_reason_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TAILRANK_DATA", raising=False)
    assert "TAILRANK_DATA" in real_reuse()["absent"]
    monkeypatch.setenv("TAILRANK_DATA", str(tmp_path))
    assert "none" in real_reuse()["absent"]


def test_a_recorded_trace_gives_its_curve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import lzma

    (tmp_path / "access").mkdir()
    keys = np.tile(np.arange(100) * 7 - 50, 20).astype(">i8")  # a cycle: a cache of fewer rows never hits
    (tmp_path / "access" / "scarab-recs.trace.xz").write_bytes(lzma.compress(keys.tobytes()))
    monkeypatch.setenv("TAILRANK_DATA", str(tmp_path))
    (trace,) = real_reuse()["traces"]
    assert (trace["accesses"], trace["rows"]) == (2000, 100)
    assert {rate for _, rate in trace["curve"]} == {0.0}


@pytest.mark.data
def test_real_traces_hit_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Path(__file__).parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("TAILRANK_DATA", default))
    if not (folder / "access").is_dir():
        pytest.skip("no real data: set TAILRANK_DATA to its folder")
    monkeypatch.setenv("TAILRANK_DATA", str(folder))
    traces = {trace["trace"]: dict(map(tuple, trace["curve"])) for trace in real_reuse()["traces"]}
    scarab = next(curve for name, curve in traces.items() if "scarab" in name)
    assert [scarab[share] for share in (0.001, 0.01, 0.1)] == pytest.approx([0.183, 0.347, 0.606], abs=0.001)

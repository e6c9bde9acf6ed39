from collections import OrderedDict

import numpy as np
import pytest

from tailrank.core import BadInputError, stream
from tailrank.workload import StackDistance
from tailrank.workload.stack_distance import _walk, _walk_plain


def lru_hits(ids, capacity, skip=0):
    """Hit rate of an LRU cache, counted after `skip` accesses, by an ordered dictionary."""
    cache, hits = OrderedDict(), 0
    for number, row in enumerate(ids.tolist()):
        if row in cache:
            cache.move_to_end(row)
            hits += number >= skip
        else:
            cache[row] = None
            if len(cache) > capacity:
                cache.popitem(last=False)
    return hits / (len(ids) - skip)


def stack_walk(distance, rows):
    """The model itself, with a list for a stack."""
    warm = int(distance.max(initial=0))
    stack, fresh, out = list(range(warm)), warm, []
    for each in distance.tolist():
        if each == 0 and fresh < rows:
            row, fresh = fresh, fresh + 1
        else:
            row = stack.pop(each - 1 if each > 0 else -1)
        stack.insert(0, row)
        out.append(row)
    return out


@pytest.mark.parametrize("rows", [1, 2, 7, 30, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_the_tree_walk_equals_a_list_as_stack(rows, seed):
    distance = np.minimum(StackDistance(new=0.2, mean_distance=9.0).distances(400, stream(seed, "d")), rows)
    expected = stack_walk(distance, rows)
    assert _walk_plain(distance, rows).tolist() == expected
    assert _walk()(distance, rows).tolist() == expected


@pytest.mark.parametrize("new", [0.14, 0.55, 0.71])
@pytest.mark.parametrize("capacity", [50, 200, 1000])
def test_the_lru_hit_rate_is_the_law_of_the_distances(new, capacity):
    kind = StackDistance(new=new, mean_distance=200.0)
    ids = kind.draw(10**7, 40_000, stream(1, "a"))
    theory = (1 - new) * (1 - np.exp(-capacity / 200))
    assert lru_hits(ids, capacity, skip=5000) == pytest.approx(theory, abs=0.015)


def test_more_new_rows_mean_fewer_hits_and_uniform_has_none():
    rates = [
        lru_hits(StackDistance(new=new, mean_distance=300.0).draw(10**7, 20_000, stream(2, "a")), 2000)
        for new in (0.14, 0.55, 0.71, 1.0)
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0


def test_a_histogram_of_distances_is_followed(tmp_path):
    path = tmp_path / "distances.csv"
    path.write_text("distance,count\n0,20\n1,50\n40,30\n60,0\n")
    ids = StackDistance(path=str(path)).draw(10**6, 20_000, stream(1, "a"))
    assert lru_hits(ids, 1) == pytest.approx(0.5, abs=0.02)
    assert lru_hits(ids, 39) == pytest.approx(0.5, abs=0.02)
    assert lru_hits(ids, 40, skip=2000) == pytest.approx(0.8, abs=0.02)


def test_when_every_row_is_used_new_means_unused_for_longest():
    ids = StackDistance(new=1.0).draw(5, 20, stream(1, "a"))
    assert np.array_equal(ids[:5], ids[5:10])
    assert len(set(ids[:5].tolist())) == 5


@pytest.mark.parametrize(
    "content", ["", "distance,count\n", "1\n2\n3\n", "0,0\n", "1.5,2\n", "-1,2\n", "1,-2\n", "x,y\nz,1\n"]
)
def test_bad_histograms_are_refused(tmp_path, content):
    path = tmp_path / "distances.csv"
    path.write_text(content)
    with pytest.raises(BadInputError, match=r"distances\.csv"):
        StackDistance(path=str(path)).draw(10, 10, stream(1, "a"))


@pytest.mark.parametrize(
    "kwargs", [{"new": -0.1}, {"new": 1.1}, {"mean_distance": 0.5}, {"mean_distance": float("inf")}]
)
def test_impossible_settings_are_refused(kwargs):
    with pytest.raises(BadInputError):
        StackDistance(**kwargs)

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.accelerator.memory import (
    fifo_hits,
    hits,
    kernels,
    lru_curve,
    number,
    read_keys,
    sized_lru_hits,
    stack_distances,
    static_curve,
)
from tailrank.core import BadInputError, stream
from tailrank.workload import StackDistance, Uniform, Zipf

KEYS = st.lists(st.integers(0, 30), min_size=2, max_size=300)
LAWS = (Uniform(), Zipf(exponent=1.1), StackDistance(new=0.1, mean_distance=40))


def trace(keys):
    return number(np.array(keys, np.int64))


@pytest.mark.parametrize("policy", ["lru", "fifo", "static"])
@given(keys=KEYS, part=st.floats(0, 0.99))
@settings(deadline=None)
def test_hits_are_those_of_the_naive_cache(naive_hits, policy, keys, part):
    begin, capacities = int(part * len(keys)), list(range(34))
    found = hits(policy, trace(keys), capacities, measured_from=begin)
    assert found.tolist() == [naive_hits(policy, keys, capacity, begin) for capacity in capacities]


@pytest.mark.parametrize("policy", ["lru", "fifo", "static"])
@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_longer_traces_too(naive_hits, policy, law):
    keys = law.draw(500, 6000, stream(3, "keys")).tolist()  # many words of the tree
    for begin in (0, 2500):
        found = hits(policy, trace(keys), [1, 7, 64, 200, 499], measured_from=begin)
        assert found.tolist() == [naive_hits(policy, keys, each, begin) for each in (1, 7, 64, 200, 499)]


@given(KEYS)
@settings(deadline=None)
def test_every_access_hits_or_misses_once_and_a_larger_lru_cache_never_misses_more(keys):
    curve = lru_curve(trace(keys))
    assert curve.hits[0] == 0
    assert np.all(np.diff(curve.hits) >= 0)
    assert curve.hits[-1] + len(set(keys)) == curve.accesses == len(keys)  # all but first uses hit in the end
    assert curve.at(10**9) == curve.hits[-1]


@given(KEYS)
@settings(deadline=None)
def test_inclusion_access_by_access(keys):
    distance = stack_distances(trace(keys))
    for time, key in enumerate(keys):
        earlier = keys[:time]
        if key in earlier:
            last = time - 1 - earlier[::-1].index(key)
            assert distance[time] == len(set(keys[last:time]))
        else:
            assert distance[time] == 0


def test_fifo_may_hit_less_with_more_rows():
    keys = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5]  # Belady's anomaly
    assert fifo_hits(trace(keys), [3, 4]).tolist() == [3, 2]


def test_no_static_cache_beats_the_one_that_knew():
    keys = trace(Zipf().draw(2000, 20_000, stream(1, "keys")))
    knew, trained = static_curve(keys, measured_from=10_000), static_curve(keys, trained_on=10_000)
    assert knew.accesses == trained.accesses == 10_000
    best = np.cumsum(np.concatenate([[0], np.sort(np.bincount(keys.ids[10_000:]))[::-1]]))
    assert np.all(best >= trained.hits[: len(best)])


@pytest.mark.parametrize("largest", [2, 9])  # a few different sizes take another way than many
@given(keys=KEYS, drawn=st.lists(st.integers(0, 999), min_size=31, max_size=31), part=st.floats(0, 0.9))
@settings(deadline=None)
def test_rows_of_different_sizes(largest, keys, drawn, part):
    sizes = [1 + each % largest for each in drawn]
    begin, capacities = int(part * len(keys)), [9, 10, 25, 60, 200]
    of_row = np.array([sizes[key] for key in dict.fromkeys(keys)])
    found, found_bytes = sized_lru_hits(trace(keys), of_row, capacities, measured_from=begin)
    for place, capacity in enumerate(capacities):
        cache, count, amount = OrderedDict(), 0, 0
        for time, key in enumerate(keys):
            if key in cache:
                count += time >= begin
                amount += sizes[key] * (time >= begin)
            cache[key] = sizes[key]
            cache.move_to_end(key)
            while sum(cache.values()) > capacity:
                cache.popitem(last=False)
        assert (found[place], found_bytes[place]) == (count, amount)


def test_few_and_many_sizes_agree_on_long_traces():
    keys = trace(LAWS[2].draw(700, 9000, stream(2, "keys")))
    few = np.where(np.arange(keys.rows) % 3 == 0, 16, 128)
    many = few.copy()
    many[:9] += np.arange(9)  # nine sizes more
    found, expected = np.empty(9000, np.int64), np.empty(9000, np.int64)
    for size in (few, many):
        sizes, kind = np.unique(size, return_inverse=True)
        kernels.classed_lru_distances(keys.ids, kind.astype(np.uint8), sizes, found)
        kernels.sized_lru_distances(keys.ids, size, expected)
        np.testing.assert_array_equal(found, expected)


def test_sizes_of_one_are_rows():
    keys = trace(LAWS[1].draw(300, 5000, stream(2, "keys")))
    found, amount = sized_lru_hits(keys, np.ones(keys.rows, np.int64), [1, 10, 100])
    assert found.tolist() == amount.tolist() == lru_curve(keys).at([1, 10, 100]).tolist()


def test_what_makes_no_sense_is_refused():
    keys = trace([1, 2, 3])
    for call in (
        lambda: lru_curve(keys, measured_from=3),
        lambda: lru_curve(keys).at([-1]),
        lambda: lru_curve(keys).at([0.5]),
        lambda: static_curve(keys, trained_on=0),
        lambda: static_curve(keys, trained_on=3),
        lambda: hits("random", keys, [1]),
        lambda: sized_lru_hits(keys, np.array([1, 2, 9]), [8]),
        lambda: sized_lru_hits(keys, np.array([1, 2]), [8]),
    ):
        with pytest.raises(BadInputError):
            call()


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "dtype", "rates"),
    [
        ("scarab-recs", ">i8", (18.3, 34.7, 60.6)),
        ("cache2k_web07", ">i4", (21.3, 39.2, 55.7)),
        ("cache2k_orm-busy", ">i4", (50.2, 77.0, 88.0)),
    ],
)
def test_real_traces_hit_as_checked(real_data, name, dtype, rates):
    keys = number(read_keys(str(real_data / f"access/{name}.trace.xz"), dtype))
    found = lru_curve(keys).rate([round(share * keys.rows) for share in (0.001, 0.01, 0.1)])
    assert 100 * found == pytest.approx(rates, abs=0.051)  # the facts are rounded to a tenth

import lzma
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, stream
from tailrank.workload import ReplayAccess, StackDistance, Uniform, Zipf

KINDS = [
    Uniform(),
    Zipf(),
    Zipf(exponent=1.0),
    Zipf(exponent=0.4),
    Zipf(exponent=8.0),
    StackDistance(mean_distance=20.0),
]


@pytest.fixture
def key_file(tmp_path):
    def write(keys, width_bytes=8, name="keys.trace.xz"):
        path = tmp_path / name
        path.write_bytes(lzma.compress(np.array(keys, dtype=f">i{width_bytes}").tobytes()))
        return str(path)

    return write


def chi_square_is_usual(counts, expected):
    statistic = ((counts - expected) ** 2 / expected).sum()
    freedom = len(counts) - 1
    return statistic < freedom + 4.5 * math.sqrt(2 * freedom) + 10


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.describe())
@given(rows=st.integers(1, 10**8), count=st.integers(0, 200), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_rows_lie_in_the_table_and_repeat_with_the_seed(kind, rows, count, seed):
    ids = kind.draw(rows, count, stream(seed, "a"))
    assert ids.dtype == np.int64
    assert ids.shape == (count,)
    assert np.all((ids >= 0) & (ids < rows))
    assert np.array_equal(ids, kind.draw(rows, count, stream(seed, "a")))


def test_uniform_is_uniform():
    counts = np.bincount(Uniform().draw(50, 100_000, stream(1, "a")), minlength=50)
    assert chi_square_is_usual(counts, np.full(50, 2000.0))


@pytest.mark.parametrize("exponent", [0.3, 0.99, 1.0, 1.05, 2.0, 5.0])
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_zipf_ranks_follow_the_law(exponent, rows):
    counts = np.bincount(Zipf(exponent=exponent).ranks(rows, 200_000, stream(2, "a")), minlength=rows)
    weights = np.arange(1, rows + 1) ** -exponent
    expected = 200_000 * weights / weights.sum()
    common = expected >= 5
    rest = np.array([expected[~common].sum()])
    assert len(counts) == rows
    if rest[0] >= 5:
        counts = np.append(counts[common], counts[~common].sum())
        expected = np.append(expected[common], rest)
    else:
        counts, expected = counts[common], expected[common]
    assert chi_square_is_usual(counts, expected)


def test_zipf_of_a_hundred_million_rows_needs_no_memory_of_their_size():
    rows, exponent = 100_000_000, 1.05
    ranks = Zipf(exponent=exponent).ranks(rows, 100_000, stream(2, "a"))
    head = (np.arange(1, 1001) ** -exponent).sum()
    tail = (1000.5 ** (1 - exponent) - (rows + 0.5) ** (1 - exponent)) / (exponent - 1)  # Euler-Maclaurin
    share = head / (head + tail)
    assert abs(np.mean(ranks < 1000) - share) < 4.5 * math.sqrt(share * (1 - share) / 100_000)


def test_zipf_scatters_its_hot_rows():
    ids = Zipf().draw(1_000_000, 100_000, stream(2, "a"))
    rows, counts = np.unique(ids, return_counts=True)
    hot = np.sort(rows[np.argsort(counts)[-50:]])
    assert np.diff(hot).mean() > 10_000
    again = Zipf().draw(1_000_000, 100_000, stream(3, "a"))
    assert np.bincount(again).argmax() == np.bincount(ids).argmax()  # the same rows stay hot


def test_replayed_keys_keep_their_reuse(key_file):
    keys = [-5, 7, -5, 2**62, 7, -5]
    ids = ReplayAccess(path=key_file(keys)).draw(1000, 12, stream(4, "a"))
    turned = [np.roll(keys, -shift).tolist() * 2 for shift in range(6)]
    patterns = [np.unique(each, return_inverse=True)[1].tolist() for each in turned]

    def pattern(values):
        names = {}
        return [names.setdefault(value, len(names)) for value in values]

    assert pattern(ids.tolist()) in [pattern(each) for each in patterns]
    assert len(set(ids.tolist())) == 3


def test_replayed_keys_share_rows_when_the_table_is_small(key_file):
    ids = ReplayAccess(path=key_file(range(100), 4), width_bytes=4).draw(10, 100, stream(4, "a"))
    assert sorted(np.bincount(ids).tolist()) == [10] * 10


def test_replay_windows_begin_at_random_places(key_file):
    kind = ReplayAccess(path=key_file(range(1000)))
    assert len({int(kind.draw(1000, 1, stream(seed, "a"))[0]) for seed in range(20)}) > 10


def test_bad_key_files_are_refused(key_file, tmp_path):
    with pytest.raises(BadInputError, match="whole number of 8-byte keys") as caught:
        ReplayAccess(path=key_file([1, 2, 3], 4)).draw(5, 5, stream(1, "a"))
    assert "width_bytes = 4" in caught.value.hint
    garbage = tmp_path / "garbage.xz"
    garbage.write_bytes(b"no archive")
    for path in (str(garbage), str(tmp_path / "absent"), key_file([], name="empty.xz")):
        with pytest.raises(BadInputError):
            ReplayAccess(path=path).draw(5, 5, stream(1, "a"))


@pytest.mark.parametrize("exponent", [0.0, -1.0, math.nan, 21.0])
def test_impossible_exponents_are_refused(exponent):
    with pytest.raises(BadInputError, match="exponent"):
        Zipf(exponent=exponent)


@pytest.mark.data
@pytest.mark.parametrize(("name", "width_bytes", "distinct"), [("scarab-recs", 8, 258_368), ("cache2k_web07", 4, None)])
def test_real_key_traces(real_data, name, width_bytes, distinct):
    kind = ReplayAccess(path=str(real_data / f"access/{name}.trace.xz"), width_bytes=width_bytes)
    ids = kind.draw(10**7, 1_245_184 if distinct else 70_000, stream(1, "a"))
    if distinct:
        assert len(np.unique(ids)) == distinct
    _, counts = np.unique(ids, return_counts=True)
    assert counts.max() > 20 * counts.mean()  # popular keys exist

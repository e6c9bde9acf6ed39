import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tailrank.core import BadInputError, stream
from tailrank.workload import Empirical, Fixed, LogNormal, MLPerf, Normal, Production

LAWS = [Fixed(size=7), LogNormal(), LogNormal(max_size=150), Normal(), Normal(mean=3.0, sd=5.0), Production(), MLPerf()]


def top_quarter(law):
    """Share of the items that the largest quarter of the queries carries, from the law itself."""
    chances = law.probabilities()
    above = np.cumsum(chances[::-1])[::-1]
    weight = np.clip((0.25 - (above - chances)), 0, chances)
    return float(weight @ np.arange(len(chances))) / law.mean_items()


def quantile(law, share):
    return int(np.searchsorted(np.cumsum(law.probabilities()), share))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.describe())
def test_a_law_is_a_law_and_draws_follow_it(law):
    chances = law.probabilities()
    assert len(chances) == law.max_size + 1
    assert chances[0] == 0
    assert np.all(chances >= 0)
    assert chances.sum() == pytest.approx(1)
    sizes = law.draw(20_000, stream(1, "sizes"))
    assert sizes.dtype == np.int64
    assert sizes.min() >= 1
    assert sizes.max() <= law.max_size
    gap = np.abs(np.cumsum(np.bincount(sizes, minlength=len(chances))) / 20_000 - np.cumsum(chances)).max()
    assert gap < 1.95 / math.sqrt(20_000)  # KS at 0.1 %; conservative for whole numbers
    sd = math.sqrt(chances @ (np.arange(len(chances)) - law.mean_items()) ** 2)
    assert abs(sizes.mean() - law.mean_items()) <= 4.5 * sd / math.sqrt(20_000) + 1e-9


@pytest.mark.parametrize(
    ("law", "oracle", "transform"),
    [
        (LogNormal(mu=5.1, sigma=0.2), stats.norm(5.1, 0.2), math.log),
        (Normal(mean=165.0, sd=16.0), stats.norm(165, 16), float),
    ],
)
def test_rounded_laws_against_scipy(law, oracle, transform):
    upto = np.cumsum(law.probabilities())
    for size in (1, 50, 100, 150, 164, 200, 400):
        assert upto[size] == pytest.approx(oracle.cdf(transform(size + 0.5)), abs=1e-12)


def test_mass_beyond_the_ends_is_clamped_to_them():
    law = Normal(mean=3.0, sd=5.0, max_size=6)
    assert law.probabilities()[1] == pytest.approx(stats.norm(3, 5).cdf(1.5))
    assert law.probabilities()[6] == pytest.approx(stats.norm(3, 5).sf(5.5))


def test_the_top_quarter_carries_what_the_sources_say():
    assert 0.50 <= top_quarter(Production()) <= 0.53
    assert top_quarter(LogNormal()) == pytest.approx(0.32, abs=0.01)
    sizes = np.sort(Production().draw(40_000, stream(9, "s")))
    assert sizes[30_000:].sum() / sizes.sum() == pytest.approx(top_quarter(Production()), abs=0.01)


def test_production_quantiles_are_the_published_stand_ins():
    law = Production()
    assert law.mean_items() == pytest.approx(239, abs=2)
    published = {0.05: 61, 0.25: 145, 0.5: 178, 0.75: 241, 0.9: 511, 0.95: 607, 0.99: 921}
    for share, size in published.items():
        assert quantile(law, share) == pytest.approx(size, rel=0.04)


def test_mlperf_is_twenty_equal_quantiles():
    law = MLPerf()
    assert law.mean_items() == pytest.approx(270)
    assert law.probabilities()[[100, 200, 300, 400, 500, 600, 700]].tolist() == pytest.approx(
        [0.1, 0.6, 0.1, 0.05, 0.05, 0.05, 0.05]
    )


@given(max_size=st.integers(1, 3000))
def test_production_clamps_at_any_maximum(max_size):
    law = Production(max_size=max_size)
    assert law.max_size == max_size
    assert law.probabilities().sum() == pytest.approx(1)
    assert law.draw(50, stream(1, "s")).max() <= max_size


def test_equally_likely_numbers_from_a_file(tmp_path):
    path = tmp_path / "sizes.txt"
    for content in ("5\n5\n9\n1\n", "5, 5, 9, 1\n", "size\n5\n5\n9\n1\n"):
        path.write_text(content)
        law = Empirical(path=str(path))
        assert law.max_size == 9
        assert law.probabilities()[[1, 5, 9]].tolist() == [0.25, 0.5, 0.25]


def test_a_histogram_from_a_file(tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text("size,count\n2,30\n4,10\n50,0\n")
    law = Empirical(path=str(path))
    assert law.mean_items() == pytest.approx(2.5)
    assert set(law.draw(1000, stream(1, "s")).tolist()) == {2, 4}
    assert Empirical(path=str(path), clamp=3).max_size == 3
    assert Empirical(path=str(path), clamp=3).mean_items() == pytest.approx(2.25)


def test_a_changed_file_is_a_new_law(tmp_path):
    path = tmp_path / "sizes.txt"
    law = Empirical(path=str(path))
    path.write_text("5\n")
    assert law.draw(3, stream(1, "s")).tolist() == [5, 5, 5]
    path.write_text("12\n")
    assert law.draw(3, stream(1, "s")).tolist() == [12, 12, 12]


@pytest.mark.parametrize(
    "content", ["", "size,count\n", "a\nb\n", "1.5\n", "0\n3\n", "-3\n", "1,2\n3,4\n", "size,count\n1,0\n", "2000000\n"]
)
def test_bad_size_files_are_refused(tmp_path, content):
    path = tmp_path / "sizes.csv"
    path.write_text(content)
    with pytest.raises(BadInputError, match=r"sizes\.csv"):
        Empirical(path=str(path)).draw(3, stream(1, "s"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fixed(size=0),
        lambda: LogNormal(sigma=0.0),
        lambda: LogNormal(mu=math.nan),
        lambda: Normal(sd=-1.0),
        lambda: Production(max_size=0),
        lambda: Production(max_size=10**9),
        lambda: Empirical(path="x", clamp=0),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(BadInputError) as caught:
        make()
    assert caught.value.hint


@pytest.mark.data
def test_real_size_files(real_data):
    mind = Empirical(path=str(real_data / "query_sizes/mind_candidates_per_impression.hist.csv"))
    assert mind.max_size == 283
    assert mind.mean_items() == pytest.approx(37.9, abs=0.05)
    assert [quantile(mind, share) for share in (0.5, 0.95, 0.99)] == [24, 120, 159]
    mlperf = Empirical(path=str(real_data / "query_sizes/mlperf_dlrm_dist_quantile.txt"))
    assert np.allclose(mlperf.probabilities(), MLPerf().probabilities())

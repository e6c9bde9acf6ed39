import numpy as np
import pytest

from tailrank.accelerator.topk import FilterUnit, selection_quality
from tailrank.core import BadInputError, stream
from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics import FunnelQuality


@pytest.fixture(scope="module")
def tables() -> ScoreTables:
    rng = stream(4, "tables")
    sizes = rng.integers(150, 250, 41)
    first = np.concatenate([[0], np.cumsum(sizes)])
    truth = rng.normal(size=first[-1])
    label = np.where(truth > 1.5, np.floor(truth), 0).astype(np.float32)

    def seen(noise: float) -> np.ndarray:
        return (1 / (1 + np.exp(2 - truth - noise * rng.normal(size=first[-1])))).astype(np.float32)

    scores = {"small": seen(0.6), "large": seen(0.1)}
    return ScoreTables(first, np.arange(first[-1], dtype=np.int32), label, scores)


def test_the_exact_choice_is_the_funnels(tables):
    (found,) = selection_quality(tables, "small", "large", keep=40, items=120, k=10, bins=(16,))
    judged = np.arange(41) % 4 != 0
    quality = FunnelQuality(tables.first, tables.label, tables.scores, k=10)
    expected = quality.per_query(("small", "large"), (120, 40))[judged]
    assert found.exact_ndcg == pytest.approx(np.nanmean(expected))
    assert found.queries == np.count_nonzero(~np.isnan(expected))
    assert found.loss.value == pytest.approx(found.exact_ndcg - found.ndcg)


def test_with_a_bin_a_code_nothing_is_lost(tables):
    unit = FilterUnit(score_bits=16, excess="fill")
    (found,) = selection_quality(tables, "small", "large", keep=40, k=10, unit=unit, bins=(2**16,))
    assert found.chosen_mean == found.chosen_most == 40
    assert found.recall > 0.98  # scores nearer than a code are taken as equal
    assert found.loss.value == pytest.approx(0, abs=1e-3)


def test_finer_bins_pass_fewer_and_never_lose_the_best(tables):
    found = selection_quality(tables, "small", "large", keep=40, k=10, bins=(4, 16, 64, 256))
    assert [each.unit.bins for each in found] == [4, 16, 64, 256]
    assert all(each.recall == 1 for each in found)
    chosen = [each.chosen_mean for each in found]
    assert chosen == sorted(chosen, reverse=True)
    assert chosen[-1] >= 40
    assert [each.state_bits for each in found] == sorted(each.state_bits for each in found)


def test_a_threshold_buffers_less_and_may_hold_the_best_back(tables):
    free, tight = selection_quality(tables, "small", "large", keep=40, k=10, bins=(64,), admitted=(1.0, 0.1))
    assert free.buffered == 1
    assert tight.buffered == pytest.approx(0.1, abs=0.03)
    assert tight.recall < free.recall
    assert tight.state_bits < free.state_bits
    assert tight.cycles < free.cycles


def test_sub_batches_choose_each_its_part(tables):
    one, four = selection_quality(tables, "small", "large", keep=40, k=10, bins=(256,), parts=(1, 4))
    assert four.recall < one.recall
    assert four.cycles > one.cycles


def test_every_combination_once(tables):
    found = selection_quality(
        tables,
        "small",
        "large",
        keep=40,
        bins=(16, 32),
        admitted=(1.0, 0.5),
        parts=(1, 2),
        encodings=("linear", "logit", "half"),
    )
    kinds = {(each.encoding, each.unit.bins, each.admitted, each.parts) for each in found}
    assert len(kinds) == len(found) == 24


@pytest.mark.parametrize(
    "wrong", [{"admitted": (0.0,)}, {"admitted": (1.5,)}, {"front": "tiny"}, {"keep": 0}, {"bins": (3,)}]
)
def test_what_makes_no_sense_is_refused(tables, wrong):
    with pytest.raises(BadInputError):
        selection_quality(tables, **({"front": "small", "back": "large", "keep": 40} | wrong))


def test_one_query_cannot_calibrate_and_be_judged():
    alone = ScoreTables(
        np.array([0, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32), {"a": np.ones(2, np.float32)}
    )
    with pytest.raises(BadInputError, match="calibrates"):
        selection_quality(alone, "a", "a", keep=1)

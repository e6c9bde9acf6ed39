import math

import numpy as np
import pytest

from tailrank.metrics import t_interval
from tailrank.tuner import paired_difference, speedup

T3 = 3.182446  # two-sided 95 % Student t, 3 degrees of freedom (tables)


def test_a_difference_by_hand(measured):
    # Differences 10, 20, 30, 40: mean 25, sd 12.91. The tolerance adds half a per cent of each mean.
    first, second = measured([110, 120, 130, 140]), measured([100, 100, 100, 100])
    mean, low, high = paired_difference(first, second)
    half = T3 * np.std([10, 20, 30, 40], ddof=1) / 2
    assert mean == pytest.approx(25)
    assert low == pytest.approx(25 - half - 0.5, rel=1e-5)
    assert high == pytest.approx(25 + half + 0.625, rel=1e-5)


def test_a_speedup_by_hand(measured):
    ratio, low, high = speedup(measured([200, 200, 400, 400]), measured([100, 100, 100, 100]))
    logs = np.log([2, 2, 4, 4])
    half = T3 * np.std(logs, ddof=1) / 2
    assert ratio == pytest.approx(math.sqrt(8))
    assert low == pytest.approx(math.sqrt(8) * math.exp(-half) / 1.005, rel=1e-5)
    assert high == pytest.approx(math.sqrt(8) * math.exp(half) * 1.005, rel=1e-5)


def test_pairing_narrows_the_interval(measured):
    # Luck common to both plans (sd 10 %) cancels in pairs; their own (1 %) stays.
    rng = np.random.default_rng(3)
    luck = 1 + 0.1 * rng.standard_normal(10)
    first = (1000 * luck * (1 + 0.01 * rng.standard_normal(10))).tolist()
    second = (950 * luck * (1 + 0.01 * rng.standard_normal(10))).tolist()
    _, low, high = paired_difference(measured(first), measured(second))
    _, first_low, first_high = t_interval(first)
    _, second_low, second_high = t_interval(second)
    unpaired = math.hypot(first_high - first_low, second_high - second_low)
    assert high - low < unpaired / 2
    assert low < 50 < high


def test_one_step_of_the_search_is_no_difference(measured):
    step = paired_difference(measured([100.5] * 5), measured([100.0] * 5))
    assert step.low <= 0
    assert speedup(measured([100.5] * 5), measured([100.0] * 5)).low <= 1


def test_one_replication_decides_nothing(measured):
    assert paired_difference(measured([200]), measured([100])) == (100, -math.inf, math.inf)
    assert speedup(measured([200]), measured([100]))[:2] == (pytest.approx(2), 0)


def test_a_baseline_that_cannot_meet_the_target(measured):
    assert speedup(measured([5, 5]), measured([0, 0])) == (math.inf, math.inf, math.inf)
    assert speedup(measured([5, 5]), measured([0, 5])) == (2, 0, math.inf)
    nothing = speedup(measured([0, 0]), measured([0, 0]))
    assert math.isnan(nothing.value)
    assert nothing[1:] == (0, math.inf)


def test_pairs_need_the_same_replications(measured):
    with pytest.raises(ValueError, match="zip"):
        paired_difference(measured([1, 2]), measured([1, 2, 3]))

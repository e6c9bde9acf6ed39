"""The bound on late queries holds at its stated rate, also where late queries come together."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tailrank.metrics import SLATarget, late_share

TARGET = SLATarget(latency_ms=1.0)


def latencies(late: np.ndarray) -> np.ndarray:
    return np.where(late, 2_000_000, 500_000).astype(np.int64)


@pytest.mark.parametrize(("count", "late"), [(500, 0), (500, 3), (1000, 40), (60, 60)])
def test_spread_out_it_is_the_exact_binomial_bound(count: int, late: int) -> None:
    flags = np.zeros(count, dtype=bool)
    flags[np.linspace(0, count - 1, late).astype(int)] = True
    found = late_share(latencies(flags), TARGET)
    exact = binomtest(int(flags.sum()), count, alternative="less").proportion_ci(0.95).high
    assert found.value == flags.sum() / count
    assert found.high >= exact - 1e-9
    if late == 0:
        assert found.high == pytest.approx(exact)


def test_it_covers_where_queries_are_late_in_runs() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        # a two-state chain: late with probability 0.04, in runs of 10 on average
        flags, state = np.zeros(4000, dtype=bool), rng.random() < 0.04
        leave, enter = 0.1, 0.1 * 0.04 / 0.96
        for number, draw in enumerate(rng.random(4000)):
            state = draw > leave if state else draw < enter
            flags[number] = state
        covered += late_share(latencies(flags), TARGET).high >= 0.04
    assert covered / 300 > 0.90  # 95 % nominal; 300 trials have a standard error of 1.3 %


def test_too_few_queries_bound_nothing() -> None:
    assert late_share(latencies(np.zeros(39, dtype=bool)), TARGET).high == 1.0


def test_a_latency_equal_to_the_target_is_not_late() -> None:
    assert late_share(np.full(100, TARGET.latency_ns), TARGET).value == 0

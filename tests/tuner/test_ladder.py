from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.metrics import SLATarget
from tailrank.tuner.ladder import Ladder, highest


@dataclass
class Known:
    """A ladder whose answers are known and counted: rung 0 is met, the rungs in `met` are, no others."""

    met: set[int]

    def __post_init__(self):
        self.monotone = True
        self.asked = set()

    def rungs(self, ratio):
        return 2 if ratio < 1.03 else 5

    def meets(self, rung):
        assert rung >= 0
        self.asked.add(rung)
        return rung == 0 or rung in self.met


@settings(deadline=None)
@given(
    met=st.sets(st.integers(1, 200)), start=st.integers(0, 300), step=st.integers(1, 80), growth=st.sampled_from([1, 2])
)
def test_whatever_the_answers_the_result_met_and_the_next_rung_missed(met, start, step, growth):
    ladder = Known(met)
    found = highest(ladder, start, step, growth=growth)
    assert found in ladder.asked
    assert ladder.meets(found)
    assert not ladder.meets(found + 1)
    assert not ladder.meets(found + 3)
    assert not ladder.meets(found + 6)
    if met == set(range(1, len(met) + 1)):
        assert found == len(met)
        assert ladder.monotone


@given(truth=st.integers(0, 4000), start=st.integers(0, 4000), step=st.integers(1, 200))
def test_bisecting_takes_a_logarithm_of_probes(truth, start, step):
    ladder = Known(set(range(1, truth + 1)))
    assert highest(ladder, start, step) == truth
    bracketing = abs(truth - start) // step + 2
    assert len(ladder.asked) <= bracketing + step.bit_length() + 4


@given(truth=st.integers(0, 4000), start=st.integers(0, 4000))
def test_growing_steps_find_a_far_answer_in_a_logarithm_of_probes(truth, start):
    ladder = Known(set(range(1, truth + 1)))
    assert highest(ladder, start, 1, growth=2) == truth
    assert len(ladder.asked) <= 2 * abs(truth - start).bit_length() + 6


def test_nothing_met_is_none():
    class Hopeless(Known):
        def meets(self, rung):
            self.asked.add(rung)
            return False

    ladder = Hopeless(set())
    assert highest(ladder, 100, 10) is None
    assert ladder.asked == {0}


@pytest.fixture
def ladder(cliff, make_trace, plan):
    return Ladder(
        cliff(lambda _: 100.0),
        make_trace(0, 500),
        plan,
        SLATarget(latency_ms=100),
        floor_qps=0.1,
        tolerance=0.01,
        warmup=0.1,
        told=lambda qps, met: None,
    )


@given(qps=st.floats(0.1, 1e7), ratio=st.floats(1.0001, 100))
def test_rungs_and_loads_agree(qps, ratio):
    ladder = Ladder.__new__(Ladder)
    ladder.floor_qps, ladder.tolerance = 0.1, 0.01
    rung = ladder.rung(qps)
    assert ladder.qps(rung) <= qps * (1 + 1e-9)
    assert qps <= ladder.qps(rung + 1) * (1 + 1e-9)
    assert ladder.qps(ladder.rungs(ratio)) / ladder.qps(0) >= ratio * (1 - 1e-9)
    assert ladder.rung(0.01) == 0


def test_a_rung_is_served_once(ladder):
    assert [ladder.meets(3), ladder.meets(3), ladder.meets(0)] == [True] * 3
    assert ladder.probes == len(ladder.system.asked) == 2
    assert ladder.unloaded_ns == 1e6
    assert ladder.tails_ms == {3: 1.0, 0: 1.0}

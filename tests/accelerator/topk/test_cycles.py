import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.accelerator.topk import FilterUnit, filter_cycles, select, selection_cycles
from tailrank.core import BadInputError


def test_cycles_of_the_default_unit():
    found = filter_cycles(FilterUnit(), 4096)
    assert (found.stream, found.merge, found.scan, found.drain) == (256, 4, 16, 256)
    assert found.total == 532
    assert found.after_last == found.interval == 276
    assert filter_cycles(FilterUnit(lanes=1), 10).merge == 0
    assert filter_cycles(FilterUnit(buffer=160), 4096).drain == 10


@given(
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=4),
    parts=st.integers(1, 4),
    lanes=st.integers(1, 20),
    threshold=st.none() | st.integers(0, 255),
)
@settings(deadline=None)
def test_cycles_of_a_selection_are_those_of_its_batches_and_within_the_bound(sizes, parts, lanes, threshold):
    unit = FilterUnit(score_bits=8, lanes=lanes, threshold=threshold)
    codes = np.arange(sum(sizes)) * 37 % 256
    found = select(unit, codes, np.cumsum([0, *sizes]), 20, parts)
    batches = np.diff(found.begin).tolist()
    each = [
        filter_cycles(unit, items, walked=walked, deepest=deepest).total
        for items, walked, deepest in zip(batches, found.walked.tolist(), found.deepest.tolist(), strict=True)
    ]
    of_query = [sum(each[a:b]) for a, b in zip(found.queries[:-1], found.queries[1:], strict=True)]
    assert selection_cycles(unit, found).tolist() == of_query
    assert all(cycles <= filter_cycles(unit, items).total for cycles, items in zip(each, batches, strict=True))


def test_state_is_counters_and_entries():
    unit = FilterUnit(bins=16, lanes=1, buffer=100)
    assert unit.state_bits(4000) == 16 * 12 + 100 * (16 + 12)  # the RTL's sixteen counters of 12 bits
    assert FilterUnit(lanes=16).state_bits(16) == 16 * 16 * 1 + 16 * 20


def test_a_batch_has_scores():
    with pytest.raises(BadInputError):
        filter_cycles(FilterUnit(), 0)

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from tailrank.accelerator.topk import RTL, Faults, FilterUnit, encode, reference, select, sub_batches
from tailrank.core import BadInputError, stream

BITS = 8
CODES = st.lists(st.integers(0, 2**BITS - 1), min_size=1, max_size=120)
UNITS = st.builds(
    FilterUnit,
    bins=st.sampled_from([2, 4, 16, 64]),
    score_bits=st.just(BITS),
    threshold=st.none() | st.integers(0, 2**BITS - 1),
    follow=st.none() | st.integers(0, 3),
    buffer=st.none() | st.integers(1, 40),
    excess=st.sampled_from(["pass", "first", "fill"]),
    lanes=st.integers(1, 5),
    faults=st.builds(Faults, **{field.name: st.booleans() for field in fields(Faults)}),
)


@given(unit=UNITS, queries=st.lists(CODES, min_size=1, max_size=4), keep=st.integers(1, 60), parts=st.integers(1, 4))
@settings(deadline=None, max_examples=400)
def test_the_compiled_unit_is_the_reference_bit_by_bit(unit, queries, keep, parts):
    first = np.cumsum([0, *map(len, queries)])
    found = select(unit, np.concatenate(queries).astype(np.int32), first, keep, parts)
    rows = [code for query in queries for code in query]
    threshold = None
    for batch, (begin, end) in enumerate(zip(found.begin[:-1], found.begin[1:], strict=True)):
        threshold = None if batch in found.queries else threshold
        passed = reference(unit, rows[begin:end], int(found.keep[batch]), threshold)
        threshold = unit.next_threshold(passed.edge)
        assert found.positions[begin : begin + found.count[batch]].tolist() == passed.positions
        assert (found.buffered[batch], found.lost[batch]) == (passed.buffered, passed.lost)
        assert (found.walked[batch], found.deepest[batch]) == (passed.walked, passed.deepest)
        expected = np.zeros(end - begin, bool)
        expected[[place for place in passed.positions if place < end - begin]] = True
        if not unit.faults.short_offset:
            assert found.inside[begin:end].tolist() == expected.tolist()


@given(codes=CODES, keep=st.integers(1, 150), bins=st.sampled_from([2, 16, 256]))
@settings(deadline=None)
def test_as_meant_the_best_are_always_among_them(codes, keep, bins):
    found = select(FilterUnit(bins=bins, score_bits=BITS), np.array(codes), [0, len(codes)], keep)
    worst = sorted(codes, reverse=True)[min(keep, len(codes)) - 1]
    width = 2**BITS // bins
    edge = worst // width * width if keep <= len(codes) else 0
    assert found.inside.tolist() == [code >= edge for code in codes]


@given(codes=CODES, keep=st.integers(1, 150))
@settings(deadline=None)
def test_with_a_bin_a_code_and_filling_the_choice_is_exact(codes, keep):
    unit = FilterUnit(bins=2**BITS, score_bits=BITS, excess="fill")
    found = select(unit, np.array(codes), [0, len(codes)], keep)
    order = np.argsort(-np.array(codes), kind="stable")[:keep]  # ties to the earlier, as in serving
    assert np.flatnonzero(found.inside).tolist() == sorted(order.tolist())


@given(codes=CODES, keep=st.integers(1, 60), parts=st.integers(1, 6), excess=st.sampled_from(["first", "fill"]))
@settings(deadline=None)
def test_cut_to_k_there_are_k(codes, keep, parts, excess):
    unit = FilterUnit(score_bits=BITS, excess=excess)
    found = select(unit, np.array(codes), [0, len(codes)], keep, parts)
    assert found.per_query.tolist() == [min(keep, len(codes))]


@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5), keep=st.integers(1, 60), parts=st.integers(1, 7))
def test_sub_batches_cover_every_candidate_once_and_keep_k_in_all(sizes, keep, parts):
    first = np.cumsum([0, *sizes])
    queries, begin, kept = sub_batches(first, keep, parts)
    assert begin[queries].tolist() == first.tolist()
    for query, size in enumerate(sizes):
        mine = slice(queries[query], queries[query + 1])
        each = np.diff(begin)[mine]
        assert len(each) == min(parts, size)
        assert each.max() - each.min() <= 1
        assert kept[mine].sum() == min(keep, size)


def test_a_threshold_that_follows_buffers_less_and_holds_nothing_back_where_sub_batches_are_alike():
    codes = np.tile(stream(2, "codes").integers(0, 2**16, 500), 4).astype(np.int32)
    free, follows = FilterUnit(), FilterUnit(follow=0)
    every = select(free, codes, [0, 2000], 100, 4)
    some = select(follows, codes, [0, 2000], 100, 4)
    assert some.inside.tolist() == every.inside.tolist()
    assert some.buffered[0] == every.buffered[0] == 500
    assert some.buffered[1:].tolist() == some.count[1:].tolist()  # just what goes on


def test_the_published_rtl_is_no_filter():
    codes = stream(1, "codes").integers(0, 2**16, 2000).astype(np.int32)
    meant = FilterUnit()
    best = select(meant, codes, [0, 2000], 100)
    for name in Faults.__struct_fields__:
        wrong = select(replace(meant, faults=Faults(**{name: True})), codes, [0, 2000], 100)
        if name != "strict_edge":  # needs a score on the edge
            assert wrong.inside.tolist() != best.inside.tolist(), name
    assert select(replace(meant, faults=RTL), codes, [0, 2000], 100).count <= 1
    edge = FilterUnit(bins=2, score_bits=1, faults=Faults(strict_edge=True))
    assert select(edge, np.array([1, 1, 0]), [0, 3], 2).count == 0


@pytest.mark.parametrize("encoding", ["linear", "logit", "half"])
@given(scores=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=50), bits=st.integers(1, 16))
@settings(deadline=None)
def test_codes_never_fall_as_scores_rise(encoding, scores, bits):
    low, high = (-16, 16) if encoding == "logit" else (0, 1)
    codes = encode(np.array(scores, np.float32), bits, encoding, low, high)
    order = np.argsort(scores)
    assert np.all(np.diff(codes[order]) >= 0)
    assert codes.min() >= 0
    assert codes.max() < 2**bits


def test_codes_are_equal_steps():
    assert encode(np.array([0, 0.24, 0.25, 0.99, 1.0, 7.0, -3.0]), 2).tolist() == [0, 0, 1, 3, 3, 3, 0]
    logits = encode(1 / (1 + np.exp(-np.array([-3.9, -0.1, 0.1, 3.9]))), 3, "logit", -4, 4)
    assert logits.tolist() == [0, 3, 4, 7]
    half = encode(np.array([-math.pi, -0.0, 0.0, 1e-7, 0.3, 0.3001, 1e6]), 16, "half")
    assert np.all(np.diff(half) >= 0)
    assert half[1] == half[2] == 0x8000


def test_what_makes_no_sense_is_refused():
    unit, codes = FilterUnit(score_bits=4), np.array([1, 2, 3])
    for call in (
        lambda: select(unit, codes, [0, 2], 1),
        lambda: select(unit, codes, [0, 0, 3], 1),
        lambda: select(unit, np.array([16]), [0, 1], 1),
        lambda: select(unit, np.array([-1]), [0, 1], 1),
        lambda: select(unit, codes, [0, 3], 0),
        lambda: select(unit, codes, [0, 3], 1, 0),
        lambda: encode(np.array([math.nan]), 4),
        lambda: encode(np.array([0.5]), 25),
        lambda: encode(np.array([0.5]), 17, "half"),
        lambda: encode(np.array([0.5]), 4, "linear", 1, 1),
        lambda: FilterUnit(bins=12),
        lambda: FilterUnit(bins=32, score_bits=4),
        lambda: FilterUnit(bins=16, score_bits=4, faults=RTL),
    ):
        with pytest.raises(BadInputError):
            call()

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.accelerator import Chip
from tailrank.accelerator.memory import EmbeddingMemory, Tier, memory_of, two_stage
from tailrank.core import BadInputError, stream

SMALL = EmbeddingMemory(
    sram_bytes=4096,
    dram=Tier(latency_ns=100, gib_s=1, channels=2),
    ssd=Tier(latency_ns=5000, gib_s=0.1),
    sram_bytes_per_ns=16,
)


def drawn(queries=12, items=20, tables=2, rows=40, seed=0):
    rng = stream(seed, "queries")
    sizes = rng.integers(items // 2, items + 1, queries)
    first = np.cumsum([0, *sizes])
    ids = np.minimum(rng.zipf(1.3, (first[-1], tables)) - 1, rows - 1)
    buffered = rng.random(first[-1]) < 0.6
    chosen = buffered & (rng.random(first[-1]) < 0.5)
    return first, ids, chosen, buffered


def naive(memory, first, ids, chosen, buffered, front_ns, back_ns, filter_ns, parts, look_ahead):
    """One query after the other, one row after the other, with dictionaries."""
    half = (len(first) - 1) // 2
    entry = memory.entry_bytes(memory.back_bytes)
    per = memory.per_entry(memory.back_bytes)

    def key(item, table):
        return table, int(ids[item, table]) // per

    tables = ids.shape[1]
    order = list(dict.fromkeys(key(item, table) for item in range(len(ids)) for table in range(tables)))
    number = {each: place for place, each in enumerate(order)}
    uses = Counter(key(item, table) for item in range(first[half]) if chosen[item] for table in range(tables))
    ranked = sorted(order, key=lambda each: (-uses[each], number[each]))
    hot = set(ranked[: min(memory.back_cache_bytes // entry, len(uses))])
    on_ssd = set() if memory.dram_rows is None else set(ranked[memory.dram_rows // per :])
    totals, tally = [], Counter()
    for query in range(half, len(first) - 1):
        batches = np.array_split(np.arange(first[query], first[query + 1]), parts)
        room = memory.look_ahead_bytes // entry // (2 if parts > 1 else 1)
        free, clock, done = Counter(), 0.0, [0.0, 0.0]
        back_free = 0.0

        def fetch(each, issue, free=free):
            tier = memory.ssd if each in on_ssd else memory.dram
            lane = (each in on_ssd, number[each] % tier.channels)
            free[lane] = max(free[lane], issue) + tier.transfer_ns(entry)
            return free[lane] + tier.latency_ns

        for batch in batches:
            began, took = clock, front_ns * len(batch) / (first[query + 1] - first[query])
            clock += took
            ready = clock + filter_ns
            ahead, coming = {}, {}
            for place, item in enumerate(batch):
                if look_ahead == "none" or (look_ahead == "selected" and not chosen[item]):
                    continue
                if look_ahead == "buffered" and not buffered[item]:
                    continue
                score = began + (place + 1) / len(batch) * took
                issue = max({"selected": ready, "buffered": score, "all": 0.0}[look_ahead], done[-2])
                for table in range(tables):
                    each = key(item, table)
                    if each not in hot and each not in ahead and len(ahead) < room:
                        ahead[each] = fetch(each, issue)
            start = max(ready, back_free)
            gathered, read, used = start, 0, set()
            for item in batch:
                for each in (key(item, table) for table in range(tables)) if chosen[item] else ():
                    read += 1
                    if each in hot:
                        tally["static"] += 1
                        continue
                    if each in ahead:
                        used.add(each)
                        tally["in_time" if ahead[each] <= start else "late"] += 1
                    elif each in coming:
                        tally["late"] += 1
                    else:
                        coming[each] = fetch(each, start)
                        tally["demand"] += 1
                    gathered = max(gathered, ahead.get(each, 0), coming.get(each, 0))
            tally["read"] += read
            tally["prefetched"] += len(ahead)
            tally["wasted"] += len(ahead) - len(used)
            port = read * memory.back_bytes / memory.sram_bytes_per_ns
            done.append(max(gathered, start + port) if memory.overlapped else gathered + port)
            back_free = done[-1] + back_ns * int(chosen[batch].sum())
        totals.append(back_free)
    return totals, tally


@pytest.mark.parametrize("look_ahead", ["none", "selected", "buffered", "all"])
@pytest.mark.parametrize("lines", ["vector", "line", "packed"])
@given(
    seed=st.integers(0, 1000),
    parts=st.integers(1, 4),
    front_ns=st.sampled_from([0.0, 300.0, 5000.0]),
    back_ns=st.sampled_from([0.0, 70.0]),
    look_share=st.sampled_from([0.0, 0.1, 0.9]),
    dram_rows=st.sampled_from([None, 0, 10]),
    overlapped=st.booleans(),
)
@settings(deadline=None, max_examples=15)
def test_rows_one_after_the_other(lines, look_ahead, seed, parts, front_ns, back_ns, look_share, dram_rows, overlapped):
    first, ids, chosen, buffered = drawn(seed=seed)
    memory = replace(SMALL, lines=lines, line_bytes=256, look_ahead_share=look_share)
    memory = replace(memory, dram_rows=dram_rows, overlapped=overlapped)
    found = two_stage(
        memory,
        first,
        ids,
        chosen,
        front_ns=front_ns,
        back_ns=back_ns,
        filter_ns=20,
        parts=parts,
        look_ahead=look_ahead,
        buffered=buffered,
    )
    totals, tally = naive(memory, first, ids, chosen, buffered, front_ns, back_ns, 20, parts, look_ahead)
    assert found.per_query_ns == pytest.approx(totals)
    for name in ("static", "in_time", "late", "demand"):
        assert getattr(found, name) == pytest.approx(tally[name] / max(1, tally["read"])), name
    assert found.prefetched == pytest.approx(tally["prefetched"] / len(totals))
    assert found.wasted == pytest.approx(tally["wasted"] / max(1, tally["prefetched"]))


@given(
    seed=st.integers(0, 1000),
    parts=st.integers(1, 4),
    look_ahead=st.sampled_from(["none", "selected", "buffered", "all"]),
    gib_s=st.floats(0.05, 50),
    more=st.floats(1, 20),
)
@settings(deadline=None, max_examples=60)
def test_more_bandwidth_or_less_latency_is_never_slower(seed, parts, look_ahead, gib_s, more):
    first, ids, chosen, buffered = drawn(seed=seed)
    work = {"front_ns": 2000, "back_ns": 10, "parts": parts, "look_ahead": look_ahead, "buffered": buffered}
    slow = replace(SMALL, dram=Tier(latency_ns=100, gib_s=gib_s, channels=2))
    before = two_stage(slow, first, ids, chosen, **work)
    for dram in (replace(slow.dram, gib_s=gib_s * more), replace(slow.dram, latency_ns=100 / more)):
        after = two_stage(replace(slow, dram=dram), first, ids, chosen, **work)
        assert np.all(after.per_query_ns <= before.per_query_ns * (1 + 1e-12))
    assert before.static + before.in_time + before.late + before.demand == pytest.approx(1)


@given(seed=st.integers(0, 1000), parts=st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_fetching_what_is_selected_sooner_is_never_slower(seed, parts):
    first, ids, chosen, _ = drawn(seed=seed)
    work = {"front_ns": 2000, "back_ns": 10, "parts": parts}
    memory = replace(SMALL, sram_bytes=1 << 14)
    none, selected = (two_stage(memory, first, ids, chosen, look_ahead=each, **work) for each in ("none", "selected"))
    assert np.all(selected.per_query_ns <= none.per_query_ns * (1 + 1e-12))
    assert none.in_time == none.prefetched == 0


@given(seed=st.integers(0, 1000), size=st.integers(0, 6000), more=st.integers(0, 6000), front=st.floats(0, 1))
@settings(deadline=None, max_examples=40)
def test_more_sram_is_never_hit_less(seed, size, more, front):
    first, ids, chosen, _ = drawn(seed=seed)
    small = replace(SMALL, sram_bytes=size, look_ahead_share=0, front_share=front)
    few, many = (
        two_stage(replace(small, sram_bytes=each), first, ids, chosen, front_ns=0, back_ns=0)
        for each in (size, size + more)
    )
    assert many.front.sram >= few.front.sram
    assert many.static >= few.static
    assert many.back.amat_ns <= few.back.amat_ns


def test_a_long_front_end_hides_all_rows_that_are_asked_for_early():
    first, ids, chosen, buffered = drawn()
    memory = replace(SMALL, sram_bytes=1 << 16, look_ahead_share=0.9)
    found = two_stage(memory, first, ids, chosen, front_ns=1e7, back_ns=0, look_ahead="all", buffered=buffered)
    assert found.hidden == pytest.approx(1)
    assert found.waiting_ns == 0
    assert found.wasted > 0
    late = two_stage(memory, first, ids, chosen, front_ns=1e7, back_ns=0, look_ahead="selected")
    assert late.in_time == 0  # a single part is selected only when the back end could begin
    assert late.query_ns > found.query_ns


def test_reads_by_stage():
    first = np.array([0, 2, 4])
    ids = np.array([[0], [1], [0], [2]])
    chosen = np.array([True, False, True, False])
    memory = EmbeddingMemory(sram_bytes=64 + 128, look_ahead_share=0, front_share=1 / 3, dram_rows=2)
    found = two_stage(memory, first, ids, chosen, front_ns=0, back_ns=0)
    assert (found.front.rows, found.front.sram, found.front.ssd) == (2, 0.5, 0.5)  # row 2 was not seen before
    assert (found.back.rows, found.back.sram) == (1, 1)
    assert found.static == found.hidden == 1
    assert found.front.moved_bytes == 16
    assert found.back.amat_ns == 128 / 32
    assert found.front.amat_ns == pytest.approx(0.5 * 0.5 + 0.5 * (160_000 + 16 / (0.1 * 2**30 / 1e9)))


def test_sram_is_divided():
    memory = EmbeddingMemory(sram_bytes=1000, look_ahead_share=0.2, front_share=0.25)
    assert (memory.look_ahead_bytes, memory.front_cache_bytes, memory.back_cache_bytes) == (200, 200, 600)
    packed = replace(memory, lines="packed")
    assert (packed.entry_bytes(16), packed.per_entry(16), packed.per_entry(128)) == (128, 8, 1)


def test_the_chips_memory_is_the_default():
    assert memory_of(Chip()) == EmbeddingMemory()
    quarter = memory_of(Chip(), share=0.25)
    assert (quarter.dram.gib_s, quarter.sram_bytes_per_ns, quarter.sram_bytes) == (8, 8, 16 << 20)
    with pytest.raises(BadInputError, match="share"):
        memory_of(Chip(), share=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": [0, 5]},
        {"ids": [[-1]] * 4},
        {"ids": [[0.5]] * 4},
        {"chosen": [1, 0, 1, 0]},
        {"chosen": [True]},
        {"trained_on": 2},
        {"trained_on": 0},
        {"front_ns": -1.0},
        {"parts": 0},
        {"look_ahead": "some"},
        {"look_ahead": "buffered"},
        {"look_ahead": "buffered", "buffered": [False] * 4},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    given = {"first": [0, 2, 4], "ids": [[0], [1], [0], [1]], "chosen": [True] * 4, "front_ns": 1.0, "back_ns": 1.0}
    with pytest.raises(BadInputError):
        two_stage(SMALL, **(given | wrong))


def test_lines_hold_a_row():
    with pytest.raises(BadInputError, match="line_bytes"):
        EmbeddingMemory(lines="line", line_bytes=64)

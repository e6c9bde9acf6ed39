"""Both boards: a query finishes once, when its last piece does, or fails once; the reader hears of what goes on."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.engine.board import ThreadBoard
from tailrank.native import extension

BOARDS = [ThreadBoard, extension.core().Board] if extension.available() else [ThreadBoard]
boards = pytest.mark.parametrize("board_of", BOARDS, ids=lambda kind: kind.__module__)


def fresh(board_of, count):
    finish_ns = np.full(count, -1, dtype=np.int64)
    board = board_of(finish_ns)
    board.origin_ns = time.perf_counter_ns()
    return board, finish_ns


@boards
def test_the_last_piece_of_the_last_stage_finishes_a_query_after_its_pieces(board_of) -> None:
    board, finish_ns = fresh(board_of, 2)
    board.expect(0, 2)
    board.slice_done(0, 0, True)
    assert board.live(0)
    assert finish_ns.tolist() == [-1, -1]
    before_ns = time.perf_counter_ns() - board.origin_ns
    board.slice_done(0, 0, True)
    assert not board.live(0)
    assert before_ns <= finish_ns[0] <= time.perf_counter_ns() - board.origin_ns
    assert not board.idle
    assert board.fail(1, "cancelled")
    assert board.idle
    assert board.errors() == {1: "cancelled"}
    assert finish_ns[1] == -1


@boards
def test_a_query_that_is_over_stays_as_it_is(board_of) -> None:
    board, finish_ns = fresh(board_of, 2)
    board.expect(0, 1)
    board.slice_done(0, 0, True)
    assert not board.fail(0, "too late")
    board.expect(1, 1)
    assert board.fail(1, "first")
    assert not board.fail(1, "second")
    board.slice_done(1, 0, True)  # it was being worked on
    assert finish_ns[1] == -1
    assert board.errors() == {1: "first"}


@boards
def test_the_reader_gets_what_is_ready_for_the_next_stage_in_order_and_once(board_of) -> None:
    board, _ = fresh(board_of, 3)
    for query in (2, 0, 1):
        board.expect(query, 1)
        board.slice_done(query, 5, False)
    assert board.wait(0) == [(2, 5), (0, 5), (1, 5)]
    assert board.wait(0) == []
    assert not board.idle


@boards
def test_waiting_ends_when_the_last_query_is_over(board_of) -> None:
    board, _ = fresh(board_of, 1)
    board.expect(0, 1)
    later = threading.Timer(0.02, board.slice_done, (0, 0, True))
    later.start()
    assert board.wait(60_000_000_000) == []  # the test's own time limit is the shorter one
    assert board.idle
    later.join()
    assert board.wait(60_000_000_000) == []


@boards
def test_waiting_ends_when_a_query_is_ready(board_of) -> None:
    board, _ = fresh(board_of, 2)
    board.expect(1, 1)
    later = threading.Timer(0.02, board.slice_done, (1, 0, False))
    later.start()
    assert board.wait(60_000_000_000) == [(1, 0)]
    later.join()


@pytest.mark.skipif(len(BOARDS) == 1, reason="this install has no native extension")
@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["expect", "done", "ready", "fail"]), st.integers(0, 3)), max_size=40),
)
def test_the_two_agree_on_any_sequence_that_a_crew_could_report(steps: list[tuple[str, int]]) -> None:
    outcomes = []
    for board_of in BOARDS:
        board, finish_ns = fresh(board_of, 4)
        left, seen = [0] * 4, []
        for what, query in steps:
            if what == "expect" and left[query] == 0:
                left[query] = 2
                board.expect(query, 2)
            elif what in ("done", "ready") and left[query] > 0:
                left[query] -= 1
                board.slice_done(query, 0, what == "done")
            elif what == "fail":
                seen.append(board.fail(query, f"step {len(seen)}"))
            seen.append(board.live(query))
        outcomes.append((seen, (finish_ns >= 0).tolist(), board.errors(), board.idle, board.wait(0)))
    assert outcomes[0] == outcomes[1]


def test_a_native_board_knows_its_queries(native_core) -> None:
    board, _ = fresh(native_core.Board, 2)
    for call in (lambda: board.live(2), lambda: board.fail(-1, "x"), lambda: board.expect(9, 1)):
        with pytest.raises(IndexError, match="no such query"):
            call()

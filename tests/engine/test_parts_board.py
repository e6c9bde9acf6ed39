"""The board of stages that feed early: every part is told, and a query is over once."""

import threading
import time

import numpy as np

from tailrank.engine.parts_board import PartsBoard


def board_of(queries: int) -> tuple[PartsBoard, np.ndarray]:
    finish_ns = np.full(queries, -1, dtype=np.int64)
    board = PartsBoard(finish_ns)
    board.origin_ns = time.perf_counter_ns()
    return board, finish_ns


def test_every_part_is_told_in_its_order_and_nothing_is_merged() -> None:
    board, finish_ns = board_of(2)
    board.expect(0, 2)
    for part in ((0, 5), (1, 3), (0, 6)):
        board.slice_done(*part, True)
    assert board.wait(0) == [(0, 5), (1, 3), (0, 6)]
    assert board.wait(0) == []
    assert board.live(0)
    assert finish_ns.tolist() == [-1, -1]


def test_a_query_finishes_when_its_last_part_was_done_not_when_that_was_noticed() -> None:
    board, finish_ns = board_of(1)
    board.slice_done(0, 0, False)
    done_ns = time.perf_counter_ns() - board.origin_ns
    time.sleep(0.002)
    board.finish(0)
    assert 0 <= finish_ns[0] <= done_ns
    assert board.idle
    assert not board.fail(0, "too late")
    assert board.errors() == {}


def test_a_query_that_failed_stays_failed_with_its_first_reason() -> None:
    board, finish_ns = board_of(2)
    assert board.fail(0, "first")
    assert not board.fail(0, "second")
    board.slice_done(0, 0, False)
    board.finish(0)
    assert finish_ns[0] == -1
    assert not board.live(0)
    assert not board.idle
    assert board.errors() == {0: "first"}


def test_who_waits_is_woken_by_a_part_and_by_the_end() -> None:
    board, _ = board_of(1)
    for wake in (lambda: board.slice_done(0, 7, False), lambda: board.fail(0, "enough")):
        found: list[list[tuple[int, int]]] = []
        waiting = threading.Thread(target=lambda found=found: found.append(board.wait(60_000_000_000)))
        waiting.start()
        wake()
        waiting.join(30)
        assert not waiting.is_alive()
    assert found == [[]]
    assert board.wait(60_000_000_000) == []  # nobody is live: there is nothing to wait for

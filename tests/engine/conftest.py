"""Crews and boards to run the same tests over: what Python threads and the native pool must have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tailrank.native import Compiled, Program, extension
from tailrank.native.program import Dense, Score, View

NO_EXTENSION = pytest.mark.skipif(not extension.available(), reason="this install has no native extension")


@pytest.fixture(params=["threads", pytest.param("native", marks=NO_EXTENSION)])
def crew(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def native_core():
    if not extension.available():
        pytest.skip("this install has no native extension")
    return extension.core()


class TableScorer:
    """The score of a row is read off an array; natively a program that copies its only input."""

    def __init__(self, scores: Any) -> None:
        self.scores = np.asarray(scores, dtype=np.float32)
        self.rows, self.native = len(self.scores), None
        if extension.available():
            column = View(0, 0, 1)
            program = Program((("dense", 1),), (1,), (Dense(0, column), Score(column)))
            self.native = Compiled(program).bind((self.scores.reshape(-1, 1),))

    def prepare(self) -> None:
        pass

    def score(self, first: int, stop: int) -> Any:
        return self.scores[first:stop]

    def score_rows(self, rows: Any) -> Any:
        return self.scores[rows]


@pytest.fixture(scope="session")
def table_scorer() -> Callable[[Any], TableScorer]:
    """Make a scorer whose scores are known."""
    return TableScorer


def _offline(
    tables: Sequence[Any], keeps: Sequence[int | None], start: int, size: int
) -> tuple[list[int], list[float]]:
    """Sort and slice: the candidates that survive every stage, best first, and their scores in the last."""
    alive = list(range(size))
    for table, most in zip(tables, keeps, strict=True):
        alive = sorted(alive, key=lambda place: (-float(table[start + place]), place))[:most]
    return alive, [float(tables[-1][start + place]) for place in alive]


@pytest.fixture(scope="session")
def offline() -> Callable[..., tuple[list[int], list[float]]]:
    """Compute a funnel from score arrays, in plain Python."""
    return _offline

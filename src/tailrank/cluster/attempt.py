"""One cell, attempted: what came back and how long it took. The same in every process and on every node."""

import pickle
import time
import traceback
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Outcome", "attempt", "attempt_afar", "brief"]

C = TypeVar("C")
R = TypeVar("R")
LONGEST = 100  # characters of a cell in messages


class Outcome(NamedTuple, Generic[R]):
    """What a cell came to: its `result` and the seconds it took, or the `error` it raised (then no result)."""

    result: R | None
    seconds: float
    error: Exception | None = None


def attempt(function: Callable[[C], R], cell: C) -> Outcome[R]:
    """Run `function` on `cell`; an error is an outcome too. Interrupts are not: they go on up."""
    began = time.perf_counter()
    try:
        result = function(cell)
    except Exception as error:
        return Outcome(None, time.perf_counter() - began, error)
    return Outcome(result, time.perf_counter() - began)


def attempt_afar(function: Callable[[C], R], cell: C) -> Outcome[R]:
    """Run `function` on `cell` in another process than the one that will read the outcome."""
    outcome = attempt(function, cell)
    return outcome if outcome.error is None else outcome._replace(error=_portable(outcome.error))


def _portable(error: Exception) -> Exception:
    """Return an error that survives pickling, with the traceback as a note: frames do not travel."""
    story = "".join(traceback.format_exception(error)).rstrip()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # a constructor with arguments of its own, say: it would break the whole pool of processes
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"where it happened:\n{story}")
    return error


def brief(cell: object) -> str:
    """Return a cell in few words, for messages: its `label` where it has one, else the beginning of its `repr`."""
    named = getattr(cell, "label", None)
    text = named if isinstance(named, str) else repr(cell)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."

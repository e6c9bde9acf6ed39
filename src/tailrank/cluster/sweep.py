"""A sweep: one function over many cells, with everything that is the same for every sweep.

Not aware of what a cell is. Where the cells run is a backend: a generator that takes numbered cells and yields
each outcome as it comes; closing it stops whatever still runs.
"""

import pickle
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar, cast

from tailrank.cluster.attempt import Outcome, attempt, brief
from tailrank.cluster.processes import on_processes
from tailrank.cluster.store import Store
from tailrank.core import BadInputError, TailrankError, usable_cores

__all__ = ["Progress", "sweep"]

C = TypeVar("C")
R = TypeVar("R")
Progress = Callable[[int, int, str], None]  # cells finished, cells in all, the cell that finished last ("" for none)


def sweep(
    function: Callable[[C], R],
    cells: Sequence[C],
    *,
    workers: int | None = None,
    ray: str | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
    label: Callable[[C], str] | None = None,
) -> list[R]:
    """Return `[function(cell) for cell in cells]`, computed by `workers` processes, or by Ray.

    `function` is a module's own, or a `functools.partial` of one; it and the cells are pickled. It must depend on
    its arguments alone (its seed is among them): then the answer depends neither on `workers` nor on who ran what.
    `workers` are by default as many as there are cores for this process; 1 runs everything here. `ray` is the
    address of a cluster ("auto": the one this host belongs to), or "local" to start one here of `workers` cores.

    With a folder `out` each finished cell is kept in a file of its own, and a later sweep takes from there what the
    same function with the same sources has finished for the same cell (see `Store`). Results then are what was read
    back from JSON, as the return annotation of `function` says, whether they are new or old.

    The first error ends the sweep: it names its cell by `label` (by default the cell's own `label`, or the beginning
    of its `repr`). Finished cells stay finished, as they do after an interrupt; running ones are stopped. Raises
    `SetupError` where Ray is asked for and missing, or where a process dies.
    """
    pickle.dumps(function)  # fails here, in words that name the function, rather than in a process far away
    if workers is not None and workers < 1:
        raise BadInputError(f"a sweep needs at least one worker, not {workers}", hint="leave it out to use every core")
    store: Store[C, R] | None = Store(out, function) if out is not None else None
    found: dict[int, R] = {}
    for number, cell in enumerate(cells):
        kept = store.read(cell) if store is not None else None
        if kept is not None:
            found[number] = kept.result
    if progress is not None:
        progress(len(found), len(cells), "")
    todo = {number: cell for number, cell in enumerate(cells) if number not in found}
    name = label if label is not None else brief
    with closing(_outcomes(function, todo, workers, ray)) as outcomes:
        for number, outcome in outcomes:
            cell = cells[number]
            if outcome.error is not None:
                raise _named(outcome.error, name(cell))
            found[number] = cast(R, outcome.result) if store is None else store.write(cell, outcome)
            if progress is not None:
                progress(len(found), len(cells), name(cell))
    return [found[number] for number in range(len(cells))]


def _outcomes(
    function: Callable[[C], R], todo: dict[int, C], workers: int | None, ray: str | None
) -> Generator[tuple[int, Outcome[R]]]:
    """Choose the backend; one cell or one worker needs no process."""
    if ray is not None:
        from tailrank.cluster.on_ray import on_ray

        return on_ray(function, todo, address=ray, workers=workers) if todo else _here(function, todo)
    wanted = min(workers if workers is not None else usable_cores(), len(todo))
    return on_processes(function, todo, wanted) if wanted > 1 else _here(function, todo)


def _here(function: Callable[[C], R], todo: dict[int, C]) -> Generator[tuple[int, Outcome[R]]]:
    for number, cell in todo.items():
        yield number, attempt(function, cell)


def _named(error: Exception, cell: str) -> Exception:
    """Return `error`, naming its cell: in the message of an error for users, in a note of any other."""
    if isinstance(error, TailrankError):
        error.message = f"{cell}: {error.message}"
    else:
        error.add_note(f"in the cell {cell}")
    return error

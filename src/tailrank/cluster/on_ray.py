"""A Ray cluster: the same cells, on as many cores as it has. Ray is imported here, when somebody asks for it."""

import importlib
import logging
import os
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from tailrank.cluster.attempt import Outcome, attempt_afar
from tailrank.cluster.store import sources
from tailrank.core import SetupError

__all__ = ["on_ray"]

C = TypeVar("C")
R = TypeVar("R")
QUIETLY: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}


def on_ray(
    function: Callable[[C], R], cells: Mapping[int, C], *, address: str, workers: int | None
) -> Generator[tuple[int, Outcome[R]]]:
    """Yield the outcome of each numbered cell as it comes; closing the generator cancels what still runs.

    `address` is what `ray.init` takes; "local" starts Ray here with `workers` cores (by default all). A connection
    that exists already is used and left open. A task takes one core, for which Ray itself sets one thread.
    Raises `SetupError` where Ray is not installed or not found, a worker is lost, or a node has other sources.
    """
    ray = _installed()
    joined = not ray.is_initialized()
    if joined:
        _join(ray, address, workers)
    pending: dict[Any, int] = {}
    try:
        task, function_there, same = ray.remote(num_cpus=1)(_far), ray.put(function), sources()
        pending = {task.remote(function_there, cell, same): number for number, cell in cells.items()}
        while pending:
            finished, _ = ray.wait(list(pending), num_returns=1)
            for each in finished:
                number = pending.pop(each)
                yield number, _taken(ray, each)
    finally:
        for each in pending:
            ray.cancel(each, force=True)
        if joined:
            ray.shutdown()


def _far(function: Callable[[C], R], cell: C, same: str) -> Outcome[R]:
    """Attempt a cell on a node, if that node would compute what this host does."""
    if sources() != same:
        error = SetupError(
            "a node of the Ray cluster has another version of Tailrank or of what it computes with",
            hint="install the same version on every node; mixed results would not be those of one program",
        )
        return Outcome(None, 0.0, error)
    return attempt_afar(function, cell)


def _taken(ray: Any, reference: Any) -> Outcome[Any]:
    try:
        outcome: Outcome[Any] = ray.get(reference)
    except ray.exceptions.RayError as error:  # the function is not there, the node is gone, memory ran out
        return Outcome(None, 0.0, _lost(error))
    return outcome


def _lost(error: Exception) -> SetupError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return SetupError(
        f"Ray did not finish it: {lines[-1]}",
        hint="every node must be able to import what is swept; `ray status` shows the nodes; finished cells are kept",
    )


def _installed() -> Any:
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise SetupError("Ray is not installed", hint="pip install 'ray>=2.40', or '.[ray]' in a checkout") from None


def _join(ray: Any, address: str, workers: int | None) -> None:
    """Start Ray here or connect to a cluster; a cluster that is not there is the user's to mend."""
    if address == "local":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report home; a cluster's owner decides that
        ray.init(address="local", num_cpus=workers, include_dashboard=False, **QUIETLY)
        return
    try:
        ray.init(address=address, **QUIETLY)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SetupError(
            f"no Ray cluster at `{address}`: {reason}",
            hint="start one with `ray start --head`, or give `local` to start Ray on this host",
        ) from error

"""How every verb that sweeps says where its cells run, and shows how far they are."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tailrank.cli.arguments import positive_int
from tailrank.cli.progress import Progress
from tailrank.cluster import sweep

__all__ = ["add_sweep", "swept"]

C = TypeVar("C")
R = TypeVar("R")


def add_sweep(parser: argparse.ArgumentParser) -> None:
    """Add `--workers-local`, `--ray` and `--resume`, which mean the same for every verb that sweeps."""
    group = parser.add_argument_group("where it runs")
    group.add_argument(
        "--workers-local",
        type=positive_int,
        metavar="N",
        help="processes on this host, or cores of `--ray local` (default: every core this process may use)",
    )
    group.add_argument(
        "--ray",
        nargs="?",
        const="auto",
        metavar="ADDRESS",
        help="run on a Ray cluster: the one this host belongs to, or that at ADDRESS; `local` starts Ray on this host",
    )
    group.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="keep every finished cell in DIR, and take from there what an interrupted sweep has finished",
    )


def swept(
    function: Callable[[C], R],
    cells: Sequence[C],
    arguments: argparse.Namespace,
    progress: Progress,
    *,
    title: str,
    label: Callable[[C], str] | None = None,
) -> list[R]:
    """Return the result of every cell in their order, run where the flags of `add_sweep` say.

    Progress is "title: 12 of 144, the last cell". Errors are those of `tailrank.cluster.sweep`.
    """

    def told(finished: int, total: int, last: str) -> None:
        if finished and not last:
            progress.note(f"{title}: {finished} of {total} taken from {arguments.resume}")
        progress.update(f"{title}: {finished} of {total}{f', {last}' if last else ''}")

    progress.step(title)
    return sweep(
        function,
        cells,
        workers=arguments.workers_local,
        ray=arguments.ray,
        out=arguments.resume,
        progress=told,
        label=label,
    )

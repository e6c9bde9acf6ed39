"""The simulator's kernels, compiled before they are needed; a run that compiles them says so."""

from tailrank.cli.progress import Progress
from tailrank.simulator import kernels_ready, warm

__all__ = ["prepare_kernels"]


def prepare_kernels(progress: Progress, *, dynamic: bool = False, early: bool = False) -> None:
    """Load the kernels; where they are not on disk yet, say that they are compiled, once on this machine.

    `dynamic`: those of plans that decide by the state of their pools, too; `early`: of those whose stages feed early.
    """
    if not kernels_ready(dynamic=dynamic, early=early):
        progress.note("compiling the simulator's kernels, once on this machine (some seconds)")
    warm(dynamic=dynamic, early=early)

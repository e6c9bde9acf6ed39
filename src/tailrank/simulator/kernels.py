"""Whether the compiled kernels are at hand, so that a verb can say why the first run takes a while."""

__all__ = ["kernels_ready", "warm"]


def kernels_ready() -> bool:
    """Return whether the kernels of this version, for this machine, are loaded or cached on disk."""
    from tailrank.simulator import compiled

    return all(kernel.signatures or _cached(kernel) for kernel in compiled.KERNELS)


def _cached(kernel: object) -> bool:
    """Ask numba's own index, which knows source, version and processor; it has no public door for this."""
    cache = getattr(kernel, "_cache", None)
    index_file = getattr(cache, "_cache_file", None)
    load_index = getattr(index_file, "_load_index", None)
    return bool(load_index and load_index())


def warm() -> None:
    """Compile the kernels, or load them from disk (a fraction of a second), by serving one query both ways."""
    import numpy as np

    from tailrank.core import Plan, Pool, Stage, Trace
    from tailrank.simulator.simulator import Simulator
    from tailrank.timing import ConstantTime

    trace = Trace(np.zeros(1, np.int64), np.ones(1, np.int64))
    simulator = Simulator({("any", "cpu"): ConstantTime(1.0)})
    for depth in (1, 2):
        stages = (Stage(model="any", batch_size=1),) * depth
        simulator.serve(trace, Plan(stages=stages, pools={"cpu": Pool(workers=1)}))

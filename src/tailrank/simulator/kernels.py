"""Whether the compiled kernels are at hand, so that a verb can say why the first run takes a while."""

__all__ = ["kernels_ready", "warm"]


def kernels_ready(*, dynamic: bool = False, early: bool = False) -> bool:
    """Return whether the kernels of this version, for this machine, are loaded or cached on disk.

    `dynamic`: those too that serve plans which decide by the state of their pools; `early`: whose stages feed early.
    """
    from tailrank.simulator import compiled

    kernels = compiled.KERNELS
    kernels += compiled.DYNAMIC_KERNELS if dynamic else ()
    kernels += compiled.EARLY_KERNELS if early else ()
    return all(kernel.signatures or _cached(kernel) for kernel in kernels)


def _cached(kernel: object) -> bool:
    """Ask numba's own index, which knows source, version and processor; it has no public door for this."""
    cache = getattr(kernel, "_cache", None)
    index_file = getattr(cache, "_cache_file", None)
    load_index = getattr(index_file, "_load_index", None)
    return bool(load_index and load_index())


def warm(*, dynamic: bool = False, early: bool = False) -> None:
    """Compile the kernels, or load them from disk (a fraction of a second), by serving one query every way."""
    import numpy as np

    from tailrank.core import Plan, Pool, Stage, Trace
    from tailrank.simulator.simulator import Simulator
    from tailrank.timing import ConstantTime, Overheads

    trace = Trace(np.zeros(1, np.int64), np.ones(1, np.int64))
    simulator = Simulator({("any", "cpu"): ConstantTime(1.0)})
    relaying = Simulator(simulator.services, overheads=Overheads(relayed=True))
    for depth, system in ((1, simulator), (2, simulator), (2, relaying)):
        stages = (Stage(model="any", batch_size=1),) * depth
        system.serve(trace, Plan(stages=stages, pools={"cpu": Pool(workers=1)}))
    if dynamic:
        adapting = Stage(model="any", batch_size=1, adapt=True)
        simulator.serve(trace, Plan(stages=(adapting,), pools={"cpu": Pool(workers=1)}))
    if early:
        stages = Stage(model="any", batch_size=1, feed="share"), Stage(model="any", batch_size=1)
        simulator.serve(trace, Plan(stages=stages, pools={"cpu": Pool(workers=1)}))

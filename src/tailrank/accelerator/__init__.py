"""RPAccel, the accelerator of RecPipe, as a model of cycles, energy and area. No torch."""

from tailrank.accelerator.array import Array, ArrayRun, Convention, Dataflow, Layer, chain, run, run_all

__all__ = ["Array", "ArrayRun", "Convention", "Dataflow", "Layer", "chain", "run", "run_all"]

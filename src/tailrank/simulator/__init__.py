"""The virtual clock: the readable reference kernel, and the compiled one that gives the same nanoseconds.

Not aware of what a batch computes, where a service time comes from, or which SLA target anyone has.
"""

from tailrank.simulator.kernels import kernels_ready, warm
from tailrank.simulator.placement import Placement, random_placement
from tailrank.simulator.replay import replay
from tailrank.simulator.simulator import Kernel, Simulator, saturated

__all__ = ["Kernel", "Placement", "Simulator", "kernels_ready", "random_placement", "replay", "saturated", "warm"]

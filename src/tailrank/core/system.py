"""The seam: anything that can serve a trace under a plan."""

from typing import Protocol

from tailrank.core.plan import Plan
from tailrank.core.records import Records
from tailrank.core.trace import Trace

__all__ = ["System"]


class System(Protocol):
    """Engine, simulator, a cluster, a remote server, a fake in a test: the tuner cannot tell them apart."""

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve every query of `trace` under `plan` and say what happened."""
        ...

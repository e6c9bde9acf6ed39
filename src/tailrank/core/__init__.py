"""The small vocabulary that everything imports and that imports nothing of Tailrank."""

from tailrank.core.config import Config
from tailrank.core.cores import usable_cores
from tailrank.core.errors import BadInputError, InfeasibleError, SetupError, TailrankError
from tailrank.core.plan import Plan, Pool, Stage, single
from tailrank.core.query import Query, Slice
from tailrank.core.records import Records, SliceRecords
from tailrank.core.registry import Registry
from tailrank.core.seeds import stream
from tailrank.core.system import System
from tailrank.core.trace import Trace

__all__ = [
    "BadInputError",
    "Config",
    "InfeasibleError",
    "Plan",
    "Pool",
    "Query",
    "Records",
    "Registry",
    "SetupError",
    "Slice",
    "SliceRecords",
    "Stage",
    "System",
    "TailrankError",
    "Trace",
    "single",
    "stream",
    "usable_cores",
]

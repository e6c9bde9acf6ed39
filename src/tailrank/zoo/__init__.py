"""What each network is and what it costs per candidate, without torch."""

from tailrank.zoo.network import OPERATORS, Chain, Network, Operator, TableConfig, scale
from tailrank.zoo.registry import get, names

__all__ = ["OPERATORS", "Chain", "Network", "Operator", "TableConfig", "get", "names", "scale"]

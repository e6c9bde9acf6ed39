"""A device beside a host's CPU that is no GPU of the catalogue: what a host has to know of it (docs/decisions/0013)."""

from collections.abc import Callable, Mapping
from typing import Protocol

from tailrank.timing.service import ServiceTime
from tailrank.zoo import Network

__all__ = ["Attach", "Attached"]


class Attached(Protocol):
    """One device with `workers` batches in flight; it has its own model of service times.

    `name` is that of its pool, and what the pool's `device` is called. Power in watts, idle and with all workers busy.
    """

    @property
    def name(self) -> str:
        """Name of the pool, and of the device in it."""
        ...

    @property
    def workers(self) -> int:
        """Batches in flight."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Memory for tables and weights."""
        ...

    @property
    def idle_w(self) -> float:
        """Power with nothing to do."""
        ...

    @property
    def tdp_w(self) -> float:
        """Power with everything busy."""
        ...

    def service(self, network: Network) -> ServiceTime:
        """Return how long batches of `network` take on one worker."""
        ...


Attach = Mapping[str, Callable[[str], Attached]]
"""By the name that begins its part of a host's text: how the rest of the part, after a colon, becomes a device."""

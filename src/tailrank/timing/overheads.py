"""What serving costs beside the batches: timer, dispatcher, wake-up, hand-off, merge."""

from typing import Annotated

from msgspec import Meta

from tailrank.core.config import Config

__all__ = ["NO_OVERHEADS", "Overheads"]

Nanoseconds = Annotated[int, Meta(ge=0)]


class Overheads(Config, frozen=True, kw_only=True):
    """Fixed costs of an engine on one host, in nanoseconds; all zero is the ideal machine of theory.

    The dispatcher is one server. A query due at t is taken up at `max(t + timer_ns, dispatcher free)`; it
    spends `query_ns` on the query, then `slice_ns` on each slice, and a slice is queued when its turn is done.
    A queued slice starts at `max(queued + wakeup_ns, worker free + handoff_ns)`; a query ends `merge_ns`
    after its last slice.

    A slice that starts later than `worker free + handoff_ns` found its worker idle and takes `cold_ns` longer: the
    caches, and a virtual core that was descheduled, have gone cold.

    The dispatcher needs a core, too. Where at least `cores` workers of a pool are busy when a slice starts, itself
    included (`cores` 0: never), each query of the trace that arrives while the slice is worked on interrupts one of
    `cores` workers in turn: query j interrupts the s-th slice its pool has served if j + s is divisible by `cores`,
    which then takes `interrupt_ns` longer. That is more than `query_ns`: the worker finds its caches changed.
    """

    timer_ns: Nanoseconds = 0
    query_ns: Nanoseconds = 0
    slice_ns: Nanoseconds = 0
    wakeup_ns: Nanoseconds = 0
    handoff_ns: Nanoseconds = 0
    merge_ns: Nanoseconds = 0
    cold_ns: Nanoseconds = 0
    interrupt_ns: Nanoseconds = 0
    cores: Annotated[int, Meta(ge=0)] = 0


NO_OVERHEADS = Overheads()

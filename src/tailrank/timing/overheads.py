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

    Choosing the best of n candidates between two stages, and queueing the next, takes `keep_ns + n keep_item_ps / 1000`
    (`keeping_ns`). Where queries are `relayed`, the worker that finished the last slice of the stage does it: it stays
    busy so much longer, and all slices of the next stage are queued when it is done, without the dispatcher. Else the
    dispatcher does, on top of `query_ns`. Plans that decide by the state of the pools or feed early have another
    dispatcher, which is not charged for keeping.
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
    keep_ns: Nanoseconds = 0
    keep_item_ps: Nanoseconds = 0
    relayed: bool = False

    def keeping_ns(self, items: int) -> int:
        """Return how long it takes to choose among `items` candidates and to queue the next stage."""
        return self.keep_ns + items * self.keep_item_ps // 1000


NO_OVERHEADS = Overheads()

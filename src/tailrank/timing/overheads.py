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
    after its last slice. When the dispatcher works it needs a core: a slice that starts while at least
    `cores` workers of its pool are busy (itself included; 0: never) takes `query_ns // slices + slice_ns`
    longer, `slices` being those of its query in this stage.
    """

    timer_ns: Nanoseconds = 0
    query_ns: Nanoseconds = 0
    slice_ns: Nanoseconds = 0
    wakeup_ns: Nanoseconds = 0
    handoff_ns: Nanoseconds = 0
    merge_ns: Nanoseconds = 0
    cores: Annotated[int, Meta(ge=0)] = 0


NO_OVERHEADS = Overheads()

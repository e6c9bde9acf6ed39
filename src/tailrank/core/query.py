"""The vocabulary of one query: what arrives and the pieces it is scored in."""

from typing import NamedTuple

__all__ = ["Query", "Slice"]


class Query(NamedTuple):
    """One user asking for `size` candidates to be scored, due at `arrival_ns` after the trace begins."""

    number: int
    arrival_ns: int
    size: int


class Slice(NamedTuple):
    """Candidates `start` (inclusive) to `stop` (exclusive) of query `query` in stage `stage`, for pool `pool`."""

    query: int
    stage: int
    start: int
    stop: int
    pool: str

    @property
    def size(self) -> int:
        """Count of candidates."""
        return self.stop - self.start

"""Merge: a query's stage is done when its last slice is, in whatever order they finish."""

__all__ = ["Merge"]


class Merge:
    """Counts the slices of each query still out. Not aware of threads: one caller at a time."""

    def __init__(self) -> None:
        self._left: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._left)

    def expect(self, query: int, slices: int) -> None:
        """Say that `query` is out in `slices` pieces."""
        self._left[query] = slices

    def finish(self, query: int) -> bool:
        """Take one piece of `query` back; True when it was the last. An unknown or dropped query is never last."""
        left = self._left.get(query, 0) - 1
        if left > 0:
            self._left[query] = left
            return False
        return self._left.pop(query, None) is not None

    def drop(self, query: int) -> bool:
        """Forget `query` (it failed); True the first time."""
        return self._left.pop(query, None) is not None

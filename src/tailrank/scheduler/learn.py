"""Learn: the expected time of a batch from those seen, for an engine that was given no profile."""

__all__ = ["LearnedTime"]

MEMORY = 256.0  # batches after which an old one counts a third (1/e)


class LearnedTime:
    """A straight line through the batches seen, recent ones counting more; nothing seen: 0, so it will be tried."""

    def __init__(self) -> None:
        self._weight = self._items = self._took = self._items_items = self._items_took = 0.0

    def observe(self, items: int, took_ns: int) -> None:
        """Take a batch of `items` candidates that took `took_ns` into account."""
        keep = 1 - 1 / MEMORY
        self._weight = self._weight * keep + 1
        self._items = self._items * keep + items
        self._took = self._took * keep + took_ns
        self._items_items = self._items_items * keep + items * items
        self._items_took = self._items_took * keep + items * took_ns

    def mean_ns(self, items: int) -> int:
        """Return the expected time of a batch of `items`, at least 1 ns once something was seen."""
        if self._weight == 0:
            return 0
        middle, level = self._items / self._weight, self._took / self._weight
        spread = self._items_items / self._weight - middle**2
        together = self._items_took / self._weight - middle * level
        slope = together / spread if spread > 1e-9 * max(1.0, middle**2) else level / middle
        return max(1, round(level + min(max(slope, 0.0), level / middle) * (items - middle)))

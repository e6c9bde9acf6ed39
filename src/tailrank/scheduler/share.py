"""Share: how many candidates each slice of a stage passes on by itself."""

from collections.abc import Sequence

__all__ = ["share"]


def share(keep: int, sizes: Sequence[int]) -> list[int]:
    """Return how many of the `keep` best each slice contributes: in proportion to its size, never more than it has.

    `keep * size / sum(sizes)` by largest remainders, ties to the earlier slice, so that they add up to exactly `keep`,
    or to all candidates where there are fewer (RecPipe: n sub-batches contribute k/n items each).
    """
    total = sum(sizes)
    if keep >= total:
        return list(sizes)
    shares = [keep * size // total for size in sizes]
    remainders = sorted(range(len(sizes)), key=lambda part: (-(keep * sizes[part] % total), part))
    for part in remainders[: keep - sum(shares)]:
        shares[part] += 1
    return shares

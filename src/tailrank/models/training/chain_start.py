"""Where a chain over two vectors begins: as a rough product of them, from which it may go anywhere.

A chain of random weights has to find out first that users and items are to be compared, which takes longer than there
is. With x a user's number and y an item's, |x + y| - |x - y| = 2 sign(xy) min(|x|, |y|) rises with both like their
product, and four rectified units give it. The layers after that pass sums on, each as a pair of its positive and its
negative part.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tailrank.core import stream

__all__ = ["rough_products"]

F32 = NDArray[np.float32]
_NOISE = 0.3  # of the usual random weights, so that units which are set alike do not stay alike
_GAIN = 0.5


def rough_products(widths: tuple[int, ...], seed: int) -> list[F32]:
    """Return the weights (outputs, inputs) of each layer of a chain over (user, item), `widths[0] / 2` numbers each.

    Noise apart, the chain gives `_GAIN` times the sum over k of |x_k + y_k| - |x_k - y_k|, over as many k as the
    narrowest place for them has room for. Chains of under three layers, or too narrow, are noise only.
    """
    layers = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        noise = stream(seed, "weight", "chain", number).standard_normal((outputs, inputs), dtype=np.float32)
        last = number == len(widths) - 2
        layers.append(noise * np.float32((0.1 if last else _NOISE) * (2 / inputs) ** 0.5))
    count = min(widths[0] // 2, widths[1] // 4, widths[2] // 2) if len(widths) > 3 else 0
    if count == 0:
        return layers
    half = widths[0] // 2
    for k in range(count):
        for unit, (x, y) in enumerate(((1, 1), (-1, -1), (1, -1), (-1, 1))):
            layers[0][4 * k + unit, k] += x
            layers[0][4 * k + unit, half + k] += y
        for sign in (0, 1):
            layers[1][2 * k + sign, 4 * k : 4 * k + 4] += np.array([1, 1, -1, -1], np.float32) * (1 - 2 * sign)
    pairs = count
    for weight in layers[2:-1]:
        room = max(1, min(pairs, len(weight) // 2))
        for k in range(pairs):
            for sign in (0, 1):
                weight[2 * (k % room) + sign, 2 * k : 2 * k + 2] += np.array([1, -1], np.float32) * (1 - 2 * sign)
        pairs = room
    layers[-1][0, : 2 * pairs] += np.tile(np.array([_GAIN, -_GAIN], np.float32), pairs)
    return layers

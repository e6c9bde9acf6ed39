"""One independent random stream per dimension, by name: same seed, same bits."""

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random stream called `names` under `seed`.

    Streams with different names are independent, so drawing more query sizes never moves an arrival.
    The name is hashed, not counted, so adding a stream leaves the others as they were.
    """
    label = "/".join(str(name) for name in names)
    digest = hashlib.blake2b(label.encode(), digest_size=16).digest()
    words = np.frombuffer(digest, dtype=np.uint32).tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))

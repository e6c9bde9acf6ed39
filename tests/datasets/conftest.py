import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tailrank.datasets.source import Source

Rating = tuple[int, int, float, int]  # user, item, stars, time


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets, or a skip."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("TAILRANK_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set TAILRANK_DATA to its folder")
    return folder


@pytest.fixture
def source() -> Callable[..., Source]:
    """Make a question to a loader about files in a folder."""

    def make(name: str, root: Path | None, seed: int = 0, **changes: object) -> Source:
        fields = {"max_queries": None, "max_damaged": 0.01, "progress": lambda _: None, **changes}
        return Source(name, root, seed, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def write_ratings() -> Callable[[Path, str, Sequence[Rating]], Path]:
    """Write ratings in the layout that a file's name stands for."""

    def write(folder: Path, name: str, ratings: Sequence[Rating]) -> Path:
        path = folder / name
        if name.endswith(".parquet"):
            pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
            columns = dict(
                zip(("user", "item", "rating", "timestamp"), map(list, zip(*ratings, strict=True)), strict=True)
            )
            parquet.write_table(pa.table(columns), path)
            return path
        separator = {"u.data": "\t", "ratings.dat": "::", "ratings.csv": ","}[name.removesuffix(".gz")]
        lines = [
            separator.join(f"{value:g}" if isinstance(value, float) else str(value) for value in r) for r in ratings
        ]
        if ".csv" in name:
            lines.insert(0, "userId,movieId,rating,timestamp")
        text = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return write


@pytest.fixture
def some_ratings() -> list[Rating]:
    """Thirty users with 3 to 20 ratings of 40 items, in no order, times of a user all different."""
    rng = np.random.default_rng(5)
    ratings: list[Rating] = []
    for user in range(30):
        count = int(rng.integers(3, 21))
        items, times = rng.permutation(40)[:count], rng.permutation(1000)[:count]
        ratings += [
            (user * 3 + 1, int(item) * 7 + 2, float(rng.integers(1, 6)), int(time))
            for item, time in zip(items, times, strict=True)
        ]
    return [ratings[place] for place in rng.permutation(len(ratings))]


@pytest.fixture
def click_line() -> Callable[[np.random.Generator], str]:
    """Make one row of a Criteo file, fields missing here and there."""

    def line(rng: np.random.Generator, *, label: int | None = None, separator: str = "\t") -> str:
        counts = ["" if rng.random() < 0.2 else str(rng.integers(-3, 5000)) for _ in range(13)]
        ids = ["" if rng.random() < 0.1 else f"{rng.integers(1, 40) * 2654435761 % 2**32:08x}" for _ in range(26)]
        clicked = int(rng.random() < 0.3) if label is None else label
        return separator.join([str(clicked), *counts, *ids])

    return line

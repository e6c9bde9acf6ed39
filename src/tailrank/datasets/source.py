"""What a loader is asked for, and the files it finds there."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from tailrank.core import BadInputError

__all__ = ["Progress", "Source", "opened"]

Progress = Callable[[str], None]
"""Told what a loader does, once in a while."""


@dataclass(frozen=True)
class Source:
    """The question to a loader: data set `name` in folder or file `root`, and what holds for all of them.

    At most `max_queries` are built (None: all, or as many as the loader's own limit); up to a share `max_damaged` of
    rows may be damaged.
    """

    name: str
    root: Path | None
    seed: int
    max_queries: int | None
    max_damaged: float
    progress: Progress

    def find(self, *names: str) -> Path:
        """Return the file `root`, or the first of `names` in the folder `root`.

        Raises `BadInputError` naming what was looked for if there is none.
        """
        if self.root is None:
            raise BadInputError(f"data set `{self.name}` needs its files", hint="name their folder as root")
        if self.root.is_file():
            return self.root
        if not self.root.is_dir():
            raise BadInputError(f"{self.root}: no such file or folder", hint=f"name the folder of `{self.name}`")
        for name in names:
            if (self.root / name).is_file():
                return self.root / name
        raise BadInputError(
            f"{self.root}: no files of `{self.name}`; looked for {', '.join(names)}",
            hint="name the folder with one of these files, or the file itself",
        )


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for reading bytes, unpacking .gz; failures to read are `BadInputError`."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path}: cannot be read: {error}", hint="give a readable file, plain or .gz") from None

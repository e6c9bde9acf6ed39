"""Files that others wrote: plain or compressed, text or bytes, with one kind of error."""

import bz2
import gzip
import lzma
import tarfile
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError

__all__ = ["is_archive", "numbers", "read_bytes", "read_text", "version"]

LIMIT_BYTES = 2**30  # a file that unpacks to more than this is not a trace but an accident
OPENERS: dict[str, type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
ARCHIVES = (".tar", ".tbz2", ".tgz", ".txz", ".tar.bz2", ".tar.gz", ".tar.xz")


def version(path: str) -> tuple[int, int]:
    """Return what changes when the file at `path` does (time of change, size); (0, 0) if it cannot be asked."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


def is_archive(path: str) -> bool:
    """Return whether `path` is named as a tar archive."""
    return path.lower().endswith(ARCHIVES)


def read_bytes(path: str) -> bytes:
    """Return what is in `path`, unpacked by its name (.gz .bz2 .xz, or an archive's first file).

    Raises `BadInputError` if it cannot be read, is damaged or unpacks to over a gibibyte.
    """
    try:
        data = _first_member(path) if is_archive(path) else _unpacked(path)
    except (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise BadInputError(
            f"{path}: cannot be read: {error}", hint="give the path of a readable file, unpacked or .gz .bz2 .xz .tbz2"
        ) from None
    if len(data) > LIMIT_BYTES:
        raise BadInputError(f"{path}: unpacks to over {LIMIT_BYTES} bytes", hint="cut out the part you need")
    return data


def read_text(path: str) -> str:
    """Return the text in `path`, unpacked as `read_bytes` does; text that is not UTF-8 is a `BadInputError`."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: is not text", hint="give a text file of numbers or timestamps") from None


def numbers(text: str, path: str) -> NDArray[np.float64]:
    """Return the numbers in `text`, separated by blanks or commas; anything else is a `BadInputError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # NumPy's way to say that it stopped early
            found = np.fromstring(text.replace(",", " ").strip(), dtype=np.float64, sep=" ")
    except (DeprecationWarning, ValueError):
        raise BadInputError(f"{path}: holds something that is not a number", hint="give numbers only") from None
    if len(found) == 0:
        raise BadInputError(f"{path}: holds no numbers", hint="give at least one number")
    if not np.all(np.isfinite(found)):
        raise BadInputError(f"{path}: holds a number that is not finite", hint="remove NaN and infinity")
    return found


def _unpacked(path: str) -> bytes:
    opener = OPENERS.get(Path(path).suffix.lower())
    if opener is None:
        with Path(path).open("rb") as plain:
            return plain.read(LIMIT_BYTES + 1)
    with opener(path) as packed:
        return packed.read(LIMIT_BYTES + 1)


def _first_member(path: str) -> bytes:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                return file.read(LIMIT_BYTES + 1)
    raise ValueError("the archive holds no file")

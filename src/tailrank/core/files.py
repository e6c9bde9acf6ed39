"""Files that are whole or absent: write beside, then rename."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tailrank.core.errors import BadInputError, SetupError

__all__ = ["check_out", "disk_errors", "result_directory", "write_json", "write_text"]

MARK = "result.json"  # a directory that holds this file is one of ours and may be replaced


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals about `path` into errors with a hint."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(f"{path}: the disk is full", hint="free some space or choose another --out") from error
        if isinstance(error, PermissionError | NotADirectoryError | FileNotFoundError | IsADirectoryError):
            raise BadInputError(f"{path}: {error.strerror}", hint="choose a path you can write to") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` through a temporary file in the same folder, then rename."""
    with disk_errors(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_json(path: Path, document: Any) -> None:
    """Write `document` as JSON; NaN and infinity are refused, since they are not JSON."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")


def check_out(out: Path) -> None:
    """Refuse an `out` that exists and is not an earlier result of ours."""
    if out.exists() and not (out.is_dir() and ((out / MARK).exists() or not any(out.iterdir()))):
        raise BadInputError(
            f"{out}: exists and is not a Tailrank result directory", hint="choose a new --out or remove it"
        )


@contextmanager
def result_directory(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `out` when the block ends well, and vanishes when it does not.

    An earlier result at `out` is replaced; anything else there is refused before work begins.
    """
    check_out(out)
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        work.chmod(0o755)
    try:
        with disk_errors(out):
            yield work
            if out.exists():
                old = work.with_name(work.name + ".old")
                out.rename(old)
                work.rename(out)
                shutil.rmtree(old, ignore_errors=True)
            else:
                work.rename(out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise

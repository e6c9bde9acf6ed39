"""The steps of a long job: said on stderr as they begin, timed, and a directory that keeps what they finish."""

import shutil
import time
from pathlib import Path

from tailrank.cli.progress import Progress
from tailrank.core import BadInputError
from tailrank.core.files import MARK, disk_errors

__all__ = ["SPACE", "Steps", "prepared_out"]

SPACE = "space.toml"
UNFINISHED = "unfinished"  # a directory that holds this file is ours, though no result was written
KEPT = ("tiers", "scores", "trials.log", UNFINISHED)  # what `--resume` goes on from


class Steps:
    """Names and times the steps of a job; `seconds` are by name, in order."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self._name = ""
        self._began = 0.0

    def begin(self, name: str) -> None:
        """Begin a step; the one before ends."""
        self.end()
        self._name, self._began = name, time.monotonic()
        self.progress.step(name)

    def update(self, text: str) -> None:
        """Say how far the step is."""
        self.progress.update(f"{self._name}: {text}" if self._name else text)

    def end(self) -> None:
        """End the step that runs, if one does."""
        if self._name:
            spent = time.monotonic() - self._began
            self.seconds[self._name] = self.seconds.get(self._name, 0.0) + spent
            self._name = ""


def prepared_out(out: Path, *, resume: bool) -> None:
    """Make the directory `out` ready: what an earlier run left there goes, or with `resume` its result alone.

    Raises `BadInputError` where `out` holds something that is not ours.
    """
    ours = any((out / name).exists() for name in (MARK, UNFINISHED))
    if out.exists() and not (out.is_dir() and (ours or not any(out.iterdir()))):
        raise BadInputError(
            f"{out}: exists and is not a Tailrank result directory", hint="choose a new --out or remove it"
        )
    if out.exists():
        for each in out.iterdir():
            if resume and each.name in KEPT:
                continue
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / UNFINISHED).write_text("")

"""Progress on stderr: one line that updates on a terminal, a line per step in a log, nothing with `--quiet`."""

import sys
from types import TracebackType
from typing import Self, TextIO

__all__ = ["Progress"]

CLEAR = "\r\x1b[K"


class Progress:
    """Says where a long command is. Not aware of what the command does.

    Use it in a `with` block, so that a terminal's line is cleared before results or errors are printed.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._quiet = quiet
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def step(self, text: str) -> None:
        """Say that a step begins: a log keeps this line."""
        if self._terminal:
            self.update(text)
        elif not self._quiet:
            print(text, file=self._stream, flush=True)

    def update(self, text: str) -> None:
        """Say how far the step is: seen on a terminal only, so that logs stay short."""
        if self._terminal and not self._quiet:
            self._stream.write(f"{CLEAR}{text}")
            self._stream.flush()
            self._shown = True

    def note(self, text: str) -> None:
        """Say something that should stay on the screen, such as a warning."""
        if not self._quiet:
            self.clear()
            print(text, file=self._stream, flush=True)

    def clear(self) -> None:
        """Remove the updating line."""
        if self._shown:
            self._stream.write(CLEAR)
            self._stream.flush()
            self._shown = False

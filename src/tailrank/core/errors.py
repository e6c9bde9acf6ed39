"""What Tailrank says when it cannot go on: the message, a hint, and the exit code."""

from typing import ClassVar

__all__ = ["BadInputError", "InfeasibleError", "SetupError", "TailrankError"]


class TailrankError(Exception):
    """Base of every error a user can cause or mend.

    `message` names the offending value and what is accepted; `hint` says how to mend it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class BadInputError(TailrankError):
    """A value, file or flag the user gave is not acceptable (exit code 2)."""

    exit_code = 2


class InfeasibleError(TailrankError):
    """The question is well posed, and the answer is that nothing meets it (exit code 3)."""

    exit_code = 3


class SetupError(TailrankError):
    """This host lacks something the work needs: memory, disk, a library (exit code 4)."""

    exit_code = 4

"""Wall time: nanoseconds since a chosen origin, and waiting until a planned instant."""

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["WallClock", "punctual"]

PR_SET_TIMERSLACK, PR_GET_TIMERSLACK = 29, 30  # Linux prctl; the default slack of 50 us lengthens every sleep


@contextmanager
def punctual() -> Iterator[bool]:
    """Let the calling thread wake on time even when every core is busy; yields False where that is refused.

    Takes the slack out of Linux timers, and a real-time priority where the user may have one, so that a
    worker cannot hold the dispatcher up. Both are undone at the end.
    """
    slack = _set_slack_ns(1)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (OSError, AttributeError):  # not root, or not Linux
        try:
            yield False
        finally:
            _set_slack_ns(slack)
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        _set_slack_ns(slack)


def _set_slack_ns(slack_ns: int) -> int:
    """Set this thread's timer slack and return what it was; 0 (the system's default) where there is none."""
    try:
        prctl = ctypes.CDLL(None).prctl
        before = int(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))
        prctl(PR_SET_TIMERSLACK, slack_ns, 0, 0, 0)
        return max(before, 0)
    except (OSError, AttributeError):
        return 0


class WallClock:
    """Nanoseconds since `origin_ns` on the monotonic high-resolution clock."""

    def __init__(self, delay_ns: int = 0) -> None:
        self.origin_ns = time.perf_counter_ns() + delay_ns

    def now_ns(self) -> int:
        """Return the time; negative before the origin."""
        return time.perf_counter_ns() - self.origin_ns

    def wait_until(self, instant_ns: int) -> None:
        """Sleep until `instant_ns`; returns at once when it has passed. Does not spin: workers need the core."""
        left_ns = instant_ns - self.now_ns()
        if left_ns > 0:
            time.sleep(left_ns * 1e-9)

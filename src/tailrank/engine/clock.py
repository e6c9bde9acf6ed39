"""Wall time: nanoseconds since a chosen origin, and waiting until a planned instant."""

import ctypes
import time

__all__ = ["WallClock", "sharpen_timer"]

PR_SET_TIMERSLACK = 29  # Linux prctl; the default slack of 50 us is added to every sleep


def sharpen_timer() -> bool:
    """Ask Linux to wake the calling thread without slack; False where that is not possible."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)) == 0
    except (OSError, AttributeError):
        return False


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

"""How exactly this host keeps time: measured, since a late timer or a slow wake-up shows in every tail."""

import queue
import threading
import time

__all__ = ["sleep_overshoot_ns", "wakeup_ns"]


def sleep_overshoot_ns(repeats: int, sleep_ns: int = 1_000_000) -> list[int]:
    """Sleep `sleep_ns` again and again; return by how much each sleep was too long."""
    overshoots = []
    for _ in range(repeats):
        due = time.perf_counter_ns() + sleep_ns
        time.sleep(sleep_ns / 1e9)
        overshoots.append(time.perf_counter_ns() - due)
    return overshoots


def wakeup_ns(repeats: int, pause_ns: int = 500_000) -> list[int]:
    """Hand a waiting thread something, with pauses so that it is really asleep; return put-to-get times."""
    inbox: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    latencies: list[int] = []

    def wait() -> None:
        while (put := inbox.get()) is not None:
            latencies.append(time.perf_counter_ns() - put)

    waiter = threading.Thread(target=wait, name="tailrank-wakeup", daemon=True)
    waiter.start()
    for _ in range(repeats):
        time.sleep(pause_ns / 1e9)
        inbox.put(time.perf_counter_ns())
    inbox.put(None)
    waiter.join()
    return latencies

from tailrank.cli.timers import sleep_overshoot_ns, wakeup_ns


def test_a_sleep_is_never_too_short() -> None:
    overshoots = sleep_overshoot_ns(5, sleep_ns=100_000)
    assert len(overshoots) == 5
    assert min(overshoots) >= 0


def test_a_thread_wakes_up_after_it_was_handed_something_each_time() -> None:
    latencies = wakeup_ns(5, pause_ns=100_000)
    assert len(latencies) == 5
    assert min(latencies) > 0

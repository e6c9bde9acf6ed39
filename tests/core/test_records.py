import numpy as np

from tailrank.core import Records, SliceRecords


def column(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_latency_counts_from_the_scheduled_arrival_and_only_of_queries_that_finished() -> None:
    empty = column()
    slices = SliceRecords(*[empty] * 9)
    records = Records(
        arrival_ns=column(0, 10, 20),
        size=column(1, 1, 1),
        dispatch_ns=column(5, 10, 21),
        finish_ns=column(100, -1, 50),
        slices=slices,
        errors={1: "worker died"},
    )
    assert len(records) == 3
    assert len(slices) == 0
    assert records.ok.tolist() == [True, False, True]
    assert records.latency_ns.tolist() == [100, 30]
    assert records.lag_ns.tolist() == [5, 0, 1]


def test_service_time_is_finish_minus_start() -> None:
    slices = SliceRecords(
        query=column(0, 0),
        stage=column(0, 0),
        first=column(0, 4),
        size=column(4, 2),
        pool=column(0, 0),
        worker=column(0, 1),
        queued_ns=column(1, 2),
        start_ns=column(3, 5),
        finish_ns=column(13, 9),
    )
    assert slices.service_ns.tolist() == [10, 4]

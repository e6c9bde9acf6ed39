import pytest

from tailrank.models.gpu import GpuExecutor, HostDevice, breakdown
from tailrank.models.gpu.breakdown import Shares


@pytest.fixture(scope="module")
def executor(tiny):
    return GpuExecutor(tiny("rmc1").module, tiny("rmc1").inputs, HostDevice(), largest=32)


@pytest.mark.parametrize("items", [1, 7, 32])
def test_the_parts_make_up_less_than_the_whole(tiny, executor, items):
    shares = breakdown(executor, tiny("rmc1").inputs(100), items, repeats=9)
    assert shares.items == items
    parts = (shares.to_device_ns, shares.compute_ns, shares.to_host_ns)
    assert min(parts) > 0
    assert max(parts) < shares.whole_ns
    assert 0 < shares.transfer_share < 1


def test_the_transfers_share_is_of_the_time_on_the_device():
    assert Shares(1, 20.0, 70.0, 10.0, 400.0).transfer_share == pytest.approx(0.3)


@pytest.mark.parametrize("items", [0, 33, 25])
def test_batches_that_would_not_run_in_one_part_are_refused(tiny, executor, items):
    with pytest.raises(ValueError, match="one part"):
        breakdown(executor, tiny("rmc1").inputs(24), items)


def test_a_breakdown_keeps_no_context(tiny, executor):
    breakdown(executor, tiny("rmc1").inputs(40), 4, repeats=1)
    with executor.borrowed() as context:
        pass
    breakdown(executor, tiny("rmc1").inputs(40), 4, repeats=1)
    with executor.borrowed() as again:
        assert again is context

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.timing import BUCKETS, QUANTILES, ConstantTime, LinearTime, ServiceTable, ServiceTime, Tabled, bucket


@given(st.integers(1, 10**6))
def test_bucket_is_the_ceiling_of_the_binary_logarithm_capped(items: int) -> None:
    exact = (items - 1).bit_length()  # ceil(log2(n)) in integers, so that no rounding can hide
    assert bucket(np.array([items]))[0] == min(exact, BUCKETS - 1)


def test_an_empty_batch_has_a_bucket() -> None:
    assert bucket(np.array([0]))[0] == 0


@pytest.mark.parametrize("service", [ConstantTime(1500.0), LinearTime(300.0, 20.5)])
@given(max_items=st.integers(1, 200), workers=st.integers(1, 8))
def test_steady_times_do_not_depend_on_how_busy_the_pool_is_and_have_no_noise(
    service: ServiceTime, max_items: int, workers: int
) -> None:
    table = service.table(max_items, workers)
    assert table.mean_ns.shape == (workers, max_items + 1)
    assert np.all(table.mean_ns == table.mean_ns[0])
    assert table.noise.shape == (BUCKETS, QUANTILES)
    assert np.all(table.noise == 1)


@given(st.floats(0, 1e9), st.floats(0, 1e6), st.integers(1, 1000))
def test_linear_time_is_a_line(fixed_ns: float, item_ns: float, items: int) -> None:
    found = LinearTime(fixed_ns, item_ns).table(1000, 1).mean_ns[0, items]
    assert math.isclose(found, fixed_ns + item_ns * items, rel_tol=1e-12)


def test_constant_time_ignores_the_size() -> None:
    assert set(ConstantTime(7).table(50, 2).mean_ns.ravel().tolist()) == {7.0}


def test_tables_are_kept_and_cut_from_one() -> None:
    service = LinearTime(200_000, 20_000)
    asked = []

    class Counted:
        def table(self, max_items: int, workers: int) -> ServiceTable:
            asked.append((max_items, workers))
            return service.table(max_items, workers)

    tabled = Tabled(Counted())
    for items in (64, 1000, 25, 64):
        found = tabled.table(items, 4)
        assert np.array_equal(found.mean_ns, service.table(items, 4).mean_ns)
    assert asked == [(1024, 4)]
    assert tabled.table(1500, 4).mean_ns.shape == (4, 1501)

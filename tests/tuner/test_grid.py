from tailrank.core import Pool, single
from tailrank.tuner.grid import BATCHES, THRESHOLDS, batched, offloading

POOLS = {"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="cuda")}


def test_batch_sizes_are_powers_of_two_and_three_times_those():
    assert tuple(sorted({2**n for n in range(11)} | {3 * 2**n for n in range(9)})) == BATCHES


def test_thresholds_are_all_queries_and_every_32():
    assert THRESHOLDS[0] == 1
    assert set(THRESHOLDS[1:]) == set(range(32, 1000, 32))


def test_plans_differ_in_the_knob_alone():
    plan = single("m", batch_size=25, workers=4)
    assert [each.stages[0].batch_size for each in batched(plan, (1, 8))] == [1, 8]
    parted = offloading(plan, POOLS, (1, 512))
    assert [each.stages[0].offload_at for each in parted] == [1, 512]
    assert all(each.stages[0].batch_size == 25 and each.pools == POOLS for each in parted)


def test_without_a_gpu_nothing_is_offloaded():
    assert offloading(single("m", batch_size=25, workers=4), {"cpu": Pool(workers=4)}) == []

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.accelerator.memory import (
    CORRECTED_SPLIT,
    RELEASED_SPLIT,
    SplitMethod,
    split_curve,
    split_curves,
    split_orderings,
    zipf_ids,
)
from tailrank.core import BadInputError, stream

KIB = 1024


@pytest.fixture(scope="module")
def small() -> np.ndarray:
    return zipf_ids(600, rows=(300, 200), seed=3)


@pytest.mark.parametrize("released", [True, False])
@pytest.mark.parametrize("policy", ["fifo", "lru", "static"])
def test_a_split_is_two_naive_caches(naive_hits, small, policy, released):
    method = replace(RELEASED_SPLIT if released else CORRECTED_SPLIT, policy=policy)
    found = split_curve(small, keep=1 / 4, capacities_bytes=(4 * KIB, 16 * KIB), shares=(0.0, 0.3, 1.0), method=method)
    kept = np.arange(150) if released else np.sort(stream(0, "kept samples").permutation(600)[:150])
    for row, capacity in enumerate((4 * KIB, 16 * KIB)):
        for column, share in enumerate((0.0, 0.3, 1.0)):
            hit = read = 0
            for samples, size, part in ((small, 16, share), (small[kept], 128, 1 - share)):
                copies = [(copy, table) for copy in range(4 if released else 1) for table in range(2)]
                keys = [(copy, table, sample[table]) for sample in samples for copy, table in copies]
                keys = keys * 2 if released else keys
                begin = len(keys) // 2
                entries = int(capacity * part / (128 if released else size) + 1e-9)
                hit += size * naive_hits(policy, keys, entries, begin)
                read += size * (len(keys) - begin)
            assert found.hit_rate[row, column] == pytest.approx(hit / read)
    assert found.amat == pytest.approx(100 - 99 * found.hit_rate)


def test_the_artifacts_method_gives_its_orderings_and_nearly_its_numbers():
    sizes = [mib << 20 for mib in (1, 2, 4, 8)]
    shares = tuple(tenth / 10 for tenth in range(11))
    curves = split_curves(
        zipf_ids(100_000), keeps=(1 / 4, 1 / 8, 1 / 16), capacities_bytes=sizes, shares=shares, method=RELEASED_SPLIT
    )
    assert all(each.holds for each in split_orderings(curves)), split_orderings(curves)
    best = {curve.keep: curve.best_share[2] for curve in curves}
    assert best == pytest.approx({1 / 4: 0.3, 1 / 8: 0.5, 1 / 16: 0.7}, abs=0.11)
    assert curves[1].amat.min(axis=1)[2] == pytest.approx(65.6, abs=3)
    assert curves[1].front_rate[:, -1] == pytest.approx([0.283, 0.347, 0.409, 0.468], abs=0.03)


def test_an_ordering_that_does_not_hold_says_so():
    ids = zipf_ids(2000, rows=(50, 50))  # everything fits: more capacity gains nothing
    curves = split_curves(ids, keeps=(1 / 8, 1 / 16), capacities_bytes=(1 << 20, 2 << 20))
    moves, falls, _, grows = split_orderings(curves)
    assert [moves.holds, falls.holds, grows.holds] == [False, False, False]
    with pytest.raises(BadInputError, match="keep ratio 1/8"):
        split_orderings(curves[1:])


def test_every_table_has_ids_of_its_own():
    ids = np.array([[0, 0], [0, 0], [0, 0], [0, 0]])
    found = split_curve(ids, keep=1, capacities_bytes=(16,), shares=(1.0,), method=SplitMethod())
    assert found.front_rate.tolist() == [[0.0]]  # room for one row, and two take turns


@pytest.mark.parametrize(
    "wrong",
    [
        {"keeps": (0.0,)},
        {"keeps": (1.5,)},
        {"keeps": (1e-4,)},
        {"shares": (1.1,)},
        {"capacities_bytes": (0,)},
        {"front_bytes": 0},
    ],
)
def test_what_makes_no_sense_is_refused(small, wrong):
    with pytest.raises(BadInputError):
        split_curves(small, **({"capacities_bytes": (1024,)} | wrong))
    with pytest.raises(BadInputError, match="samples of a row"):
        split_curves(small[:, 0], capacities_bytes=(1024,))

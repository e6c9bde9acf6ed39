"""A profile is read back as it was written, and interpolates between what was measured."""

from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.timing import BUCKETS, CLIP, QUANTILES, Overheads, Point, Profile, Scaled, load_profile, save_profile


def profile_of(**times: tuple[int, ...]) -> Profile:
    """Keys are like `n8b2`: items 8, busy 2."""
    points = []
    for key, samples in times.items():
        items, busy = key[1:].split("b")
        points.append(Point(items=int(items), busy=int(busy), samples_ns=samples))
    return Profile(network="m", points=tuple(points), overheads=Overheads(query_ns=7))


def test_linear_between_sizes_and_between_busy_workers() -> None:
    profile = profile_of(n1b1=(100,), n11b1=(200,), n1b4=(400,), n11b4=(800,))
    mean = profile.table(21, 6).mean_ns
    assert mean.shape == (6, 22)
    assert mean[0, 6] == pytest.approx(150)
    assert mean[3, 6] == pytest.approx(600)
    assert mean[1, 1] == pytest.approx(200)  # a third of the way from 100 to 400
    assert mean[0, 21] == pytest.approx(300)  # the last slope goes on
    assert mean[5, 1] == pytest.approx(400)  # more workers than measured: the largest measured
    assert profile.measured_workers == 4


def test_a_hiccup_counts_as_at_most_clip_medians() -> None:
    profile = profile_of(n1b1=(100, 100, 100, 1_000_000))
    assert profile.table(1, 1).mean_ns[0, 1] == pytest.approx((300 + CLIP * 100) / 4)


def test_noise_has_mean_one_and_the_spread_of_the_samples() -> None:
    samples = tuple(np.random.default_rng(0).normal(10_000, 1_000, 4_000).astype(int).tolist())
    noise = profile_of(n16b1=samples).table(16, 1).noise
    assert noise.shape == (BUCKETS, QUANTILES)
    assert np.allclose(noise.mean(axis=1), 1)
    assert (np.diff(noise, axis=1) >= 0).all()
    assert noise[4].std() == pytest.approx(0.1, rel=0.05)


def test_merging_pools_the_samples() -> None:
    both = profile_of(n1b1=(100,)).merged(profile_of(n1b1=(200,), n2b1=(500,)))
    assert both.table(2, 1).mean_ns[0, 1:].tolist() == [150, 500]
    assert both.overheads.query_ns == 7


def test_round_trip_and_errors(tmp_path: Path) -> None:
    profile = profile_of(n1b1=(100, 120), n8b2=(300,))
    save_profile(profile, tmp_path / "p.json")
    assert load_profile(tmp_path / "p.json") == profile
    (tmp_path / "bad.json").write_text('{"network": "m", "point": []}')
    with pytest.raises(BadInputError, match="point"):
        load_profile(tmp_path / "bad.json")
    with pytest.raises(BadInputError, match="not a readable profile"):
        load_profile(tmp_path / "absent.json")


def test_drift_is_the_ratio_of_times_whatever_sizes_were_measured() -> None:
    before = profile_of(n1b1=(100,), n101b1=(1100,), n1b2=(200,), n101b2=(2200,))
    after = profile_of(n1b1=(120,), n51b1=(720,), n101b2=(2640,))
    assert after.slower_than(before) == pytest.approx(1.2)
    assert before.slower_than(before) == pytest.approx(1.0)
    slow = Scaled(before, 1.2).table(101, 2)
    assert np.allclose(slow.mean_ns, before.table(101, 2).mean_ns * 1.2)
    assert np.array_equal(slow.noise, before.table(101, 2).noise)

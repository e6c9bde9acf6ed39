import bz2
import gzip
import io
import tarfile

import numpy as np
import pytest

from tailrank.core import BadInputError, stream
from tailrank.workload import Replay, gap_check
from tailrank.workload.workload import Workload

RNG_NAME = "arrivals"


def draw(kind, queries, qps=10.0, seed=1):
    return kind.draw(queries, qps, stream(seed, RNG_NAME))


@pytest.fixture
def counts_file(tmp_path):
    """Write per-second counts as a .tbz2 and return its path."""

    def write(counts, name="counts.tbz2"):
        text = " ".join(str(count) for count in counts).encode()
        path = tmp_path / name
        with tarfile.open(path, "w:bz2") as archive:
            info = tarfile.TarInfo("workload.txt")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
        return str(path)

    return write


def test_counts_land_in_their_seconds(counts_file):
    counts = [3, 0, 0, 5, 1]
    path = counts_file([0, 0, *counts])
    arrival_ns = draw(Replay(path=path), 9)
    # Undo the warp with the known last second: relative gaps between whole seconds survive.
    scale = 9 / 10 / (arrival_ns[-1] / 1e9)
    assert scale == pytest.approx(1)
    raw = Replay(path=path)._selected().times_s(stream(1, RNG_NAME), 9)
    assert np.bincount(raw.astype(int), minlength=5).tolist() == counts
    assert np.allclose(arrival_ns / 1e9, raw * (0.9 / raw[-1]), atol=1e-9)


def test_the_mean_rate_is_the_offered_load(counts_file):
    arrival_ns = draw(Replay(path=counts_file([5] * 100)), 321, qps=77.0)
    assert 321 / arrival_ns[-1] * 1e9 == pytest.approx(77.0)


def test_counts_spread_uniformly_and_anew_each_replication(counts_file):
    kind = Replay(path=counts_file([50] * 400))
    inside = Replay(path=kind.path)._selected().times_s(stream(2, "x"), 20_000) % 1
    steps = (np.arange(20_000) + 0.5) / 20_000
    assert np.abs(np.sort(inside) - steps).max() < 1.95 / np.sqrt(20_000)  # KS at 0.1 %
    assert not np.array_equal(draw(kind, 100, seed=1), draw(kind, 100, seed=2))


def test_timestamps_keep_their_relative_gaps(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "User,TIMESTAMP,Tokens\n"
        "a,2023-11-16 23:59:59.5000000,1\nb,2023-11-17 00:00:00.0000000,2\nc,2023-11-17 00:00:02.0000000,2\n"
    )
    gaps = np.diff(draw(Replay(path=str(path)), 3))
    assert gaps[1] / gaps[0] == pytest.approx(4, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("t.txt", lambda data: data),
        ("t.csv.gz", gzip.compress),
        ("t.bz2", bz2.compress),
    ],
)
@pytest.mark.parametrize(
    "content", ["0.5\n1\n3\n", "1 1.5 3.5", "time,x\n10,7\n10.5,7\n12.5,7\n", "\ufeff0.5\r\n1\r\n3\r\n"]
)
def test_seconds_are_read_from_plain_and_packed_files(tmp_path, name, pack, content):
    path = tmp_path / name
    path.write_bytes(pack(content.encode()))
    gaps = np.diff(draw(Replay(path=str(path)), 3))
    assert gaps[1] / gaps[0] == pytest.approx(4, rel=1e-6)


def test_utc_suffixes_are_understood(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("TIMESTAMP\n2024-05-10 00:00:00.25+00:00\n2024-05-10T00:00:00.5Z\n2024-05-10 00:00:01\n")
    gaps = np.diff(draw(Replay(path=str(path)), 3))
    assert gaps[1] / gaps[0] == pytest.approx(2, rel=1e-6)


def test_day_and_cut_select(counts_file):
    path = counts_file([1] * 86400 + [2] * 100 + [7] * 10 + [0] * 5)
    assert Replay(path=path, day=0)._selected().queries == 86400
    assert Replay(path=path, day=1)._selected().queries == 270
    assert Replay(path=path, day=1, start_s=100.0)._selected().queries == 70
    assert Replay(path=path, day=1, start_s=90.0, stop_s=102.0)._selected().queries == 34
    assert Replay(path=path, start_s=86395.0, stop_s=86405.0)._selected().queries == 15


def test_asking_for_more_than_there_is_needs_repeat(counts_file):
    path = counts_file([2, 1, 1])
    with pytest.raises(BadInputError, match="5 queries asked for, the selection holds 4") as caught:
        draw(Replay(path=path), 5)
    assert "repeat" in caught.value.hint
    kind = Replay(path=path, repeat=True)
    arrival_ns = draw(kind, 11)
    assert len(arrival_ns) == 11
    assert np.all(np.diff(arrival_ns) >= 0)


def test_a_repeated_recording_of_times_continues_after_one_mean_gap(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("5\n6\n9\n")  # mean gap 2
    arrival_ns = draw(Replay(path=str(path), repeat=True), 6, qps=1.0)
    assert np.allclose(np.diff(arrival_ns) / np.diff(arrival_ns)[0], [1, 3, 2, 1, 3])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("words.csv", b"what,is\nthis,thing\n"),
        ("binary.csv", bytes(range(256))),
        ("broken.csv.gz", gzip.compress(b"1\n2\n3\n" * 100, mtime=0)[:-20]),
        ("fake.gz", b"not packed at all"),
        ("fake.tbz2", b"no archive"),
        ("fake.xz", b"no archive"),
        ("nan.txt", b"1\nnan\n3\n"),
        ("inf.txt", b"1\ninf\n"),
        ("unsorted.txt", b"3\n1\n2\n"),
        ("negative.txt", b"-3\n1\n2\n"),
        ("single.txt", b"3\n"),
        ("instant.txt", b"3\n3\n3\n"),
        ("baddate.csv", b"timestamp\n2023-13-45 00:00:00\n2023-13-45 00:00:00\n"),
        ("emptydate.csv", b"timestamp,x\n2023-11-05 00:00:00,1\n,1\n"),
        ("ragged.csv", b"a,timestamp\n1,2\n3\n"),
        ("quotes.csv", b'timestamp\n"1\x00"\n2\n'),
    ],
)
def test_garbage_is_refused_naming_the_file(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=name.split(".")[0]) as caught:
        draw(Replay(path=str(path)), 2)
    assert caught.value.hint


def test_an_empty_archive_a_folder_and_a_missing_file_are_refused(tmp_path):
    empty = tmp_path / "empty.tar"
    with tarfile.open(empty, "w"):
        pass
    for path in (str(empty), str(tmp_path), str(tmp_path / "absent.csv"), "a\0b"):
        with pytest.raises(BadInputError, match="cannot be read"):
            draw(Replay(path=path), 2)


def test_counts_must_be_whole_and_not_negative(counts_file):
    for counts in ([1, -1, 3], [1.5, 2]):
        with pytest.raises(BadInputError, match="counts must be whole"):
            draw(Replay(path=counts_file(counts)), 2)


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("1\n2\n")
    assert Replay(path=str(path))._selected().queries == 2
    path.write_text("1\n2\n3\n4\n")
    assert Replay(path=str(path))._selected().queries == 4


@pytest.mark.parametrize("kwargs", [{"day": -1}, {"start_s": -1.0}, {"start_s": 5.0, "stop_s": 5.0}])
def test_selections_of_nothing_are_refused(kwargs):
    with pytest.raises(BadInputError):
        Replay(path="x", **kwargs)


def test_a_selection_outside_the_file_says_how_long_the_file_is(counts_file):
    with pytest.raises(BadInputError, match="selection holds 0 queries") as caught:
        draw(Replay(path=counts_file([1, 2, 3]), day=4), 2)
    assert "covers 3 s" in caught.value.hint


def test_rates_are_those_recorded_in_whole_steps(counts_file, tmp_path):
    counted = Replay(path=counts_file([3, 1, 4, 4, 0, 0, 9]))
    assert counted.rates(2).tolist() == [2, 4, 0]
    assert counted.rates(7).tolist() == [3]
    for step_s in (0.0, 1.5, 8.0):
        with pytest.raises(BadInputError, match="cannot cut"):
            counted.rates(step_s)
    path = tmp_path / "t.txt"
    path.write_text("5\n6\n9\n9.5\n11\n")  # mean gap 1.5, so it spans 7.5 s
    assert Replay(path=str(path)).rates(2.5).tolist() == [0.8, 0.8, 0.4]
    assert Replay(path=str(path)).rates(5.0).tolist() == [0.8]


@pytest.mark.data
def test_the_twitter_day_is_near_poisson_within_minutes(real_data):
    kind = Replay(path=str(real_data / "arrivals/twitter_per_second.tbz2"), day=3, stop_s=84660.0)
    trace = Workload(arrivals=kind).trace(15_000, 500.0, seed=1)
    assert trace.offered_qps == pytest.approx(500)
    assert gap_check(trace, 500.0).cv == pytest.approx(1, abs=0.06)
    assert kind._selected().span_s == 84660


@pytest.mark.data
def test_every_recording_is_read(real_data):
    def cv(name, **kwargs):
        kind = Replay(path=str(real_data / "arrivals" / name), **kwargs)
        queries = min(kind._selected().queries, 20_000)
        return gap_check(Workload(arrivals=kind).trace(queries, 100.0, seed=1), 100.0).cv

    assert cv("AzureLLMInferenceTrace_conv.csv.gz") == pytest.approx(1.09, abs=0.01)
    assert cv("AzureLLMInferenceTrace_code.csv.gz") == pytest.approx(13, abs=0.5)
    assert cv("nasa_1995_per_second.tbz2") > 1.1

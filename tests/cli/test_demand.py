import os
from pathlib import Path

import numpy as np
import pytest

from tailrank.cli.demand import demand_of
from tailrank.core import BadInputError

DAY = np.concatenate([np.full(3600, 1 + hour) for hour in range(24)])  # hour h has h + 1 queries a second


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """Two days of counts: the second has twice the traffic of the first."""
    path = tmp_path / "days.txt"
    path.write_text(" ".join(map(str, np.concatenate([DAY, 2 * DAY]))))
    return f"replay:path={path},holds=counts"


def test_the_day_with_the_busiest_hour_is_taken_unless_one_is_named(recording: str) -> None:
    found = demand_of(recording, qps=None, day=None)
    assert found.hours == tuple(2.0 * (1 + hour) for hour in range(24))
    assert found.mean_qps == pytest.approx(25)
    assert "day 1 of 2" in found.text
    assert "as recorded" in found.text
    assert demand_of(recording, qps=None, day=0).hours == tuple(1.0 + hour for hour in range(24))


def test_the_mean_can_be_set_and_the_shape_stays(recording: str) -> None:
    found = demand_of(recording, qps=1250, day=0)
    assert found.mean_qps == pytest.approx(1250)
    assert found.hours == pytest.approx([100.0 * (1 + hour) for hour in range(24)])


def test_an_hours_demand_is_its_busiest_five_minutes(tmp_path: Path) -> None:
    counts = np.ones(7200, dtype=int)
    counts[600:900] = 7
    path = tmp_path / "hours.txt"
    path.write_text(" ".join(map(str, counts)))
    assert demand_of(f"replay:path={path},holds=counts", qps=None, day=None).hours == (7, 1)


def test_arrival_times_are_a_recording_too(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text("timestamp\n" + "\n".join(str(second / 2) for second in range(14_401)))
    assert demand_of(str(path), qps=None, day=None).hours == (2, 2)


def test_the_built_in_day_needs_a_size() -> None:
    found = demand_of("diurnal:peak=1.5", qps=100, day=None)
    assert len(found.hours) == 24
    assert max(found.hours) == pytest.approx(150, rel=0.01)
    assert found.mean_qps == pytest.approx(100)
    assert demand_of("diurnal", qps=10, day=None).hours[5] == pytest.approx(16, rel=0.01)
    with pytest.raises(BadInputError, match="no size"):
        demand_of("diurnal", qps=None, day=None)
    with pytest.raises(BadInputError, match="one day"):
        demand_of("diurnal", qps=1, day=0)


def test_traces_without_a_day_are_refused(recording: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no day"):
        demand_of("bursty:cv=4", qps=1, day=None)
    with pytest.raises(BadInputError, match="has 2 days"):
        demand_of(recording, qps=None, day=2)
    with pytest.raises(BadInputError, match="cannot be read"):
        demand_of(str(tmp_path / "absent.csv"), qps=None, day=None)
    with pytest.raises(BadInputError, match="unknown kind"):
        demand_of("nothing:at=all", qps=None, day=None)


def test_recordings_by_name_are_found_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TAILRANK_DATA", raising=False)
    with pytest.raises(BadInputError, match="not known") as caught:
        demand_of("twitter", qps=None, day=None)
    assert "TAILRANK_DATA" in caught.value.hint
    monkeypatch.setenv("TAILRANK_DATA", str(tmp_path))
    with pytest.raises(BadInputError, match=r"nasa_1995_per_second\.tbz2"):
        demand_of("nasa", qps=None, day=None)


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real recordings by name, or a skip."""
    folder = Path(os.environ.get("TAILRANK_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
    if not (folder / "arrivals").is_dir():
        pytest.skip("no real data: set TAILRANK_DATA to its folder")
    monkeypatch.setenv("TAILRANK_DATA", str(folder))


@pytest.mark.data
@pytest.mark.usefixtures("recordings")
def test_the_real_days_have_a_shape() -> None:
    for name, steep in (("twitter", 1.5), ("nasa", 2.0)):
        found = demand_of(name, qps=1000, day=3)
        assert len(found.hours) == 24
        assert max(found.hours) > steep * min(found.hours)
        assert found.mean_qps == pytest.approx(1000)

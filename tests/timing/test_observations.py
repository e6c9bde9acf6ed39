from pathlib import Path

import pytest

from tailrank.core import BadInputError
from tailrank.timing import observations, read_observations, shipped_observations
from tailrank.timing.device import device
from tailrank.zoo import get

HEADER = "device,network,batch,quantity,value\n"


def test_points_are_read_with_comments_and_blank_lines() -> None:
    text = "# a comment\n\n" + HEADER + "t4, rmc1 ,64,total_ms,2.5\n# another\nt4,rmc1,128,compute_ms,3\n"
    first, second = observations(text, source="x")
    assert (first.device, first.network, first.batch, first.quantity, first.value) == (
        "t4",
        "rmc1",
        64,
        "total_ms",
        2.5,
    )
    assert (second.busy, second.over, second.tag) == (1, "", "")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("t4,rmc1,64,total_ms,fast", "line 2: value: `fast` is not a number"),
        ("t4,rmc1,6.5,total_ms,1", "line 2: batch"),
        ("t4,rmc1,0,total_ms,1", "line 2: batch"),
        ("t4,rmc1,64,total_ms,-1", "line 2: value"),
        ("t4,rmc1,64,total_us,1", "line 2: quantity"),
        ("t4,rmc1,64,total_ms", "line 2: not as many values"),
        ("t4,rmc1,64,total_ms,1,2", "line 2: not as many values"),
    ],
)
def test_a_wrong_row_is_named(row: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        observations(HEADER + row + "\n", source="x")


def test_a_file_without_points_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no observations"):
        observations("", source="x")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_observations(tmp_path / "none.csv")


def test_the_shipped_points_are_of_known_devices_and_networks_and_tagged() -> None:
    counts = {}
    for name in ("skylake-40c", "gtx-1080ti", "t4", "c5n-2xlarge"):
        points = shipped_observations(name)
        counts[name] = len(points)
        assert device(name)
        for point in points:
            assert get(point.network)
            assert point.tag == "V"
            assert point.quantity != "speedup" or device(point.over)
            assert not point.quantity.startswith("share") or point.value <= 1
        keys = {(point.network, point.batch, point.quantity) for point in points}
        assert len(keys) == len(points)
    assert counts == {"skylake-40c": 68, "gtx-1080ti": 99, "t4": 20, "c5n-2xlarge": 20}


def test_only_latencies_are_shipped() -> None:
    quantities = {
        point.quantity
        for name in ("skylake-40c", "gtx-1080ti", "t4", "c5n-2xlarge")
        for point in shipped_observations(name)
    }
    assert quantities == {
        "total_ms",
        "compute_ms",
        "load_ms",
        "speedup",
        "share_matmul",
        "share_lookup",
        "share_recurrent",
    }

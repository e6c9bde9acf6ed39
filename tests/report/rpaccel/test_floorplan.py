import re
from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.rpaccel.floorplan import SCALE, floorplan
from tailrank.tuner.rpaccel import floorplan as plan_of
from tailrank.tuner.rpaccel import funnel


def outlines(plan: dict[str, Any]) -> list[tuple[float, float]]:
    """Width and height of every block: those with a hatched ground."""
    drawn = re.findall(r'width="([\d.]+)" height="([\d.]+)" fill="url', str(floorplan(Value(plan))))
    return [(float(width), float(height)) for width, height in drawn]


@pytest.mark.parametrize("slices", [(1, 1), (4, 4), (4, 16), (4, 4, 4)])
def test_blocks_are_to_scale(slices: tuple[int, ...]) -> None:
    plan = plan_of(funnel(slices, "corrected"), "x")
    areas = sorted(width * height / SCALE**2 for width, height in outlines(plan))
    assert areas == pytest.approx(sorted(plan["area_mm2"].values()), rel=0.01)


def test_every_sub_array_is_drawn_once() -> None:
    plan = plan_of(funnel((4, 16), "corrected"), "x")
    titles = re.findall(r"<title>stage (\d), ([\dx]+): [^<]* busy", str(floorplan(Value(plan))))
    assert sorted(titles) == [("1", "64x64")] * 2 + [("2", "32x32")] * 8

import re

from tailrank.report.document import Value
from tailrank.report.rpaccel.gantt import LEFT, WIDTH, gantt
from tailrank.tuner.rpaccel import funnel, pipelined
from tailrank.tuner.rpaccel import gantt as chart_of


def test_every_segment_is_a_bar_within_the_drawing() -> None:
    chart = chart_of(pipelined(funnel((4, 4), "corrected"), 2, resident=True, look_ahead=True))
    drawn = str(gantt(Value(chart)))
    bars = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"[^>]*><title>query', drawn)
    assert len(bars) == len(chart["segments"])
    assert all(float(x) >= LEFT - 0.01 and float(x) + float(width) <= WIDTH for x, width in bars)
    assert "look-ahead cache" in drawn
    assert "query 2: " in drawn

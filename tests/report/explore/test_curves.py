from typing import Any

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.explore.curves import quality_by_items, quality_by_kept

ARROW = "\N{RIGHTWARDS ARROW}"


def lines(found: Chart | Absent) -> dict[str, Any]:
    assert isinstance(found, Chart)
    return {trace.name: trace for trace in found.figure.data if trace.name and trace.line.dash is None}


def bands(found: Chart | Absent) -> list[Any]:
    assert isinstance(found, Chart)
    return [trace for trace in found.figure.data if trace.fill == "toself"]


def test_there_is_a_line_for_each_network_and_each_pair(document: dict[str, Any]) -> None:
    assert set(lines(quality_by_items(Value(document)))) == {"tiny", "small", "large"}
    pairs = lines(quality_by_kept(Value(document)))
    assert set(pairs) == {f"tiny {ARROW} small", f"tiny {ARROW} large", f"small {ARROW} large"}
    row = next(row for row in document["curves"] if row["networks"] == ["tiny", "large"])
    assert list(pairs[f"tiny {ARROW} large"].x) == row["items"]
    assert list(pairs[f"tiny {ARROW} large"].y) == row["quality"]


def test_floor_and_best_network_are_levels(document: dict[str, Any]) -> None:
    found = quality_by_kept(Value(document))
    assert isinstance(found, Chart)
    levels = {trace.name: trace.y[0] for trace in found.figure.data if trace.name and trace.line.dash == "dash"}
    reference = document["reference"]
    assert set(levels.values()) == {reference["floor"], reference["quality"]}


def test_intervals_are_shaded_where_there_are_some(document: dict[str, Any]) -> None:
    found = quality_by_items(Value(document))
    assert len(bands(found)) == 3
    row = document["curves"][0]
    known = [(items, *ends) for items, ends in zip(row["items"], row["quality_ci95"], strict=True) if ends]
    band = bands(found)[0]
    assert list(band.x) == [x for x, *_ in known] + [x for x, *_ in reversed(known)]
    assert list(band.y) == [high for *_, high in known] + [low for _, low, _ in reversed(known)]
    for each in document["curves"]:
        del each["quality_ci95"]
    plain = quality_by_items(Value(document))
    assert bands(plain) == []
    assert isinstance(plain, Chart)
    assert "shaded" not in plain.caption


def test_the_caption_says_what_items_and_networks_move(document: dict[str, Any]) -> None:
    found = quality_by_items(Value(document))
    assert isinstance(found, Chart)
    ends = [row["quality"][-1] for row in document["curves"] if len(row["networks"]) == 1]
    assert "From 64 to 4,000 items" in found.caption
    assert f"by {max(ends) - min(ends):.4f}" in found.caption
    assert "n = 1,000 queries" in found.caption


def test_what_the_chosen_funnel_keeps_is_marked(document: dict[str, Any]) -> None:
    found = quality_by_kept(Value(document))
    assert isinstance(found, Chart)
    kept = document["chosen"]["items"][1]
    assert any(each.text == f"chosen: {kept}" for each in found.figure.layout.annotations)
    document["chosen"]["items"] = [4000]
    alone = quality_by_kept(Value(document))
    assert isinstance(alone, Chart)
    assert not any("chosen" in each.text for each in alone.figure.layout.annotations)


def test_without_curves_nothing_is_drawn(document: dict[str, Any]) -> None:
    document["curves"] = [row for row in document["curves"] if len(row["networks"]) == 1]
    assert isinstance(quality_by_items(Value(document)), Chart)
    assert isinstance(quality_by_kept(Value(document)), Absent)
    assert isinstance(quality_by_items(Value({})), Absent)

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tailrank.report.rpaccel import render, write

VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "line"}
PARTS = ("claims", "headline", "waterfall", "configurations", "fig10a", "fig10b", "fig11", "fig12", "fig13", "fig14")
PARTS += ("utilisation", "bugs", "combined", "sub_batches", "floorplans", "gantt", "checks", "searched", "fig10c")
PARTS += ("fig14_movielens",)


class Balanced(HTMLParser):
    """Tags that are open, and what was wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID or (tag in ("rect", "line") and not self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def without_scripts(page: str) -> str:
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_the_page_is_whole_and_loads_nothing(made: dict[str, Any]) -> None:
    page = render(made)
    assert page == render(json.loads(json.dumps(made)))
    text = without_scripts(page)
    reader = Balanced()
    reader.feed(text)
    assert reader.wrong == []
    assert reader.open == []
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "not shown" not in text
    assert "A quick run" in text
    for row in made["checks"]:
        assert f">{row['id']}<" in text


def test_every_drawing_is_there(made: dict[str, Any]) -> None:
    text = without_scripts(render(made))
    assert text.count("<svg") == len(made["floorplans"]) + len(made["gantt"])


@pytest.mark.parametrize("part", PARTS)
def test_what_is_missing_is_left_out_or_named(made: dict[str, Any], part: str) -> None:
    less = {key: value for key, value in made.items() if key != part}
    assert len(render(less)) < len(render(made))


def test_an_empty_document_still_makes_a_page() -> None:
    assert "holds no claims" in render({"schema": 1})


def test_text_cannot_become_markup(made: dict[str, Any]) -> None:
    evil = json.loads(json.dumps(made))
    evil["floorplans"][0]["name"] = "<script>alert(1)</script>"
    evil["gantt"]["released"]["lanes"][0] = evil["gantt"]["released"]["segments"][0]["lane"] = '"><script>alert(2)'
    for segment in evil["gantt"]["released"]["segments"]:
        if segment["lane"] == made["gantt"]["released"]["lanes"][0]:
            segment["lane"] = evil["gantt"]["released"]["lanes"][0]
    assert "<script>alert" not in render(evil)


def test_it_is_written_beside_the_result(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(made))
    assert write(tmp_path).read_text() == render(made)

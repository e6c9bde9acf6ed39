import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tailrank.core import BadInputError
from tailrank.report.document import Value
from tailrank.report.recpipe import render, write
from tailrank.report.recpipe.answers import answers

PARTS = ("logged", "quality", "latency", "modern", "limits", "cut", "checks", "data")


def test_the_page_holds_every_check_and_needs_nothing_else(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(document))
    page = write(tmp_path).read_text(encoding="utf-8")
    for each in document["checks"]:
        assert each["ours"].replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;") in page
    assert page.count('class="chart"') == 8
    assert "src=" not in page.split("<script>")[0]
    assert page == render(document)


def test_logged_numbers_are_tagged_in_every_table_that_shows_them(document: dict[str, Any]) -> None:
    page = render(document)
    for words in ("one / two: logged [L]", "logged p95, ms [L]", "logged, ms [L]"):
        assert words in page


@pytest.mark.parametrize("missing", PARTS)
def test_a_part_that_is_missing_is_said_to_be(document: dict[str, Any], missing: str) -> None:
    page = render({key: value for key, value in document.items() if key != missing})
    assert page.lower().startswith("<!doctype html>")


def test_an_empty_document_says_so_everywhere() -> None:
    page = render({"schema": 1})
    assert "the document holds no checks" in page
    assert page.count('class="absent"') >= 8
    assert page.count("The document holds nothing that answers this.") >= 3


def test_an_unfinished_number_never_becomes_a_claim(document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    changed["quality"]["synthetic"]["effects"]["ndcg"]["items_points"] = None
    words = next(each for each in answers(Value(changed)) if each.key == "quality").paragraphs
    assert not any("On synthetic" in each for each in words)


def test_no_text_of_the_document_becomes_markup(document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    changed["checks"][0]["ours"] = "<script>alert(1)</script>"
    assert "<script>alert" not in render(changed)


def test_a_quick_run_says_that_nothing_counts(document: dict[str, Any]) -> None:
    assert "A quick run" in render(document | {"quick": True})
    assert "A quick run" not in render(document)


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"result\.json"):
        write(tmp_path)

import copy
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan
from tailrank.core.config import loads
from tailrank.report import page, render, write

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """What a browser would see: elements balanced, their attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.pre: list[str] = []
        self.styles: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.styles.append(data)
        elif self.open[-1:] != ["script"]:
            self.words.append(data)
            if self.open[-1:] == ["pre"]:
                self.pre.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def charts(self) -> list[str]:
        return [attrs["id"] or "" for tag, attrs in self.elements if attrs.get("class") == "chart"]


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave plotly's four megabytes out, where a test renders often."""
    monkeypatch.setattr(page, "get_plotlyjs", lambda: "")


def test_the_page_is_whole_and_loads_nothing(document: dict[str, Any]) -> None:
    text = render(document)
    outline = Outline(text)
    assert outline.open == []
    for tag, attrs in outline.elements:
        assert tag not in {"iframe", "object", "embed", "base", "img", "form"}
        for name in ("src", "href", "action", "srcset", "poster"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#")), (tag, attrs)
    assert "url(" not in "".join(outline.styles)
    assert "@import" not in "".join(outline.styles)
    assert text.count("plotly.js v") == 1


def test_the_same_document_gives_the_same_page(document: dict[str, Any]) -> None:
    assert render(document) == render(copy.deepcopy(document))


def test_rendering_leaves_the_document_alone(document: dict[str, Any], light: None) -> None:
    before = copy.deepcopy(document)
    render(document)
    assert document == before


def test_the_full_page_draws_every_figure_and_says_what_matters(document: dict[str, Any], light: None) -> None:
    outline = Outline(render(document))
    assert len(outline.charts) == 8
    assert "is not shown" not in outline.text
    for words in (
        "rmc1 serves 772 queries/s",
        "Not certified",
        document["verdict"]["text"],
        "776 to 790",
        "1.031 to 1.052",
        "750 to 795",
        document["command"],
        "abc1234",
        "AMD EPYC 7B13",
        *document["notes"],
        *document["network"]["notes"],
    ):
        assert words in outline.text


def test_the_plan_shown_is_a_plan_file(document: dict[str, Any], light: None) -> None:
    document["plan"]["stages"][0]["offload_at"] = None
    found = loads(Plan, Outline(render(document)).pre[0])
    assert found.stages[0].batch_size == document["plan"]["stages"][0]["batch_size"]


def test_an_empty_document_says_what_is_absent(light: None) -> None:
    outline = Outline(render({}))
    assert outline.charts == []
    assert outline.text.count("is not shown") == 8
    assert "not measured" in outline.text
    assert "The engine was not run" in outline.text
    for nonsense in ("None", "nan", "null"):
        assert f" {nonsense} " not in outline.text


def test_without_an_engine_the_prediction_is_called_one(document: dict[str, Any], light: None) -> None:
    for key in ("engine", "latency_cdf", "slow_query", "sim_error_pct", "sim_error_same_run_pct"):
        document[key] = None
    text = Outline(render(document)).text
    assert "rmc1 is predicted to serve 783 queries/s" in text
    assert "rmc1 serves" not in text


def test_a_capacity_not_bracketed_is_not_given_as_one(document: dict[str, Any], light: None) -> None:
    document["engine"].update(capacity_qps=0.0, capacity_bracket_qps=[0.0, 434.0])
    text = Outline(render(document)).text
    assert "On the engine rmc1 met the target at no load tried: p95" in text
    assert "serves 0" not in text
    document["engine"].update(capacity_qps=900.0, capacity_bracket_qps=[900.0, None])
    assert "rmc1 serves at least 900 queries/s" in Outline(render(document)).text


@pytest.mark.parametrize(("certified", "words"), [(True, "Certified"), (False, "Not certified"), (None, "No verdict")])
def test_only_a_certificate_is_called_one(certified: bool | None, words: str, light: None) -> None:
    outline = Outline(render({"verdict": {"certified": certified, "text": "because"}}))
    assert f"{words} because" in outline.text
    assert ("badge certified" in {attrs.get("class") for _, attrs in outline.elements}) == bool(certified)


HOSTILE = (
    "</script><script>alert(1)</script><img src=https://evil.example/x><a href='https://evil.example'>b</a>{{7*7}}"
)


def poisoned(data: Any) -> Any:
    """Return the document with every text replaced by a hostile one, and every table given a hostile key."""
    if isinstance(data, dict):
        return {key: poisoned(each) for key, each in data.items()} | {HOSTILE: HOSTILE}
    if isinstance(data, list):
        return [poisoned(each) for each in data]
    return HOSTILE if isinstance(data, str) else data


def test_hostile_text_stays_text(document: dict[str, Any], light: None) -> None:
    hostile = poisoned(document)
    hostile["operators"][0]["shares"][HOSTILE] = 0.2
    text = render(hostile)
    clean, outline = Outline(render(document)), Outline(text)
    assert HOSTILE in outline.text
    kinds = {tag for tag, _ in outline.elements}
    assert kinds <= {tag for tag, _ in clean.elements}
    assert sum(tag == "script" for tag, _ in outline.elements) == 2
    scripts = text[text.index("const charts") :]
    assert "\\u003ca href" not in scripts  # plotly draws links in labels: they must arrive escaped


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data[:3]) if isinstance(data, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


JUNK = st.sampled_from(
    [None, [], {}, "", "x", True, float("nan"), float("inf"), 0, -1, -3.5, 1e308, 10**400, 1e-300, [None], [{}], [[1]]]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_wrong_value_anywhere_breaks_the_page(built: dict[str, Any], light: None, data: st.DataObject) -> None:
    document = copy.deepcopy(built)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)[1:]))
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = copy.deepcopy(data.draw(JUNK))  # the next one may land inside it
    assert Outline(render(document)).open == []


def test_write_puts_the_page_beside_the_result(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    path = write(tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == render(document)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "result.json"]


@pytest.mark.parametrize("text", [None, "not json", "[]"])
def test_write_without_a_good_result_is_bad_input_and_writes_nothing(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"result\.json"):
        write(tmp_path)
    assert not (tmp_path / "report.html").exists()

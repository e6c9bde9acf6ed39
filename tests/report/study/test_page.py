import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.report.study import page, render, write

FIGURES = 19  # with two hosts


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave plotly's four megabytes out, where a test renders often."""
    monkeypatch.setattr(page, "get_plotlyjs", lambda: "")


def test_the_page_is_whole_and_loads_nothing(document: dict[str, Any], seen: Callable[[str], Any]) -> None:
    text = render(document)
    found = seen(text)
    assert found.unclosed == []
    assert found.fetched == []
    assert not found.tags & {"iframe", "object", "embed", "base", "img", "form"}
    assert text.count("plotly.js v") == 1
    assert "url(" not in text[text.index("<style>") : text.index("</style>")]


def test_the_full_page_draws_every_figure_and_answers_every_question(
    document: dict[str, Any], seen: Callable[[str], Any], light: None
) -> None:
    found = seen(render(document))
    assert len(found.charts) == len(set(found.charts)) == FIGURES
    assert "is not shown" not in found.text
    assert "not measured" not in found.text
    assert "nothing that answers" not in found.text
    for words in (
        "1. How does recommendation differ",
        "5. How does the CPU move",
        "the paper: 2.1 (A)",
        "the paper: 5.1 (C)",
        "12 of 17",
        document["command"],
        "H100, fused",
        "48 of 48 cells",
        "Every cell on broadwell-28c",
    ):
        assert words in found.text


def test_numbers_of_the_page_come_from_the_document(
    document: dict[str, Any], seen: Callable[[str], Any], light: None
) -> None:
    before = seen(render(document)).text
    for host in document["geomean_gain"].values():
        host["cpu"]["medium"] = 1.23
    after = seen(render(document)).text
    assert "1.23\N{MULTIPLICATION SIGN}" not in before
    assert "1.23\N{MULTIPLICATION SIGN}" in after


def test_the_same_document_gives_the_same_page_and_stays_as_it_is(document: dict[str, Any], light: None) -> None:
    before = copy.deepcopy(document)
    assert render(document) == render(copy.deepcopy(document))
    assert document == before


def test_an_empty_document_says_what_is_absent(seen: Callable[[str], Any], light: None) -> None:
    found = seen(render({}))
    assert found.charts == []
    assert found.text.count("is not shown") >= 12
    assert found.text.count("nothing that answers this") == 5
    for nonsense in ("None", "nan", "null"):
        assert f" {nonsense} " not in found.text


def test_a_host_with_a_gpu_in_its_name_is_the_same_host(
    document: dict[str, Any], seen: Callable[[str], Any], light: None
) -> None:
    before = seen(render(document)).text
    for cell in document["cells"]:
        if cell["scheduler"] == "gpu":
            cell["host"] += "+gtx-1080ti"
    assert seen(render(document)).text == before


HOSTILE = (
    "</script><script>alert(1)</script><img src=https://evil.example/x><a href='https://evil.example'>b</a>{{7*7}}"
)


def poisoned(data: Any) -> Any:
    """Return the document with every text replaced by a hostile one that still tells texts apart."""
    if isinstance(data, dict):
        return {key: poisoned(each) for key, each in data.items()} | {HOSTILE: HOSTILE}
    if isinstance(data, list):
        return [poisoned(each) for each in data]
    return HOSTILE + data if isinstance(data, str) else data


def test_hostile_text_stays_text(document: dict[str, Any], seen: Callable[[str], Any], light: None) -> None:
    hostile = poisoned(document)
    for cell, good in zip(hostile["cells"], document["cells"], strict=True):
        cell["scheduler"] = good["scheduler"]
    text = render(hostile)
    found = seen(text)
    assert HOSTILE in found.text
    assert found.fetched == []
    assert found.tags <= seen(render(document)).tags | seen(render({})).tags
    assert "\\u003ca href" not in text[text.index("const charts") :]  # plotly draws links in labels


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data[:3]) if isinstance(data, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


JUNK = st.sampled_from(
    [None, [], {}, "", "x", True, float("nan"), float("inf"), 0, -1, -3.5, 1e308, 10**400, 1e-300, [None], [{}], [[1]]]
)


# A page takes a second: to shrink a failure would take minutes.
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_wrong_value_anywhere_breaks_the_page(
    built: dict[str, Any], seen: Callable[[str], Any], light: None, data: st.DataObject
) -> None:
    document = copy.deepcopy(built)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)[1:]))
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = copy.deepcopy(data.draw(JUNK))  # the next one may land inside it
    assert seen(render(document)).unclosed == []


def test_write_puts_the_page_beside_the_result(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    path = write(tmp_path)
    assert path.read_text(encoding="utf-8") == render(document)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "result.json"]


def test_write_without_a_result_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"result\.json"):
        write(tmp_path)

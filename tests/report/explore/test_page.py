import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.report import render_explore, write_explore
from tailrank.report.explore import page

FIGURES = 6


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave plotly's four megabytes out, where a test renders often."""
    monkeypatch.setattr(page, "get_plotlyjs", lambda: "")


def test_the_page_is_whole_and_loads_nothing(document: dict[str, Any], seen: Callable[[str], Any]) -> None:
    text = render_explore(document)
    found = seen(text)
    assert found.unclosed == []
    assert found.fetched == []
    assert not found.tags & {"iframe", "object", "embed", "base", "img", "form"}
    assert text.count("plotly.js v") == 1


@pytest.mark.usefixtures("light")
def test_the_full_page_draws_every_figure_and_says_everything(
    document: dict[str, Any], seen: Callable[[str], Any]
) -> None:
    text = render_explore(document)
    found = seen(text)
    assert len(found.charts) == len(set(found.charts)) == FIGURES
    assert text.count("<svg") == 2
    for nonsense in ("is not shown", "not measured", "None", " nan "):
        assert nonsense not in found.text
    for words in (
        "Verified on the engine",
        "synthetic, p95 ≤ 50 ms, at most 0.5 % of the best network's quality",
        "Something limits the answer.",
        "5,000 of 5,000",
        "highest quality of all",
        "[chosen funnel]",
        "What was not done",
        "baseline.toml, best single stage",
        document["command"],
        "A processor, 2 cores",
    ):
        assert words in found.text


@pytest.mark.usefixtures("light")
def test_the_same_document_gives_the_same_page_and_stays_as_it_is(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    assert render_explore(document) == render_explore(copy.deepcopy(document))
    assert document == before


@pytest.mark.usefixtures("light")
def test_without_an_engine_the_page_says_so(document: dict[str, Any], seen: Callable[[str], Any]) -> None:
    document |= {"engine": None, "ratio_capacity": None, "ratio_p95": None}
    found = seen(render_explore(document))
    assert "Simulated" in found.text
    assert "The engine was not run" in found.text
    assert "in the simulator" in found.text
    assert "on the engine" not in found.text.split("The funnel")[0]
    assert "Engine runs" not in found.text
    assert len(found.charts) == FIGURES


@pytest.mark.usefixtures("light")
def test_without_a_funnel_within_the_floor_the_page_says_so(
    document: dict[str, Any], seen: Callable[[str], Any]
) -> None:
    document |= {"chosen": None, "best_single_stage": None, "funnel": [], "iso_quality": {}, "engine": None}
    found = seen(render_explore(document))
    assert "No funnel was chosen" in found.text
    assert found.text.count("no funnel within the quality floor") == 2
    assert "The drawing of the funnel is not shown" in found.text
    assert len(found.charts) == FIGURES - 2


@pytest.mark.usefixtures("light")
def test_an_empty_document_says_what_is_absent(seen: Callable[[str], Any]) -> None:
    found = seen(render_explore({}))
    assert found.charts == []
    assert found.text.count("is not shown") >= FIGURES
    for nonsense in ("None", "nan", "null", "[]"):
        assert f" {nonsense} " not in found.text


@pytest.mark.usefixtures("light")
def test_every_part_may_be_missing(built: dict[str, Any], seen: Callable[[str], Any]) -> None:
    for missing in built:
        assert seen(render_explore({key: value for key, value in built.items() if key != missing})).unclosed == []


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


@pytest.mark.usefixtures("light")
def test_hostile_text_stays_text(document: dict[str, Any], seen: Callable[[str], Any]) -> None:
    text = render_explore(poisoned(document))
    found = seen(text)
    assert HOSTILE in found.text
    assert found.fetched == []
    assert found.tags <= seen(render_explore(document)).tags | seen(render_explore({})).tags
    assert "\\u003ca href" not in text[text.index("const charts") :]  # plotly draws links in labels


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data[:3]) if isinstance(data, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


JUNK = st.sampled_from(
    [None, [], {}, "", "x", True, float("nan"), float("inf"), 0, -1, -3.5, 1e308, 10**400, 1e-300, [None], [{}], [[1]]]
)


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_wrong_value_anywhere_breaks_the_page(
    built: dict[str, Any], seen: Callable[[str], Any], light: None, data: st.DataObject
) -> None:
    document = copy.deepcopy(built)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(places(document)[1:]))
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = copy.deepcopy(data.draw(JUNK))  # the next one may land inside it
    assert seen(render_explore(document)).unclosed == []


def test_write_puts_the_page_beside_the_result(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(document), encoding="utf-8")
    path = write_explore(tmp_path)
    assert path.read_text(encoding="utf-8") == render_explore(document)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "result.json"]


def test_write_without_a_result_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"result\.json"):
        write_explore(tmp_path)

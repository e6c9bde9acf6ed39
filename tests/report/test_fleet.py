import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tailrank.core import BadInputError
from tailrank.report import fleet, render_fleet, write_fleet

HOUR = {
    "hour": 0,
    "demand_qps": 900.0,
    "hosts": {"cpu <b>": 3, "gpu": 0},
    "capacity_qps": 1000.0,
    "load": 0.6,
    "power_w": 1234.0,
    "price": None,
}
KIND = {
    "name": "cpu <b>",
    "capacity_qps": 510.0,
    "capacity_ci95_qps": [500.0, 520.0],
    "planned_qps": 500.0,
    "batch_size": 64,
    "offload_at": None,
    "idle_w": 100.0,
    "full_w": 300.0,
    "price_per_hour": None,
}
TOTALS = {"host_hours": 3, "energy_kwh": 1.234, "cost": None, "most": {"cpu <b>": 3, "gpu": 0}}
DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "network": "rmc1",
    "sla": {"percentile": 95, "latency_ms": 100},
    "spare": 1,
    "aim": "power",
    "trace": {"text": "a day", "mean_qps": 900.0},
    "kinds": [KIND, KIND | {"name": "gpu", "offload_at": 128}],
    "hours": [HOUR],
    "kept_hours": [HOUR],
    "totals": TOTALS,
    "kept": TOTALS,
    "alone": {"cpu <b>": TOTALS, "gpu": TOTALS},
    "verdict": {"text": "simulated, not verified on an engine"},
    "notes": ["h100 is left out: too <small>"],
    "command": "tailrank plan --fleet",
}


class Balanced(HTMLParser):
    """Checks that elements are balanced and gathers the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "get_plotlyjs", lambda: "")


@pytest.mark.usefixtures("light")
def test_the_page_says_what_was_found_and_escapes_names() -> None:
    text = render_fleet(DOCUMENT)
    assert text == render_fleet(DOCUMENT)
    page = " ".join(" ".join(Balanced(text).words).split()).replace("\N{NO-BREAK SPACE}", " ")
    assert "rmc1 needs up to 3 hosts" in page
    assert "N+1" in page
    assert "not verified on an engine" in page
    assert "cpu <b>" in page
    assert "cpu <b>" not in text
    assert "too <small>" in page
    assert "only gpu" in page
    assert text.count('class="chart"') == 3
    assert "src=" not in text


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("missing", sorted(DOCUMENT))
def test_a_document_that_lacks_something_still_makes_a_page(missing: str) -> None:
    Balanced(render_fleet({key: value for key, value in DOCUMENT.items() if key != missing}))


def test_the_page_is_written_beside_its_result(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(DOCUMENT))
    assert write_fleet(tmp_path).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(BadInputError):
        write_fleet(tmp_path / "absent")

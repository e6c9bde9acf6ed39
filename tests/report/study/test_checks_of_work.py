from collections.abc import Callable
from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.study import checks_of_work as checks

Evidence = dict[str, Any]


def rows_of(rows: list[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def rmc1_of_layers(evidence: Evidence) -> None:
    for row in rows_of(evidence["shares"], network="rmc1", device="cpu"):
        row["modelled"] = {"lookup": 0.1, "fc": 0.9}


def dien_that_recurs_more(evidence: Evidence) -> None:
    for row in rows_of(evidence["shares"], network="dien", device="cpu", items=1024):
        row["modelled"] = {"recurrent": 0.99, "fc": 0.01}


def fast_at_one(evidence: Evidence) -> None:
    rows_of(evidence["speedup"], network="wnd", items=1)[0]["modelled"] = 1.2


def dip(evidence: Evidence) -> None:
    rows_of(evidence["speedup"], network="ncf", items=64)[0]["modelled"] = 0.01


def rmc1_on_top(evidence: Evidence) -> None:
    rows_of(evidence["speedup"], network="rmc1", items=1024)[0]["modelled"] = 50.0


def rmc3_late(evidence: Evidence) -> None:
    for row in rows_of(evidence["speedup"], network="rmc3"):
        row["modelled"] = 0.01 * row["items"] ** 0.9


def flat_cost(evidence: Evidence) -> None:
    rows_of(evidence["per_item"], network="wnd", items=1000)[0]["us"] = 45.0


def steep_rmc2(evidence: Evidence) -> None:
    rows_of(evidence["per_item"], network="rmc2", items=1000)[0]["us"] = 10.0


def light_tail(evidence: Evidence) -> None:
    rows_of(evidence["sizes"], law="production")[0]["above_p75"] = 0.32


def regular_gaps(evidence: Evidence) -> None:
    rows_of(evidence["gaps"], kind="poisson")[1]["cv"] = 0.45


def wrong_shape(evidence: Evidence) -> None:
    rows_of(evidence["gaps"], kind="poisson")[0]["ks_p"] = 1e-9


def skipped_first(evidence: Evidence) -> None:
    evidence["climb"]["measured"] = [128]


def stuck_with_the_gpu(evidence: Evidence) -> None:
    evidence["climb"]["useless_gpu"] = 96


def hits_that_rise(evidence: Evidence) -> None:
    evidence["synthetic_reuse"][2]["hit_rate"] = 0.9


def uniform_that_hits(evidence: Evidence) -> None:
    evidence["synthetic_reuse"][0]["hit_rate"] = 0.5


def free_copies(evidence: Evidence) -> None:
    rows_of(evidence["transfer"], network="wnd")[0]["naive"] = 0.2


def better_is_worse(evidence: Evidence) -> None:
    rows_of(evidence["transfer"], network="ncf")[0]["better"] = 0.7


BROKEN: list[tuple[Callable[[Value], tuple[bool | None, str]], Callable[[Evidence], None]]] = [
    (checks.shares, rmc1_of_layers),
    (checks.shares_by_batch, rmc1_of_layers),
    (checks.shares_by_batch, dien_that_recurs_more),
    (checks.speedups, fast_at_one),
    (checks.speedups, dip),
    (checks.speedups, rmc1_on_top),
    (checks.speedups, rmc3_late),
    (checks.batching, flat_cost),
    (checks.batching, steep_rmc2),
    (checks.sizes, light_tail),
    (checks.gaps, regular_gaps),
    (checks.gaps, wrong_shape),
    (checks.climb, skipped_first),
    (checks.climb, stuck_with_the_gpu),
    (checks.locality, hits_that_rise),
    (checks.locality, uniform_that_hits),
    (checks.transfer, free_copies),
    (checks.transfer, better_is_worse),
]


@pytest.mark.parametrize(("find", "spoil"), BROKEN, ids=lambda each: each.__name__)
def test_what_a_check_is_about_breaks_it(
    document: dict[str, Any],
    find: Callable[[Value], tuple[bool | None, str]],
    spoil: Callable[[Evidence], None],
) -> None:
    assert find(Value(document))[0] is True
    spoil(document["evidence"])
    holds, ours = find(Value(document))
    assert holds is False
    assert ours


def test_a_wrong_shape_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.shapes(Value()) == (True, "8 of 8 as published")
    monkeypatch.setitem(checks.SHAPES, "wnd", (1376, 9.9, 0.005, 3.4, 0.05))
    holds, ours = checks.shapes(Value())
    assert holds is False
    assert "WnD" in ours

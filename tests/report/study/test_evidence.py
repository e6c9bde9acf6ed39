import json
from typing import Any

import pytest

from tailrank.report.study import check, gather
from tailrank.report.study.paper import NETWORKS


@pytest.fixture(scope="module")
def evidence() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TAILRANK_DATA", raising=False)
        return gather(seed=1)


def test_it_is_json_and_the_same_again(evidence: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAILRANK_DATA", raising=False)
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence
    assert gather(seed=1) == evidence


def test_the_roofline_holds_every_network_at_every_batch(evidence: dict[str, Any]) -> None:
    points = evidence["roofline"]["points"]
    assert len(points) == (len(NETWORKS) + 2) * 3
    for point in points:
        roof = min(evidence["roofline"]["peak_gflops"], point["flops_per_byte"] * evidence["roofline"]["dram_gbps"])
        assert point["bound_gflops"] == pytest.approx(roof)


def test_embedding_networks_stay_and_mlp_networks_climb(evidence: dict[str, Any]) -> None:
    at = {(point["network"], point["batch"]): point["flops_per_byte"] for point in evidence["roofline"]["points"]}
    assert at["rmc1", 1024] == pytest.approx(3.0, abs=0.1)  # of the fact sheet's arithmetic
    assert at["rmc2", 1024] == pytest.approx(4.0, abs=0.15)
    assert at["rmc3", 1024] == pytest.approx(99, abs=2)
    assert min(at[name, 1024] for name in ("ResNet-50", "BERT-base, 128 tokens")) > at["rmc2", 1024]


def test_laws_and_gaps_pass_their_checks(evidence: dict[str, Any]) -> None:
    holds = {row["id"]: row["holds"] for row in check({"evidence": evidence})}
    assert (holds[1], holds[11], holds[12], holds[14], holds[16]) == (True,) * 5
    assert {number for number, held in holds.items() if held is None} == {6, 7, 8, 9, 10, 13, 15}

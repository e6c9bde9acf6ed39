from typing import Any

from tailrank.report.document import Value
from tailrank.report.study.differences import differences


def test_each_ratio_is_set_beside_the_papers_with_its_tags(document: dict[str, Any]) -> None:
    found = differences(Value(document))
    assert found[0].startswith(
        "CPU only on broadwell-28c: 1.60/1.80/2.00 at low/medium/high is below the paper's 1.7/2.1/2.7"
    )
    assert "(R-h/A/R-h)" in found[0]
    assert "agrees with the paper's" in found[2]  # 4.0, 4.5, 5.0 for 4.0, 5.1, 5.8


def test_a_gpu_is_counted_in_cores_and_the_nearest_reading_is_named(document: dict[str, Any]) -> None:
    words = " ".join(differences(Value(document)))
    # the figure at batch 1,024: 0.3 * 1024 ** 0.4 * 1.1 = 5.28 cores for most, 0.8 in place of 0.3 for RMC3
    assert "at most 1.35\N{MULTIPLICATION SIGN}" in words
    assert "“H100, fused”, with 4.90\N{MULTIPLICATION SIGN}" in words
    assert "Within the paper's range: H100, fused." in words


def test_cells_that_static_cannot_serve_are_counted(document: dict[str, Any]) -> None:
    for cell in document["cells"]:
        if cell["scheduler"] == "static" and cell["network"] == "mtwnd" and cell["host"] == "skylake-40c":
            cell["capacity_qps"] = 0.0
    assert "In 3 cells the static plan misses" in " ".join(differences(Value(document)))


def test_without_gains_nothing_is_said() -> None:
    assert differences(Value({})) == []


def test_what_larger_batches_can_gain_at_most_is_said(document: dict[str, Any]) -> None:
    words = " ".join(differences(Value(document)))
    assert "at most 1.50\N{MULTIPLICATION SIGN} as fast" in words
    assert "so no batch size gives the paper's factor" in words
    for row in document["evidence"]["headroom"]:
        row["gain"] = 3.0
    assert "leaves room for the paper's factor" in " ".join(differences(Value(document)))


def test_flatness_near_the_best_batch_size_is_said(document: dict[str, Any]) -> None:
    # the curves of the fixture halve at one step beside their peak
    assert "keeps 50\N{NO-BREAK SPACE}% of its capacity" in " ".join(differences(Value(document)))

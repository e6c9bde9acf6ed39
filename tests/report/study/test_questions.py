from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.study.questions import answers

X = "\N{MULTIPLICATION SIGN}"


def said(document: dict[str, Any], key: str) -> str:
    return " ".join(next(each.paragraphs for each in answers(Value(document)) if each.key == key))


def test_five_questions_are_asked_and_an_empty_document_answers_none() -> None:
    found = answers(Value({}))
    assert [each.question[:2] for each in found] == ["1.", "2.", "3.", "4.", "5."]
    assert {each.paragraphs for each in found} == {("The document holds nothing that answers this.",)}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("differs", "from 1.00 FLOPs per byte (RMC1) to 512 (RMC3)"),
        ("differs", f"gain at most 1.00{X} in FLOPs per byte"),
        ("differs", "10 rows for an item of RMC1 up to 80 for one of DIEN"),
        ("differs", "35\N{NO-BREAK SPACE}% and 61\N{NO-BREAK SPACE}% on a service"),
        ("faithful", "number 12"),
        ("faithful", f"1.00{X} (RMC1) to 1.07{X} (DIEN)"),
        ("faithful", "p95 is off by 7.0\N{NO-BREAK SPACE}% in the median and 8.5\N{NO-BREAK SPACE}% at most"),
        ("faithful", "profiled ones by 20\N{NO-BREAK SPACE}% in the median"),
        ("faithful", "Other processes took 2.0\N{NO-BREAK SPACE}% of"),
        ("climbs", "within 1 % in 1 of 2 cells;"),
        ("climbs", "5.0\N{NO-BREAK SPACE}%, for WnD at the low target"),
        ("climbs", "lost up to 8.0\N{NO-BREAK SPACE}% (WnD at the low target on skylake-40c); the walk mattered"),
        ("climbs", "serves at most 5.0\N{NO-BREAK SPACE}% of the plans"),
        ("climbs", f"1.10{X} at low"),
        (
            "gpu",
            f"skylake-40c with gtx-1080ti over its tuned CPU alone, geometric mean: low 2.50{X} (1.25{X} per watt)",
        ),
        ("gpu", "It adds most to"),
        ("hardware", f"the tuned batch is 1.00{X} that on broadwell-28c"),
        ("hardware", f"Half the SIMD width: a core needs 0.500{X} the batch"),
    ],
)
def test_answers_are_made_of_the_documents_numbers(document: dict[str, Any], key: str, words: str) -> None:
    assert words in said(document, key)


def test_no_offload_is_said_where_it_is_best(document: dict[str, Any]) -> None:
    next(cell for cell in document["cells"] if cell["scheduler"] == "gpu")["offload_at"] = None
    assert "In 1 cell no offload is best (RMC1)." in said(document, "gpu")


def test_what_was_not_compared_is_said(document: dict[str, Any]) -> None:
    document["fidelity"], document["regret"] = {"absent": "the engine needs torch", "rows": []}, []
    assert "not compared with an engine in this document: the engine needs torch." in said(document, "faithful")
    assert "not in this document" in said(document, "climbs")
    document["evidence"]["reuse"] = {"absent": "there are none"}
    assert "absent here: there are none." in said(document, "differs")

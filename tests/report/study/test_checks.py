from typing import Any

import pytest

from tailrank.report.study import check


def test_there_are_seventeen_and_a_good_study_passes_them_all(document: dict[str, Any]) -> None:
    found = check(document)
    assert [row["id"] for row in found] == list(range(1, 18))
    assert [row["id"] for row in found if row["holds"] is not True] == []
    assert all(row["text"] and row["tag"] and row["ours"] for row in found)


def test_of_an_empty_document_only_the_shapes_can_be_told() -> None:
    found = check({})
    assert [row["id"] for row in found if row["holds"] is not None] == [1]


def test_the_document_stays_as_it_is_and_what_is_missing_is_not_an_error(document: dict[str, Any]) -> None:
    import copy

    for key in list(document):
        less = copy.deepcopy(document)
        del less[key]
        assert len(check(less)) == 17
    before = copy.deepcopy(document)
    assert check(document) == check(before)
    assert document == before


@pytest.mark.parametrize("key", ["cells", "curves", "penalty", "evidence"])
def test_without_a_part_what_it_says_cannot_be_told(document: dict[str, Any], key: str) -> None:
    del document[key]
    holds = [row["holds"] for row in check(document)]
    assert None in holds
    assert False not in holds

import pytest

from tailrank.core import BadInputError
from tailrank.core.config import from_dict
from tailrank.timing import NO_OVERHEADS, Overheads


def test_no_overheads_is_all_zero() -> None:
    assert {getattr(NO_OVERHEADS, name) for name in Overheads.__struct_fields__} == {0}
    assert from_dict(Overheads, {}) == NO_OVERHEADS


@pytest.mark.parametrize("field", Overheads.__struct_fields__)
def test_negative_costs_are_refused(field: str) -> None:
    with pytest.raises(BadInputError, match=field):
        from_dict(Overheads, {field: -1})

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.native import check, check_inputs, interpret, program
from tailrank.native.program import Op


def test_every_operation_has_a_public_name():
    assert {kind.__name__ for kind in get_args(Op)} <= set(program.__all__)


@pytest.mark.parametrize("kind", get_args(Op))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_operation_can_be_checked_and_interpreted(cases, kind, data):
    case = data.draw(cases(kind))
    whole = case.scoring(0)
    check(whole)
    items = check_inputs(whole, case.inputs)
    assert interpret(whole, case.inputs).shape == (items,)

import pytest

from tailrank.core import BadInputError, InfeasibleError, SetupError, TailrankError


def test_an_error_reads_as_message_then_hint() -> None:
    assert str(BadInputError("no such plan", hint="make one")) == "no such plan\nhint: make one"
    assert str(BadInputError("no such plan")) == "no such plan"


@pytest.mark.parametrize(("kind", "code"), [(BadInputError, 2), (InfeasibleError, 3), (SetupError, 4)])
def test_exit_codes_are_part_of_the_interface(kind: type[TailrankError], code: int) -> None:
    assert kind("x").exit_code == code
    assert issubclass(kind, TailrankError)

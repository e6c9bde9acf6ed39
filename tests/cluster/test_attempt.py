import math
import pickle
from types import ModuleType

import pytest

from tailrank.cluster.attempt import LONGEST, attempt, attempt_afar, brief


def test_an_outcome_is_a_result_or_an_error() -> None:
    assert attempt(math.sqrt, 9.0).result == 3.0
    failed = attempt(math.sqrt, -9.0)
    assert failed.result is None
    assert isinstance(failed.error, ValueError)


@pytest.mark.parametrize("name", ["stumble", "awkward", "refuse"])
def test_an_error_from_afar_survives_pickling_and_says_where_it_happened(sweepable: ModuleType, name: str) -> None:
    outcome = attempt_afar(getattr(sweepable, name), sweepable.Cell(0))
    error = pickle.loads(pickle.dumps(outcome.error))
    assert str(error) == str(outcome.error)
    assert f"in {name}" in "".join(error.__notes__)


def test_an_interrupt_is_no_outcome() -> None:
    def interrupted(cell: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted, 1)


def test_a_cell_is_named_by_its_label_or_its_beginning(sweepable: ModuleType) -> None:
    assert brief(sweepable.Cell(3)) == "number 3"
    assert brief(("rmc1", 5)) == "('rmc1', 5)"
    assert len(brief(list(range(1000)))) == LONGEST

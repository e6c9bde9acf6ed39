import argparse

import pytest

from tailrank.cli import fleet
from tailrank.cli.fleet import hours_of, kinds_of, prices_of, totals_of
from tailrank.cli.main import Parser
from tailrank.cli.plan import add_arguments
from tailrank.cli.progress import Progress
from tailrank.core import BadInputError, InfeasibleError
from tailrank.tuner import HostKind, plan_fleet

ONE, OTHER = HostKind("one", 100, 10, 20, 1.0), HostKind("other", 300, 20, 80)


def arguments(*words: str) -> argparse.Namespace:
    parser = Parser()
    add_arguments(parser)
    return parser.parse_args(["--fleet", "--trace", "diurnal", "--network", "rmc1", *words])


def test_prices_are_by_host_even_with_an_equals_sign_in_its_name() -> None:
    assert prices_of(["a:cores=4=2.5", "b=0"], ["a:cores=4", "b"]) == {"a:cores=4": 2.5, "b": 0.0}


@pytest.mark.parametrize("text", ["c=1", "a", "a=", "a=x", "a=-1", "a=nan", "a=inf"])
def test_prices_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BadInputError) as caught:
        prices_of([text], ["a"])
    assert text in caught.value.message
    assert caught.value.hint


def test_hours_and_totals_are_plain_data() -> None:
    found = plan_fleet([ONE, OTHER], [100, 300], spare=0, aim="hosts")
    assert [hour["hosts"] for hour in hours_of(found)] == [{"one": 1, "other": 0}, {"one": 0, "other": 1}]
    assert [hour["hour"] for hour in hours_of(found)] == [0, 1]
    assert [hour["price"] for hour in hours_of(found)] == [1.0, None]
    assert totals_of(found) == {
        "host_hours": 2,
        "energy_kwh": pytest.approx(0.1),
        "cost": None,
        "most": {"one": 1, "other": 1},
    }


def test_hosts_are_checked_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def worked(*args: object, **more: object) -> None:
        raise AssertionError("work began")

    monkeypatch.setattr(fleet, "climbed", worked)
    with Progress(quiet=True) as progress:
        with pytest.raises(BadInputError, match="twice"):
            kinds_of(arguments("--host", "skylake-40c", "--host", "skylake-40c"), {}, progress)
        with pytest.raises(BadInputError, match="unknown device"):
            kinds_of(arguments("--host", "skylake-40c", "--host", "sky-lake"), {}, progress)


def test_a_kind_that_cannot_serve_is_left_out_and_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: object, **more: object) -> None:
        raise InfeasibleError("no plan can meet it", hint="loosen the target")

    monkeypatch.setattr(fleet, "climbed", none)
    with Progress(quiet=True) as progress, pytest.raises(InfeasibleError, match=r"skylake-40c:cores=2: no plan"):
        kinds_of(arguments("--host", "skylake-40c:cores=2"), {}, progress)

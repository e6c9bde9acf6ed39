import pytest

from tailrank.cli.reproduced import networks_of
from tailrank.core import BadInputError
from tailrank.tuner.readings import NETWORKS


def test_networks_come_in_the_studys_order() -> None:
    assert networks_of(None) == NETWORKS
    assert networks_of(" wnd, rmc1 ,wnd") == ("rmc1", "wnd")


@pytest.mark.parametrize(("text", "named"), [("rmc9", "rmc9"), ("rmc1,RMC2", "RMC2"), ("", "``"), (",", "`,`")])
def test_unknown_networks_are_named(text: str, named: str) -> None:
    with pytest.raises(BadInputError) as caught:
        networks_of(text)
    assert named.strip("`") in caught.value.message
    assert "rmc1" in caught.value.hint

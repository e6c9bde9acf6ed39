import pytest

from tailrank.core import BadInputError
from tailrank.zoo import get, names

PAPER = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
TIERS = (
    *(f"rm-{size}" for size in ("small", "med", "large")),
    *(f"neumf-{users}-{size}" for users in ("1m", "20m") for size in ("small", "medium", "large")),
    "neumf-1m-tiny",
)


def test_every_paper_network_has_its_artifact_shape():
    assert set(names()) == {*PAPER, *(f"{name}-artifact" for name in PAPER), "din-artifact-251", *TIERS}


@pytest.mark.parametrize("name", names())
def test_a_network_knows_its_name(name):
    assert get(name).name == name


def test_an_unknown_name_lists_the_known():
    with pytest.raises(BadInputError, match="did you mean `rmc1`"):
        get("rcm1")


def test_tasks_belong_to_multi_task_networks():
    assert get("mtwnd", tasks=5).chain("tower").copies == 5
    assert get("ncf", tasks=1) == get("ncf")
    with pytest.raises(BadInputError, match="one task"):
        get("ncf", tasks=2)
    with pytest.raises(BadInputError, match="start at 1"):
        get("mtwnd", tasks=0)


@pytest.mark.parametrize(
    ("name", "sla_ms"),
    [("ncf", 5), ("wnd", 25), ("mtwnd", 25), ("rmc1", 100), ("rmc2", 400), ("rmc3", 100), ("din", 100), ("dien", 35)],
)
def test_default_sla_targets(name, sla_ms):
    assert get(name).sla_ms == get(f"{name}-artifact").sla_ms == sla_ms

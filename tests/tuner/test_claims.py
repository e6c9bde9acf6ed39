import pytest

from tailrank.tuner.claims import claims
from tailrank.tuner.readings import SLOW
from tailrank.tuner.study import Column, ColumnResult

CAPACITY = {"static": 100.0, "cpu": 200.0, "gpu": 250.0}
FACTOR = {"low": 0.8, "medium": 1.0, "high": 1.2}
BATCH = {"rmc1": 256, "rmc2": 512, "rmc3": 128, "wnd": 64}


@pytest.fixture
def study(study_cell):
    """A study in which every claim holds, with some cells changed."""

    def made(changed=lambda cell: {}, slow_at=None):
        results = []
        for network in BATCH:
            cells = []
            for target, factor in FACTOR.items():
                for scheduler, qps in CAPACITY.items():
                    fields = {
                        "network": network,
                        "target": target,
                        "scheduler": scheduler,
                        "capacity_qps": qps * factor,
                        "batch_size": BATCH[network],
                    }
                    cells.append(study_cell(**(fields | changed(fields))))
            results.append(of("", network, cells))
            results.append(of(SLOW, network, [study_cell(network=network, scheduler="gpu", offload_at=slow_at)]))
        return claims(results)

    def of(reading, network, cells):
        column = Column(network=network, host="h", reading=reading)
        return ColumnResult(column=column, cells=tuple(cells), curves=(), penalty=(), poisson=(), probes=0)

    return made


def holds(rows) -> list[bool | None]:
    return [row["holds"] for row in rows]


def test_all_hold_where_they_do(study):
    assert holds(study()) == [True] * 5


def is_cell(fields, network, target, scheduler) -> bool:
    return (fields["network"], fields["target"], fields["scheduler"]) == (network, target, scheduler)


@pytest.mark.parametrize(
    ("number", "cell", "change"),
    [
        (0, ("wnd", "low", "cpu"), {"capacity_qps": 79.0}),
        (1, ("wnd", "low", "gpu"), {"capacity_qps": 159.0}),
        (2, ("rmc1", "medium", "static"), {"capacity_qps": 79.0}),
        (3, ("rmc1", "low", "cpu"), {"batch_size": 128}),
    ],
)
def test_each_fails_alone_where_one_cell_breaks_it(study, number, cell, change):
    found = study(lambda fields: change if is_cell(fields, *cell) else {})
    assert found[number]["holds"] is False
    assert [row["holds"] for at, row in enumerate(found) if at > number] == [True] * (4 - number)


def test_a_useless_gpu_must_not_be_used(study):
    assert holds(study(slow_at=512))[4] is False


def test_nothing_is_judged_without_cells():
    assert holds(claims([])) == [None] * 5

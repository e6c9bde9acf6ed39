import pytest
from msgspec.structs import replace

from tailrank.tuner.readings import NETWORKS, QUICK, READINGS, SEED, SLOW, columns, readings, repeats
from tailrank.tuner.study import Column, ColumnResult


def result(column: Column, cells) -> ColumnResult:
    return ColumnResult(column=column, cells=tuple(cells), curves=(), penalty=(), poisson=(), probes=0)


@pytest.fixture
def make(study_cell):
    def made(reading: str, network: str, cpu: float, gpu: float, batch: int = 64) -> ColumnResult:
        column = Column(network=network, host="skylake-40c", reading=reading)
        cells = [
            study_cell(
                network=network, target="medium", scheduler=name, capacity_qps=100 * gain, gain=gain, batch_size=batch
            )
            for name, gain in (("static", 1.0), ("cpu", cpu), ("gpu", gpu))
        ]
        return result(column, cells)

    return made


def test_columns_cover_the_papers_cells_and_every_reading():
    found = columns(seed=1)
    main = [each for each in found if each.reading == ""]
    assert {(each.network, each.host) for each in main} == {
        (network, host) for network in NETWORKS for host in ("broadwell-28c", "skylake-40c")
    }
    assert len(main) == 16
    assert {each.reading for each in found} == {"", SLOW, SEED, *(reading.key for reading in READINGS)}
    assert len(set(found)) == len(found)


def test_seed_and_effort_reach_every_column():
    found = columns(("rmc1",), seed=7, effort=QUICK)
    assert {each.effort for each in found} == {QUICK}
    assert {each.seed for each in found if each.reading != SEED} == {7}
    assert all(each.seed != 7 for each in found if each.reading == SEED)
    assert {each.network for each in found} == {"rmc1"}


def test_a_reading_is_the_mean_over_networks(make):
    key = READINGS[0].key
    rows = readings([make("", "rmc1", 2.0, 3.0), make(key, "rmc1", 2.0, 4.0), make(key, "wnd", 3.0, 9.0)])
    assert [row["name"] for row in rows] == ["as calibrated", key]
    assert rows[1]["gain"] == {"medium": pytest.approx(6.0)}
    assert rows[1]["over_cpu"] == {"medium": pytest.approx(6.0**0.5)}
    assert rows[1]["networks"] == {"rmc1": {"medium": 4.0}, "wnd": {"medium": 9.0}}
    assert rows[1]["of"] == {"medium": 2}


def test_without_results_there_are_no_readings(make):
    assert readings([]) == []


def test_repeats_count_doublings(make):
    rows = repeats([make("", "rmc1", 2.0, 3.0, batch=64), make(SEED, "rmc1", 2.0, 2.0, batch=128)])
    assert [(row["batch_size"], row["other_batch_size"], row["steps"]) for row in rows] == [(64, 128, 1.0)]
    assert repeats([make(SEED, "rmc1", 2.0, 2.0)]) == []


def test_every_reading_says_what_it_assumes():
    assert all(reading.assumption and reading.column.gpu for reading in READINGS)
    names = [replace(reading.column, network="rmc1").label for reading in READINGS]
    assert len(set(names)) >= 5

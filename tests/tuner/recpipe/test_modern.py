import pytest

from tailrank.tuner.recpipe import modern
from tailrank.tuner.recpipe.modern import CORES, Case, beside, cases, collapse, outcome, service_ms, sort_ms

TWO = "rm-small:4096>rm-large:128"
LOADS = (67.0, 4000.0, 20_000.0)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modern, "QUERIES", 1500)
    monkeypatch.setattr(modern, "REPETITIONS", 1)


def test_the_front_end_alone_moves_to_the_gpu() -> None:
    assert Case(funnel=TWO).devices == ("cpu", "cpu")
    assert Case(funnel=TWO, gpu="t4").devices == ("gpu", "cpu")
    assert len(set(cases())) == len(cases())


def test_capacity_stays_below_what_arithmetic_allows() -> None:
    found = outcome(Case(funnel=TWO), 1, LOADS)
    work_ms = sum(found.stage_ms) + sort_ms(4096) + sort_ms(128)
    bound = 1e3 * CORES / work_ms
    assert 0.5 * bound < found.capacity_qps <= 1.02 * bound
    assert found.p95_ms[67.0] == pytest.approx(work_ms, rel=0.05)
    assert found.p95_ms[20_000.0] is None


def test_slices_shorten_a_query_alone_and_change_capacity_little() -> None:
    whole, split = (outcome(Case(funnel="rm-large:4096", batch=batch), 1, LOADS[:1]) for batch in (4096, 256))
    assert (split.p95_ms[67.0] or 0) < 0.25 * (whole.p95_ms[67.0] or 0)
    assert split.capacity_qps == pytest.approx(whole.capacity_qps, rel=0.15)


def test_prepared_inputs_move_the_collapse() -> None:
    naive, pinned = (outcome(Case(funnel=TWO, gpu="t4", naive=naive), 1, LOADS[:1]) for naive in (True, False))
    rows = collapse([naive, pinned])
    assert [row["inputs"] for row in rows] == ["naive", "pinned, overlapped"]
    assert float(str(rows[1]["capacity_qps"])) > 10 * float(str(rows[0]["capacity_qps"]))
    for row in rows:
        assert float(str(row["capacity_qps"])) <= 1.02 * float(str(row["front_bound_qps"]))


def test_larger_networks_take_longer_on_every_device() -> None:
    for kind, gpu in (("cpu", ""), ("gpu", "t4"), ("gpu", "h100")):
        times = [service_ms(name, kind, 4096, naive=False, gpu=gpu) for name in ("rm-small", "rm-med", "rm-large")]
        assert times == sorted(times)


def test_rooflines_stand_beside_the_log_unmixed() -> None:
    rows = beside()
    assert {(row["network"], row["device"]) for row in rows} == {
        (name, device) for name in ("rm-small", "rm-med", "rm-large") for device in ("cascade-lake", "t4")
    }
    for row in rows:  # a roofline that knows nothing of the log is within a factor of three of it
        assert 1 / 3 < float(str(row["naive_ms"])) / float(str(row["logged_ms"])) < 3

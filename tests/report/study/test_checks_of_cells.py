from collections.abc import Callable
from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.study import checks_of_cells as checks

Document = dict[str, Any]


def cells_of(document: Document, **wanted: str) -> list[dict[str, Any]]:
    return [cell for cell in document["cells"] if all(cell[key] == value for key, value in wanted.items())]


def small_batches(document: Document) -> None:
    for cell in cells_of(document, network="rmc1", scheduler="cpu", target="low"):
        cell["batch_size"] = 8


def falling_batches(document: Document) -> None:
    for cell in cells_of(document, network="din", scheduler="cpu", target="high"):
        cell["batch_size"] = 16


def tuned_below_static(document: Document) -> None:
    cells_of(document, scheduler="cpu")[5]["capacity_qps"] = 1.0


def gains_that_shrink(document: Document) -> None:
    for gains in document["geomean_gain"].values():
        gains["cpu"] = {"low": 2.0, "medium": 1.9, "high": 1.8}


def gains_of_ten(document: Document) -> None:
    for gains in document["geomean_gain"].values():
        gains["cpu"] = {"low": 10.0, "medium": 11.0, "high": 12.0}


def two_peaks(document: Document) -> None:
    row = document["curves"]["batch_size"][0]
    row.update(capacity_qps=3000.0, ci95_qps=[2990.0, 3010.0])
    document["curves"]["batch_size"][1].update(capacity_qps=1.0, ci95_qps=[1.0, 1.0])


def edge_optima(document: Document) -> None:
    for row in document["curves"]["offload_at"]:
        row["capacity_qps"] = 1000.0 + row["offload_at"]


def one_threshold_for_all(document: Document) -> None:
    for row in document["curves"]["offload_at"]:
        row["capacity_qps"] = 1000.0 if row["offload_at"] == 128 else 500.0


def gpu_that_hurts(document: Document) -> None:
    cells_of(document, scheduler="gpu")[3]["capacity_qps"] = 1.0


def gpu_that_adds_little(document: Document) -> None:
    for cell in cells_of(document, scheduler="gpu"):
        cell["gain"] /= 2


def gpu_without_power(document: Document) -> None:
    for cell in cells_of(document, scheduler="gpu"):
        cell["qps_per_watt"] *= 2


def rising_share(document: Document) -> None:
    for cell in cells_of(document, scheduler="gpu", network="wnd", target="high"):
        cell["gpu_item_share"] = 0.9


def no_penalty(document: Document) -> None:
    for row in document["penalty"]:
        row["penalty"] = 1.0


def penalty_that_shrinks(document: Document) -> None:
    for row in document["penalty"]:
        row["penalty"] = {"low": 1.7, "medium": 1.4, "high": 1.2}[row["target"]]


def wide_interval(document: Document) -> None:
    cell = document["cells"][7]
    cell["capacity_ci95_qps"] = [0.9 * cell["capacity_qps"], 1.1 * cell["capacity_qps"]]


def far_repeat(document: Document) -> None:
    document["repeats"][0]["steps"] = 3.0


BROKEN: list[tuple[Callable[[Value], tuple[bool | None, str]], Callable[[Document], None]]] = [
    (checks.best_batch_sizes, small_batches),
    (checks.best_batch_sizes, falling_batches),
    (checks.gains, tuned_below_static),
    (checks.gains, gains_that_shrink),
    (checks.gains, gains_of_ten),
    (checks.peaks, two_peaks),
    (checks.peaks, edge_optima),
    (checks.peaks, one_threshold_for_all),
    (checks.gpu, gpu_that_hurts),
    (checks.gpu, gpu_that_adds_little),
    (checks.gpu, gpu_without_power),
    (checks.gpu_share, rising_share),
    (checks.lognormal, no_penalty),
    (checks.lognormal, penalty_that_shrinks),
    (checks.samples, wide_interval),
    (checks.samples, far_repeat),
]


@pytest.mark.parametrize(("find", "spoil"), BROKEN, ids=lambda each: each.__name__)
def test_what_a_check_is_about_breaks_it(
    document: Document, find: Callable[[Value], tuple[bool | None, str]], spoil: Callable[[Document], None]
) -> None:
    assert find(Value(document))[0] is True
    spoil(document)
    holds, ours = find(Value(document))
    assert holds is False
    assert ours


def test_differences_within_the_intervals_break_nothing(document: Document) -> None:
    for cell in cells_of(document, scheduler="gpu"):
        cpu = cells_of(document, **{key: cell[key] for key in ("network", "target", "host")}, scheduler="cpu")[0]
        cell["capacity_qps"] = 0.995 * cpu["capacity_qps"]
    _, ours = checks.gpu(Value(document))
    assert "never lowers" in ours


def test_intervals_alone_cannot_tell_whether_a_search_repeats(document: Document) -> None:
    document["repeats"] = []
    holds, ours = checks.samples(Value(document))
    assert holds is None
    assert "not repeated" in ours


def test_a_target_that_the_gpu_host_cannot_meet_is_below_and_no_ratio(document: Document) -> None:
    cells_of(document, scheduler="gpu")[0]["capacity_qps"] = 0.0
    holds, ours = checks.gpu(Value(document))
    assert holds is False
    assert "1 cell" in ours

import math
import pickle
import signal
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from types import ModuleType

import pytest

from tailrank.cluster import sweep
from tailrank.core import BadInputError


def numbers_in(folder: Path) -> list[int]:
    return sorted(int(path.name.partition("-")[0]) for path in folder.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_cells_whoever_ends_first(sweepable: ModuleType, workers: int) -> None:
    cells = [sweepable.Cell(number) for number in range(5)]
    assert sweep(sweepable.last_is_first, cells, workers=workers) == [sweepable.draw(cell) for cell in cells]


def test_results_do_not_depend_on_the_workers_nor_on_the_folder(sweepable: ModuleType, tmp_path: Path) -> None:
    cells = [sweepable.Cell(number, seed) for seed in (1, 2) for number in range(3)]
    alone = sweep(sweepable.draw, cells, workers=1)
    assert sweep(sweepable.draw, cells, workers=2, out=tmp_path / "kept") == alone
    assert len({result.draws for result in alone}) == len(cells)


def test_no_cells_are_no_work() -> None:
    assert sweep(math.sqrt, []) == []


def test_a_function_that_cannot_travel_is_refused_before_work_begins() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match="pickle"):
        sweep(lambda cell: cell, [1], workers=1)


def test_no_workers_are_refused() -> None:
    with pytest.raises(BadInputError, match="at least one worker, not 0"):
        sweep(math.sqrt, [1.0], workers=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_for_users_names_its_cell_and_keeps_its_hint(sweepable: ModuleType, workers: int) -> None:
    with pytest.raises(BadInputError) as caught:
        sweep(sweepable.refuse, [sweepable.Cell(7), sweepable.Cell(7)], workers=workers)
    assert caught.value.message == "number 7: not this one"
    assert caught.value.hint == "another one"


@pytest.mark.parametrize("workers", [1, 2])
def test_any_other_error_notes_its_cell(sweepable: ModuleType, workers: int) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        sweep(sweepable.stumble, [sweepable.Cell(7), sweepable.Cell(7)], workers=workers)
    assert "in the cell number 7" in caught.value.__notes__


def test_a_caller_may_name_the_cells() -> None:
    with pytest.raises(ValueError, match="math domain") as caught:
        sweep(math.sqrt, [-1.0], label=lambda cell: f"root of {cell}")
    assert "in the cell root of -1.0" in caught.value.__notes__


def test_progress_counts_every_cell_and_begins_with_those_taken_from_the_folder(tmp_path: Path) -> None:
    heard: list[tuple[int, int, str]] = []

    def told(finished: int, total: int, last: str) -> None:
        heard.append((finished, total, last))

    sweep(math.sqrt, [1.0, 4.0], out=tmp_path, workers=1)
    assert sweep(math.sqrt, [1.0, 9.0, 4.0, 16.0], out=tmp_path, progress=told, workers=1) == [1.0, 3.0, 2.0, 4.0]
    assert heard == [(2, 4, ""), (3, 4, "9.0"), (4, 4, "16.0")]


def test_a_sweep_runs_again_only_what_is_not_finished(sweepable: ModuleType, tmp_path: Path, runs: Path) -> None:
    function, out = partial(sweepable.counted, str(runs)), tmp_path / "kept"
    first = sweep(function, [sweepable.Cell(0), sweepable.Cell(1)], out=out, workers=1)
    second = sweep(function, [sweepable.Cell(2), sweepable.Cell(1), sweepable.Cell(0)], out=out, workers=1)
    assert numbers_in(runs) == [0, 1, 2]
    assert second[:0:-1] == first


def test_another_function_or_another_seed_runs_again(sweepable: ModuleType, tmp_path: Path, runs: Path) -> None:
    out = tmp_path / "kept"
    for function in (sweepable.counted, sweepable.other):
        for seed in (1, 2):
            sweep(partial(function, str(runs)), [sweepable.Cell(0, seed)], out=out, workers=1)
    assert numbers_in(runs) == [0, 0, 0, 0]


def test_an_interrupt_stops_running_cells_and_keeps_finished_ones(
    sweepable: ModuleType, tmp_path: Path, runs: Path
) -> None:
    function, out = partial(sweepable.first_is_quick, str(runs)), tmp_path / "kept"
    cells = [sweepable.Cell(number) for number in range(4)]
    before = set(active_children())

    def stop(finished: int, total: int, last: str) -> None:
        if finished:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sweep(function, cells, out=out, workers=2, progress=stop)
    assert set(active_children()) <= before
    assert len(list(out.iterdir())) == 1
    assert sweep(function, cells[:1], out=out) == [sweepable.draw(cells[0])]
    assert numbers_in(runs).count(0) == 1


def test_an_error_keeps_what_was_finished(sweepable: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="math domain"):
        sweep(math.sqrt, [4.0, -1.0], out=tmp_path, workers=1)
    heard: list[int] = []
    sweep(math.sqrt, [4.0], out=tmp_path, progress=lambda finished, total, last: heard.append(finished))
    assert heard == [1]

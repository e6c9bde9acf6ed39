import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path
from types import ModuleType

import pytest

from tailrank.cluster.processes import on_processes
from tailrank.core import SetupError


def test_processes_use_one_thread_and_this_one_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    found = dict(on_processes(os.getenv, {0: "OMP_NUM_THREADS", 1: "MKL_NUM_THREADS"}, 2))
    assert [found[number].result for number in (0, 1)] == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_process_that_dies_is_a_setup_error_that_says_how_far_it_came(sweepable: ModuleType) -> None:
    with pytest.raises(SetupError, match="died with 0 of 2 cells done"):
        list(on_processes(sweepable.die, {0: sweepable.Cell(0), 1: sweepable.Cell(1)}, 2))


def test_an_error_that_cannot_travel_does_not_end_the_processes(sweepable: ModuleType) -> None:
    found = dict(on_processes(sweepable.awkward, {0: sweepable.Cell(0), 1: sweepable.Cell(1)}, 2))
    assert {str(outcome.error) for outcome in found.values()} == {"Awkward: this and that"}


def test_a_result_that_cannot_travel_is_an_error_of_its_cell(sweepable: ModuleType) -> None:
    found = dict(on_processes(sweepable.lock, {0: sweepable.Cell(0), 1: sweepable.Cell(1)}, 2))
    assert all("pickle" in str(outcome.error) for outcome in found.values())


def test_closing_early_leaves_no_process(sweepable: ModuleType, runs: object) -> None:
    before = set(active_children())
    outcomes = on_processes(sweepable.draw, {number: sweepable.Cell(number) for number in range(20)}, 2)
    next(outcomes)
    outcomes.close()
    assert set(active_children()) <= before


PARENT = """
import sys
from functools import partial
from tailrank.cluster.processes import on_processes

if __name__ == "__main__":
    import sweepable
    function = partial(sweepable.wait, sys.argv[1])
    list(on_processes(function, {0: sweepable.Cell(0), 1: sweepable.Cell(1)}, 2))
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at the processes in /proc")
def test_processes_end_with_a_parent_that_is_killed(sweepable: ModuleType, runs: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    paths = os.pathsep.join([str(Path(sweepable.__file__ or "").parent), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen([sys.executable, str(script), str(runs)], env={**os.environ, "PYTHONPATH": paths}) as parent:
        _until(lambda: len(list(runs.iterdir())) == 2)
        parent.kill()
    _until(lambda: not any(_alive(path.name) for path in runs.iterdir()))


def _until(holds: Callable[[], bool]) -> None:
    """Wait for as long as it takes; the test's own limit of time is the judge."""
    while not holds():
        time.sleep(0.01)


def _alive(process: str) -> bool:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

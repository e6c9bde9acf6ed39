"""Most of these run on a stand-in for Ray that keeps its rules: pickled arguments, any order of completion."""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tailrank.cluster import on_ray as module
from tailrank.cluster import sweep
from tailrank.core import BadInputError, SetupError


class RayError(Exception):
    pass


class StandIn(ModuleType):
    """What of Ray `on_ray` uses. Tasks run when their outcome is asked for, the last one first."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.exceptions = SimpleNamespace(RayError=RayError)
        self.inits: list[dict[str, Any]] = []
        self.open = False
        self.running: dict[int, Callable[[], Any]] = {}
        self.cancelled: list[int] = []

    def is_initialized(self) -> bool:
        return self.open

    def init(self, **arguments: Any) -> None:
        self.inits.append(arguments)
        if arguments["address"] not in ("local", "auto"):
            raise ConnectionError("could not reach it\nmany lines")
        self.open = True

    def shutdown(self) -> None:
        self.open = False

    def put(self, value: object) -> object:
        return pickle.loads(pickle.dumps(value))

    def remote(self, *, num_cpus: int) -> Callable[[Callable[..., Any]], Any]:
        def submit(function: Callable[..., Any]) -> Any:
            def call(*arguments: Any) -> int:
                copies = pickle.loads(pickle.dumps(arguments))
                self.running[len(self.running)] = lambda: pickle.loads(pickle.dumps(function(*copies)))
                return len(self.running) - 1

            return SimpleNamespace(remote=call)

        return submit

    def wait(self, references: list[int], *, num_returns: int) -> tuple[list[int], list[int]]:
        return references[-num_returns:], references[:-num_returns]

    def get(self, reference: int) -> Any:
        return self.running[reference]()

    def cancel(self, reference: int, *, force: bool) -> None:
        self.cancelled.append(reference)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn()
    monkeypatch.setitem(sys.modules, "ray", stand_in)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    yield stand_in
    assert not stand_in.open


def test_the_same_answer_as_here_in_the_same_order(ray: StandIn, sweepable: ModuleType, tmp_path: Path) -> None:
    cells = [sweepable.Cell(number) for number in range(4)]
    here = sweep(sweepable.draw, cells, workers=1)
    assert sweep(sweepable.draw, cells, ray="auto") == here
    assert sweep(sweepable.draw, cells, ray="local", workers=3, out=tmp_path / "kept") == here
    assert [init["address"] for init in ray.inits] == ["auto", "local"]
    assert ray.inits[1]["num_cpus"] == 3


def test_finished_cells_need_no_ray(ray: StandIn, sweepable: ModuleType, tmp_path: Path) -> None:
    cells = [sweepable.Cell(0)]
    here = sweep(sweepable.draw, cells, out=tmp_path / "kept", workers=1)
    assert sweep(sweepable.draw, cells, out=tmp_path / "kept", ray="auto") == here
    assert ray.inits == []


def test_a_connection_of_the_callers_stays_open(ray: StandIn, sweepable: ModuleType) -> None:
    ray.open = True
    sweep(sweepable.draw, [sweepable.Cell(0)], ray="auto")
    assert ray.open
    assert ray.inits == []
    ray.open = False


def test_an_error_names_its_cell_and_cancels_the_others(ray: StandIn, sweepable: ModuleType) -> None:
    with pytest.raises(BadInputError, match="number 2: not this one"):
        sweep(sweepable.refuse, [sweepable.Cell(number) for number in range(3)], ray="auto")
    assert ray.cancelled == [0, 1]


def test_a_task_that_ray_lost_is_a_setup_error(ray: StandIn, sweepable: ModuleType) -> None:
    def lost(reference: int) -> None:
        raise RayError("Traceback\n\nthe node died")

    ray.get = lost  # type: ignore[method-assign]
    with pytest.raises(SetupError, match="number 0: Ray did not finish it: the node died"):
        sweep(sweepable.draw, [sweepable.Cell(0)], ray="auto")


def test_a_node_with_other_sources_is_refused(
    ray: StandIn, sweepable: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["mine", "theirs"])
    monkeypatch.setattr(module, "sources", lambda: next(answers))
    with pytest.raises(SetupError, match="another version"):
        sweep(sweepable.draw, [sweepable.Cell(0)], ray="auto")


def test_a_cluster_that_is_not_there(ray: StandIn) -> None:
    with pytest.raises(SetupError, match=r"no Ray cluster at `10\.0\.0\.1:6379`: could not reach it\n") as caught:
        sweep(abs, [1, 2], ray="10.0.0.1:6379")
    assert "ray start --head" in caught.value.hint


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SetupError, match="Ray is not installed") as caught:
        sweep(abs, [1, 2], ray="auto")
    assert "pip install 'ray" in caught.value.hint


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_on_the_real_ray(sweepable: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pytest.importorskip("ray")
    importable = [str(Path(sweepable.__file__ or "").parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(importable))  # Ray's processes are not ours: they inherit this
    cells = [sweepable.Cell(number) for number in range(5)]
    here = sweep(sweepable.draw, cells, workers=1)
    assert sweep(sweepable.draw, cells, ray="local", workers=2, out=tmp_path / "kept") == here
    with pytest.raises(BadInputError, match="number 7: not this one"):
        sweep(sweepable.refuse, [sweepable.Cell(7)], ray="local", workers=1)
    with pytest.raises(SetupError, match="no Ray cluster"):
        sweep(sweepable.draw, cells, ray="auto")
    assert not real.is_initialized()

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.cli.calibration import calibrate_stages, served_by
from tailrank.cli.subject import Loaded, Subject
from tailrank.core import Records, SliceRecords
from tailrank.engine import Engine, NullScorer
from tailrank.native import available
from tailrank.timing import Overheads


def test_who_served_is_what_the_engine_said() -> None:
    none, no_slices = np.empty(0, dtype=np.int64), SliceRecords(*[np.empty(0, dtype=np.int64)] * 9)
    meta = {"native.cpu": 1.0, "native.gpu": 0.0, "dispatcher_cpu_ns": 5.0}
    run = Records(none, none, none, none, no_slices, meta=meta)
    assert served_by([run]) == {"cpu": "native threads", "gpu": "Python threads"}
    assert served_by([]) == {}


@pytest.mark.parametrize("crew", ["auto", "threads"])
def test_what_lies_between_two_stages_is_measured_with_the_model_twice(crew) -> None:
    engine = Engine({"m": NullScorer()}, crew=crew)
    loaded = Loaded("m", None, None, None, None, {})
    known = Overheads(timer_ns=1, query_ns=2, wakeup_ns=3)
    found = calibrate_stages(Subject(loaded, engine, 1), known, 800, 500.0, count=60, seed=0)
    assert found.relayed is (crew == "auto" and available())
    assert found.keep_ns + found.keep_item_ps > 0
    assert replace(found, keep_ns=0, keep_item_ps=0, relayed=False) == known

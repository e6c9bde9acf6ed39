import numpy as np

from tailrank.cli.calibration import served_by
from tailrank.core import Records, SliceRecords


def test_who_served_is_what_the_engine_said() -> None:
    none, no_slices = np.empty(0, dtype=np.int64), SliceRecords(*[np.empty(0, dtype=np.int64)] * 9)
    meta = {"native.cpu": 1.0, "native.gpu": 0.0, "dispatcher_cpu_ns": 5.0}
    run = Records(none, none, none, none, no_slices, meta=meta)
    assert served_by([run]) == {"cpu": "native threads", "gpu": "Python threads"}
    assert served_by([]) == {}

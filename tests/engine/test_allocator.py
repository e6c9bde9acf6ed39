"""The allocator's settings take effect: a large block freed by one batch serves the next without page faults."""

import resource
import subprocess
import sys

import pytest

from tailrank.engine import keep_freed_memory

CODE = """
import resource, sys
import numpy as np
from tailrank.engine import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    print(-1)
else:
    np.ones(1 << 20)  # 8 MiB, once, so that the heap has grown
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        a = np.empty(1 << 20); a[:] = 1.0
        b = np.empty(1 << 19); b[:] = 1.0
        del a, b
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(setting: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, setting], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_kept_memory_is_not_faulted_in_again() -> None:
    kept = faults("kept")
    if kept < 0:
        pytest.skip("the C library has no mallopt")
    assert kept < 4000  # 12 MiB once is 3072 pages; fifty times over would be 150,000
    assert resource.getpagesize() > 0


def test_it_says_whether_it_worked() -> None:
    assert isinstance(keep_freed_memory(), bool)

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tailrank.cli.machine import Ticks, machine, ticks

CPUINFO = """processor\t: 0
model name\t: Example CPU 9000
flags\t\t: fpu sse2 avx2 avx512f amx_tile

processor\t: 1
model name\t: Another name
flags\t\t: fpu
"""


@pytest.fixture
def host(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes files below a root, `proc__stat` standing for `proc/stat`."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("--", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_cpu_and_memory_are_read_from_the_kernels_files(host: Callable[..., Path]) -> None:
    found = machine(host(proc__cpuinfo=CPUINFO, proc__meminfo="MemTotal: 2048 kB\nMemAvailable:  1024 kB\n"))
    assert found.cpu == "Example CPU 9000"
    assert found.features == {"avx2": True, "avx512": True, "bf16": False, "amx": True}
    assert (found.memory_bytes, found.available_bytes) == (2 << 20, 1 << 20)


def test_what_is_not_visible_is_none_and_nothing_fails(tmp_path: Path) -> None:
    found = machine(tmp_path)
    invisible = (found.cpu_limit, found.memory_bytes, found.huge_pages, found.governor, found.steal_percent)
    assert invisible == (None,) * 5
    assert found.cores >= 1
    assert found.effective_cores == found.usable_cores


def test_settings_are_read(host: Callable[..., Path]) -> None:
    root = host(
        sys__kernel__mm__transparent_hugepage__enabled="always [madvise] never\n",
        sys__devices__system__cpu__cpu0__cpufreq__scaling_governor="powersave\n",
    )
    assert (machine(root).huge_pages, machine(root).governor) == ("madvise", "powersave")


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_the_tightest_limit_of_a_group_and_its_parents_counts(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/pod/box\n")
    write(tmp_path, "sys/fs/cgroup/pod/box/cpu.max", "max 100000\n")
    write(tmp_path, "sys/fs/cgroup/pod/cpu.max", "50000 100000\n")
    found = machine(tmp_path)
    assert found.cpu_limit == 0.5
    assert found.effective_cores == 0.5


def test_the_older_control_groups_are_read_too(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "4:memory:/box\n3:cpuset:/box\n2:cpu,cpuacct:/box\n")
    write(tmp_path, "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "150000\n")
    write(tmp_path, "sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert machine(tmp_path).cpu_limit == 1.5


def test_steal_is_a_share_of_all_ticks(host: Callable[..., Path]) -> None:
    root = host(proc__stat="cpu  10 0 20 60 5 0 0 5 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert ticks(root) == Ticks(stolen=5, total=100)
    assert machine(root).steal_percent == 5.0
    assert Ticks(stolen=8, total=130).steal_percent(since=Ticks(stolen=5, total=100)) == 10.0
    assert Ticks(stolen=5, total=100).steal_percent(since=Ticks(stolen=5, total=100)) is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs Linux")
def test_this_very_host_can_be_described() -> None:
    found = machine()
    assert found.cpu
    assert found.memory_bytes
    assert found.available_bytes
    assert found.available_bytes <= found.memory_bytes
    assert found.usable_cores <= (os.cpu_count() or 1)

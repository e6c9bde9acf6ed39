"""What this host is: read from the kernel's own files, so that it works without any library.

Sources: proc(5) for cpuinfo, meminfo and stat; the kernel's admin guide for cgroup v2 `cpu.max` and v1
`cpu.cfs_quota_us`, transparent huge pages, and cpufreq governors. `None` means "not visible from here".
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from tailrank.core import usable_cores

__all__ = ["FEATURES", "Machine", "Ticks", "machine", "ticks"]

# The vector instructions that decide how fast a forward pass can be: flags of /proc/cpuinfo.
FEATURES = {"avx2": "avx2", "avx512": "avx512f", "bf16": "avx512_bf16", "amx": "amx_tile"}
ROOT = Path("/")


@dataclass(frozen=True)
class Machine:
    """One host as this process sees it. `cpu_limit` is in cores; `steal_percent` counts since boot."""

    cpu: str
    cores: int
    usable_cores: int
    cpu_limit: float | None
    features: dict[str, bool]
    memory_bytes: int | None
    available_bytes: int | None
    huge_pages: str | None
    governor: str | None
    steal_percent: float | None
    os: str
    python: str

    @property
    def effective_cores(self) -> float:
        """Cores' worth of time this process may use: affinity and the container's limit together."""
        return float(self.usable_cores) if self.cpu_limit is None else min(self.cpu_limit, self.usable_cores)


@dataclass(frozen=True)
class Ticks:
    """Scheduler ticks of all cores together since boot: those stolen by the hypervisor, and all."""

    stolen: int
    total: int

    def steal_percent(self, since: "Ticks | None" = None) -> float | None:
        """Return the share of time stolen since `since` (absent: since boot), in percent."""
        stolen, total = (
            (self.stolen, self.total)
            if since is None
            else (
                self.stolen - since.stolen,
                self.total - since.total,
            )
        )
        return 100 * stolen / total if total > 0 else None


def machine(root: Path = ROOT) -> Machine:
    """Describe this host from the files below `root`."""
    info = _fields(root / "proc/cpuinfo")
    memory = _fields(root / "proc/meminfo")
    flags = set(info.get("flags", "").split())
    seen = ticks(root)
    return Machine(
        cpu=info.get("model name") or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        cpu_limit=_cpu_limit(root),
        features={name: flag in flags for name, flag in FEATURES.items()},
        memory_bytes=_kib(memory.get("MemTotal")),
        available_bytes=_kib(memory.get("MemAvailable")),
        huge_pages=_chosen(_text(root / "sys/kernel/mm/transparent_hugepage/enabled")),
        governor=_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        steal_percent=seen.steal_percent() if seen else None,
        os=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def ticks(root: Path = ROOT) -> Ticks | None:
    """Read the tick counters; None where the kernel does not show them."""
    first = (_text(root / "proc/stat") or "").partition("\n")[0].split()
    if len(first) < 9 or first[0] != "cpu":
        return None
    counts = [int(word) for word in first[1:9]]  # user nice system idle iowait irq softirq steal
    return Ticks(stolen=counts[7], total=sum(counts))


def _cpu_limit(root: Path) -> float | None:
    """Return the tightest limit on this process's control group and its parents, in cores."""
    quotas: list[float] = []
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, place = line.split(":", 2)
        v2 = controllers == ""
        if not v2 and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("" if v2 else "cpu")
        inner = base / place.lstrip("/")
        for folder in (inner, *inner.parents):
            quotas += _quota_v2(folder) if v2 else _quota_v1(folder)
            if folder == base:
                break
    return min(quotas, default=None)


def _quota_v2(folder: Path) -> list[float]:
    quota, _, period = (_text(folder / "cpu.max") or "max 1").partition(" ")
    return [] if quota == "max" else [int(quota) / int(period)]


def _quota_v1(folder: Path) -> list[float]:
    quota = int(_text(folder / "cpu.cfs_quota_us") or -1)
    period = int(_text(folder / "cpu.cfs_period_us") or 0)
    return [quota / period] if quota > 0 and period > 0 else []


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _fields(path: Path) -> dict[str, str]:
    """Read "name : value" lines; the first of each name counts (cpuinfo repeats itself for every core)."""
    found: dict[str, str] = {}
    for line in (_text(path) or "").splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def _kib(text: str | None) -> int | None:
    return int(text.split()[0]) * 1024 if text else None


def _chosen(text: str | None) -> str | None:
    """Return the bracketed word of "always [madvise] never"."""
    return text[text.index("[") + 1 : text.index("]")] if text and "[" in text and "]" in text else None

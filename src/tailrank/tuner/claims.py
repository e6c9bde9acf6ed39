"""What any study of this kind must show, as assertions over its cells: each with whether it holds, and by how much."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from tailrank.tuner.readings import SLOW
from tailrank.tuner.study import CellResult, ColumnResult, Scheduler

__all__ = ["claims"]

Key = tuple[str, str, str]  # network, host, target
EMBEDDING, MLP = ("rmc1", "rmc2"), ("rmc3", "wnd")
ORDER = {"low": 0, "medium": 1, "high": 2}


def claims(results: Sequence[ColumnResult]) -> list[dict[str, Any]]:
    """Return {text, holds (None: nothing to judge), ours} of every claim."""
    cells = [cell for result in results if result.column.reading == "" for cell in result.cells]
    by_scheduler = {
        scheduler: {(cell.network, cell.host, cell.target): cell for cell in cells if cell.scheduler == scheduler}
        for scheduler in ("static", "cpu", "gpu")
    }
    return [
        _never_below("tuned is never below static", by_scheduler["cpu"], by_scheduler["static"]),
        _never_below("with the GPU never below CPU only", by_scheduler["gpu"], by_scheduler["cpu"]),
        _monotone(by_scheduler.values()),
        _batches(by_scheduler["cpu"]),
        _useless(results),
    ]


def _never_below(text: str, above: dict[Key, CellResult], below: dict[Key, CellResult]) -> dict[str, Any]:
    ratios = {
        key: cell.capacity_qps / below[key].capacity_qps
        for key, cell in above.items()
        if key in below and below[key].capacity_qps > 0
    }
    lost = [key for key in above if key in below and above[key].capacity_qps < below[key].capacity_qps]
    if not above:
        return _claim(text, None, "no cells")
    least = min(ratios, key=lambda key: ratios[key], default=None)
    words = f"{len(above) - len(lost)} of {len(above)} cells"
    words += "" if least is None else f"; the least ratio is {ratios[least]:.3f} ({', '.join(least)})"
    return _claim(text, not lost, words)


def _monotone(groups: Iterable[dict[Key, CellResult]]) -> dict[str, Any]:
    fallen, lines = [], 0
    for cells in groups:
        for network, host in sorted({key[:2] for key in cells}):
            along = [
                cells[network, host, at] for at in sorted(ORDER, key=ORDER.__getitem__) if (network, host, at) in cells
            ]
            lines += 1
            fallen += [
                f"{b.scheduler} {network} on {host} at {b.target}"
                for a, b in pairwise(along)
                if b.capacity_qps < a.capacity_qps
            ]
    words = f"{lines} lines of targets" + (f"; falls: {', '.join(fallen)}" if fallen else "; none falls")
    return _claim("capacity never falls as the target loosens", not fallen if lines else None, words)


def _batches(cells: dict[Key, CellResult]) -> dict[str, Any]:
    """Compare the sizes chosen; where a capacity is flat over sizes, that is the largest of equals."""
    text = "the best batch size of RMC1 and RMC2 is above that of RMC3 and WnD on the same CPU and target"
    above: list[str] = []
    equal: list[str] = []
    below: list[str] = []
    for host, target in sorted({key[1:] for key in cells}):
        for large, small in ((large, small) for large in EMBEDDING for small in MLP):
            first, second = cells.get((large, host, target)), cells.get((small, host, target))
            if first is None or second is None or 0 in (first.capacity_qps, second.capacity_qps):
                continue
            sizes = first.batch_size, second.batch_size
            said = f"{large} {sizes[0]}, {small} {sizes[1]} ({host}, {target})"
            (above if sizes[0] > sizes[1] else equal if sizes[0] == sizes[1] else below).append(said)
    pairs = len(above) + len(equal) + len(below)
    words = f"above in {len(above)}, equal in {len(equal)}, below in {len(below)} of {pairs} pairs"
    words += f"; below: {'; '.join(below)}" if below else ""
    words += f"; equal: {'; '.join(equal[:2])}" if equal else ""
    return _claim(text, not (equal or below) if pairs else None, words)


def _useless(results: Sequence[ColumnResult]) -> dict[str, Any]:
    scheduler: Scheduler = "gpu"
    cells = [
        cell
        for result in results
        if result.column.reading == SLOW
        for cell in result.cells
        if cell.scheduler == scheduler
    ]
    chosen = [f"{cell.network} from {cell.offload_at}" for cell in cells if cell.offload_at is not None]
    words = f"no offload in {len(cells) - len(chosen)} of {len(cells)} networks" + (
        f"; offloads {', '.join(chosen)}" if chosen else ""
    )
    return _claim(f"no offload is chosen beside {SLOW}", not chosen if cells else None, words)


def _claim(text: str, holds: bool | None, ours: str) -> dict[str, Any]:
    return {"text": text, "holds": holds, "ours": ours}

"""Where our ratios differ from the paper's, and why: paragraphs made of the document's numbers."""

from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, geomean, title
from tailrank.report.study.charts.knobs import curves
from tailrank.report.study.paper import GAINS, TAGS
from tailrank.report.wording import amount, count, factor, percent, plural
from tailrank.timing.device import device, device_names

__all__ = ["differences"]

WORDS = {"cpu": "CPU only", "gpu": "CPU and GPU"}
SAME = 0.1  # ratios this close are not worth a reason


def differences(document: Value) -> list[str]:
    """Return what differs, by scheduler and host, and what the document says about the reasons."""
    cells = Cells(document)
    lines = [_line(cells, host, scheduler) for scheduler in GAINS for host in cells.hosts]
    found = [line for line in lines if line]
    if not found:
        return []
    return [
        *found,
        *_cpu_reasons(document, cells),
        *filter(None, [_flatness(document, cells), _work_alone(document, cells), _readings(document)]),
    ]


def _line(cells: Cells, host: str, scheduler: str) -> str:
    ours = {at: cells.geomean_gain(host, scheduler, at) for at in cells.targets if at in GAINS[scheduler]}
    known = {at: gain for at, gain in ours.items() if gain is not None}
    if not known:
        return ""
    beside = "/".join(str(GAINS[scheduler][at]) for at in known)
    tags = "/".join(TAGS["gain"][scheduler][at] for at in known)
    ratio = geomean(gain / GAINS[scheduler][at] for at, gain in known.items()) or 1.0
    verdict = "agrees with" if abs(ratio - 1) <= SAME else "is below" if ratio < 1 else "is above"
    return (
        f"{WORDS[scheduler]} on {host}: {'/'.join(amount(gain) for gain in known.values())} at "
        f"{'/'.join(known)} {verdict} the paper's {beside} ({tags})"
        + (f", by {factor(max(ratio, 1 / ratio))} in the mean." if abs(ratio - 1) > SAME else ".")
    )


def _cpu_reasons(document: Value, cells: Cells) -> list[str]:
    """Say what tuning can gain at all: how far the static batch is from the tuned one, and where it fails."""
    found = []
    for host in cells.hosts:
        pairs = [
            (fixed, tuned)
            for network in cells.networks
            for target in cells.targets
            if (fixed := cells.number("batch_size", network, target, host, "static"))
            and (tuned := cells.number("batch_size", network, target, host, "cpu"))
        ]
        failed = sum(
            cells.number("capacity_qps", network, target, host, "static") == 0
            for network in cells.networks
            for target in cells.targets
        )
        if not pairs:
            continue
        fixed, mean = pairs[0][0], geomean(tuned / fixed for fixed, tuned in pairs)
        words = f"On {host} the static batch is {count(fixed)} and the tuned one {factor(mean)} that in the mean."
        words += _headroom(document, host)
        if failed:
            words += (
                f" In {failed} cells the static plan misses the target even at near-zero load: they have no gain and "
                f"are left out of the mean."
            )
        found.append(words)
    return found


def _headroom(document: Value, host: str) -> str:
    """Say what larger batches can gain at most by the calibration, whatever the scheduler."""
    rows = [
        (row["network"].text or "", row["gain"].number)
        for row in document["evidence"]["headroom"]
        if row["host"].text == host
    ]
    known = {name: gain for name, gain in rows if gain is not None and gain > 0}
    mean = geomean(known.values())
    if mean is None:
        return ""
    most = max(known, key=lambda name: known[name])
    verdict = (
        "so no batch size gives the paper's factor: its framework must have spent more on each batch than these fits "
        "say."
        if mean < min(GAINS["cpu"].values())
        else "which leaves room for the paper's factor."
    )
    return (
        f" By the calibration larger batches make a busy core at most {factor(mean)} as fast as at the static batch "
        f"(geometric mean; most: {title(most)}, {factor(known[most])}), {verdict}"
    )


def _flatness(document: Value, cells: Cells) -> str:
    """Say how little the batch size matters near its best: why optima tie and wrong sizes cost little, or do not."""
    rows = [row for host in cells.hosts for row in curves(document, "batch_size", host).values()]
    found = []
    for row in rows:
        best, qps, *_ = max(row, key=lambda point: point[1])
        half = [each for at, each, *_ in row if 0.4 * best <= at <= 0.6 * best]
        found += [half[-1] / qps] if half and qps > 0 else []
    kept = geomean(found)
    if kept is None:
        return ""
    return (
        f"At half of its best batch size a network keeps {percent(100 * kept)} of its capacity (geometric mean of "
        f"{plural(len(found), 'curve')}, medium target): the flatter this is, the less the best batch size of one "
        f"network differs from another's in earnest, and the less a plan tuned on the wrong sizes loses."
    )


def _work_alone(document: Value, cells: Cells) -> str:
    """Say what the GPU can add if it only took work: its speed in cores, at the largest batch of the figure."""
    rows = [
        (int(row["items"].number or 0), row["network"].text or "", row["figure"].number)
        for row in document["evidence"]["speedup"]
    ]
    last = max((items for items, _, figure in rows if figure), default=0)
    worth = {name: figure for items, name, figure in rows if items == last and figure}
    sizes = {host: cores for host in cells.hosts if (cores := _cores(host))}
    if not worth or not sizes:
        return ""
    host = max(sizes, key=lambda each: sizes[each])
    adds, goal = 1 + max(worth.values()) / sizes[host], GAINS["gpu"]["medium"] / GAINS["cpu"]["medium"]
    verdict = (
        f"the paper's factor ({amount(goal)} over its CPU-only plans) cannot come from there. What else could give it "
        f"is tried below."
        if adds < goal
        else f"that covers the paper's factor ({amount(goal)} over its CPU-only plans)."
    )
    return (
        f"The artifact's own figure has the GPU worth {amount(min(worth.values()))} to {amount(max(worth.values()))} "
        f"cores at batch {count(last)}. As work alone that adds at most {factor(adds)} to the {count(sizes[host])} "
        f"cores of {host}: {verdict}"
    )


def _cores(host: str) -> int | None:
    """Return the cores of a host of the catalogue, or of a part of one."""
    name, _, part = host.partition(":cores=")
    if part.isdigit():
        return int(part)
    return device(name).cores if name in device_names() else None


def _readings(document: Value) -> str:
    rows = [(row["name"].text, _gain(row)) for row in document["readings"]]
    known = [(name, gain) for name, gain in rows if name and gain is not None]
    if not known:
        return ""
    goal = GAINS["gpu"]["medium"]
    near = min(known, key=lambda pair: max(pair[1] / goal, goal / pair[1]) if pair[1] > 0 else float("inf"))
    reach = [name for name, gain in known if GAINS["gpu"]["low"] <= gain <= GAINS["gpu"]["high"]]
    inside = f"Within the paper's range: {', '.join(reach)}." if reach else "None lies within the paper's range."
    return (
        f"Of {plural(len(known), 'reading')} of the GPU's factor the one nearest to the paper's {goal} at the medium "
        f"target is “{near[0]}”, with {factor(near[1])} over static. {inside}"
    )


def _gain(reading: Value) -> float | None:
    """Return a reading's gain at the medium target, or at the only one it has."""
    gains = [gain.number for _, gain in reading["gain"].pairs]
    return reading["gain"]["medium"].number or (gains[0] if gains else None)

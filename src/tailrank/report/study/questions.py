"""The five research questions of the DeepRecSys paper, each answered with the numbers of the document.

An answer is a list of paragraphs; a sentence whose numbers the document lacks is left out, and an answer without any
sentence says so.
"""

from dataclasses import dataclass

from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, geomean, in_order, title
from tailrank.report.study.faithful import faithful
from tailrank.report.study.paper import BOUND_BY
from tailrank.report.wording import amount, count, factor, percent, plural

__all__ = ["Answer", "answers"]

STEP = 0.002  # of a capacity: what the study tells apart
NOTHING = "The document holds nothing that answers this."


@dataclass(frozen=True)
class Answer:
    """A research question, and what the document says to it."""

    key: str
    question: str
    paragraphs: tuple[str, ...]


def answers(document: Value) -> list[Answer]:
    """Return the five answers in order."""
    asked = (
        ("differs", "1. How does recommendation differ from other deep networks?", _differs),
        ("faithful", "2. Is the infrastructure faithful to production?", faithful),
        ("climbs", "3. Does climbing find the plan with the highest capacity?", _climbs),
        ("gpu", "4. What does a GPU beside the CPU give, in throughput and energy?", _gpu),
        ("hardware", "5. How does the CPU move the best batch size?", _hardware),
    )
    return [Answer(key, question, tuple(filter(None, find(document))) or (NOTHING,)) for key, question, find in asked]


def _differs(document: Value) -> list[str]:
    evidence = document["evidence"]
    points = {
        (row["network"].text or "", int(row["batch"].number or 0)): row["flops_per_byte"].number or 0.0
        for row in evidence["roofline"]["points"]
    }
    kinds = {row["network"].text or "": row["kind"].text for row in evidence["roofline"]["points"]}
    last = max((batch for _, batch in points), default=0)
    ours, others = (
        {name: value for (name, batch), value in points.items() if batch == last and kinds[name] == kind and value > 0}
        for kind in ("recommender", "other")
    )
    return [
        _intensity(ours, others, last),
        _growth(points, last),
        _accesses(evidence),
        _reuse(evidence),
    ]


def _intensity(ours: dict[str, float], others: dict[str, float], batch: int) -> str:
    if not ours or not others:
        return ""
    low, high = min(ours, key=lambda name: ours[name]), max(ours, key=lambda name: ours[name])
    beside = " and ".join(f"{title(name)} {amount(value)}" for name, value in others.items())
    return (
        f"They do little work for a byte, and not alike: at batch {count(batch)} from {amount(ours[low])} FLOPs per "
        f"byte ({title(low)}) to {amount(ours[high])} ({title(high)}); {beside}."
    )


def _growth(points: dict[tuple[str, int], float], last: int) -> str:
    grown = {
        name: points[name, last] / value
        for (name, batch), value in points.items()
        if batch == 1 and value > 0 and (name, last) in points
    }
    groups = {
        kind: [grown[name] for name in names if name in grown]
        for kind, names in (("embedding", BOUND_BY["embedding"]), ("MLP", BOUND_BY["mlp"]))
    }
    if not all(groups.values()):
        return ""
    return (
        f"Batching helps some and not others: from batch 1 to {count(last)} the networks bound by embeddings gain at "
        f"most {factor(max(groups['embedding']))} in FLOPs per byte, since rows are read for every item, those bound "
        f"by MLPs at least {factor(min(groups['MLP']))}, since weights are read once a batch."
    )


def _accesses(evidence: Value) -> str:
    reads = {row["network"].text or "": row["random_reads"].number for row in evidence["networks"]}
    known = {name: value for name, value in reads.items() if value}
    others = {row["network"].text or "": row["random_reads"].number or 0.0 for row in evidence["others"]}
    if not known:
        return ""
    high, low = max(known, key=lambda name: known[name]), min(known, key=lambda name: known[name])
    beside = " and ".join(f"{title(name)} {count(value)}" for name, value in others.items())
    return (
        f"They read memory at random: {count(known[low])} rows for an item of {title(low)} up to {count(known[high])} "
        f"for one of {title(high)}, out of tables of gigabytes{f'; {beside}' if beside else ''}. A query has hundreds "
        f"of items."
    )


def _reuse(evidence: Value) -> str:
    traces = [(trace["trace"].text, dict(_pairs(trace["curve"]))) for trace in evidence["reuse"]["traces"]]
    rates = [(name, curve[0.01], curve[0.1]) for name, curve in traces if name and {0.01, 0.1} <= curve.keys()]
    if not rates:
        reason = evidence["reuse"]["absent"].text
        return f"How often rows are read again on real traces is absent here: {reason}." if reason else ""
    words = ", ".join(f"{percent(100 * one)} and {percent(100 * ten)} on {name}" for name, one, ten in rates)
    return (
        f"Real accesses are far from uniform: an LRU cache of 1 % and of 10 % of the distinct keys hits {words}; "
        f"uniform accesses, as the artifact draws them, would hit 1 % and 10 %."
    )


def _pairs(rows: Value) -> list[tuple[float, float]]:
    return [(pair[0], pair[1]) for row in rows if len(pair := row.numbers) == 2]


def _climbs(document: Value) -> list[str]:
    rows = [(row, row["regret"].number) for row in document["regret"]]
    known = [(row, regret) for row, regret in rows if regret is not None]
    cells = Cells(document)
    gains = {
        host: [gain for target in cells.targets if (gain := cells.geomean_gain(host, "cpu", target)) is not None]
        for host in cells.hosts
    }
    found = []
    if known:
        worst, regret = max(known, key=lambda pair: pair[1])
        within = sum(regret <= 0.01 for _, regret in known)
        spent = [each for row, _ in known if row["scheduler"].text == "gpu" and (each := _share(row)) is not None]
        found.append(
            f"Against exhaustive search over both knobs, on the same queries, the search is within 1 % in {within} of "
            f"{plural(len(known), 'cell')}; it loses most, {percent(100 * regret)}, for "
            f"{title(worst['network'].text or '')} at the {worst['target'].text} target"
            + (f", and with the GPU serves at most {percent(100 * max(spent))} of the plans." if spent else ".")
        )
        found.append(_joint([row for row, _ in known]))
    words = "; ".join(f"{host} {_range(row)}" for host, row in gains.items() if row)
    if words:
        found.append(f"Over the static baseline the tuned plans gain, in the geometric mean over networks: {words}.")
    if found and not known:
        found.append("Regret against exhaustive search is not in this document; it is measured apart from it.")
    return [*found, _penalty(document)]


def _joint(rows: list[Value]) -> str:
    """Say where one knob after the other would not have done."""
    before = [(row, lost) for row in rows if (lost := row["before_joint"].number) is not None]
    mattered = [pair for pair in before if pair[1] - (pair[0]["regret"].number or 0.0) > STEP]
    if not before:
        return ""
    if not mattered:
        return f"Moving both knobs jointly at the end changed nothing in {plural(len(before), 'cell')}."
    worst, lost = max(mattered, key=lambda pair: pair[1])
    where = ", ".join(dict.fromkeys(title(row["network"].text or "") for row, _ in mattered))
    return (
        f"Without its last walk, which moves both knobs jointly over several repetitions, it would have lost up to "
        f"{percent(100 * lost)} ({title(worst['network'].text or '')} at the {worst['target'].text} target on "
        f"{worst['host'].text}); the walk mattered in {plural(len(mattered), 'cell')} ({where})."
    )


def _share(row: Value) -> float | None:
    spent, all_of_them = row["evaluations"].number, row["exhaustive"].number
    return spent / all_of_them if spent is not None and all_of_them else None


def _range(values: list[float]) -> str:
    return f"{factor(min(values))} to {factor(max(values))}" if len(values) > 1 else factor(values[0])


def _penalty(document: Value) -> str:
    rows = [(row["target"].text or "", row["penalty"].number) for row in document["penalty"]]
    means = {
        at: geomean(each for target, each in rows if target == at and each)
        for at in in_order(target for target, _ in rows)
    }
    known = {at: mean for at, mean in means.items() if mean is not None}
    if not known:
        return ""
    words = ", ".join(f"{factor(mean)} at {at}" for at, mean in known.items())
    return (
        f"What it is tuned on matters: on production sizes the plan tuned on them serves {words} the queries of the "
        f"plan tuned on lognormal sizes."
    )


def _gpu(document: Value) -> list[str]:
    cells, found = Cells(document), []
    for host in cells.hosts:
        added = {
            at: geomean(cells.ratios("capacity_qps", host, "gpu", at, over="cpu").values()) for at in cells.targets
        }
        watt = {at: geomean(cells.ratios(cells.per_watt, host, "gpu", at, over="cpu").values()) for at in cells.targets}
        known = {at: value for at, value in added.items() if value is not None}
        if not known:
            continue
        words = ", ".join(
            f"{at} {factor(value)}" + (f" ({factor(watt[at])} per watt)" if watt[at] is not None else "")
            for at, value in known.items()
        )
        found.append(f"{host} with {cells.gpu_of(host)} over its tuned CPU alone, geometric mean: {words}.")
    none = [key for key, cell, _ in cells.pairs("gpu", "cpu") if cell["offload_at"].number is None]
    if found and none:
        names = ", ".join(dict.fromkeys(title(key[0]) for key in none))
        found.append(f"In {plural(len(none), 'cell')} no offload is best ({names}).")
    return [*found, _best_network(cells)]


def _best_network(cells: Cells) -> str:
    ratios = {
        (name, host, at): value
        for host in cells.hosts
        for at in cells.targets
        for name, value in cells.ratios("capacity_qps", host, "gpu", at, over="cpu").items()
    }
    if not ratios:
        return ""
    key = max(ratios, key=lambda each: ratios[each])
    share = cells.number("gpu_item_share", *key[:1], key[2], key[1], "gpu")
    tail = f", where it serves {percent(100 * share)} of the items" if share is not None else ""
    return f"It adds most to {title(key[0])} on {key[1]} at the {key[2]} target: {factor(ratios[key])}{tail}."


def _hardware(document: Value) -> list[str]:
    cells, found = Cells(document), []
    for first, second in zip(cells.hosts, cells.hosts[1:], strict=False):
        pairs = [
            (a, b)
            for target in cells.targets
            for network in cells.networks
            if (a := cells.number("batch_size", network, target, first, "cpu")) is not None
            and (b := cells.number("batch_size", network, target, second, "cpu")) is not None
            and min(a, b) > 0
        ]
        if pairs:
            mean = geomean(b / a for a, b in pairs) or 1.0
            found.append(
                f"On {second} the tuned batch is {factor(mean)} that on {first} (geometric mean), larger in "
                f"{sum(b > a for a, b in pairs)}, equal in {sum(a == b for a, b in pairs)} and smaller in "
                f"{sum(b < a for a, b in pairs)} of {plural(len(pairs), 'cell')}."
            )
    return [*found, *_knees(document)]


def _knees(document: Value) -> list[str]:
    """Say for each change of the CPU how the batch that a core needs for 90 % of its speed moves."""
    moves: dict[str, dict[str, float]] = {}
    for row in document["evidence"]["knees"]:
        change, name, before, after = (
            row["change"].text,
            row["network"].text,
            row["before"].number,
            row["after"].number,
        )
        if change and name and before and after:
            moves.setdefault(change, {})[name] = after / before
    found = []
    for change, by_network in moves.items():
        most = max(by_network, key=lambda name: abs(by_network[name] - 1))
        mean = geomean(by_network.values())
        found.append(
            f"{change}: a core needs {factor(mean)} the batch to reach 90 % of its best speed (geometric mean; most "
            f"moved: {title(most)}, {factor(by_network[most])})."
        )
    return found

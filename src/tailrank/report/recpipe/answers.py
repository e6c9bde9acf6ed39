"""The five questions of the study, each answered with the numbers of the document."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tailrank.report.document import Value
from tailrank.report.recpipe.words import STAGES, last_reading, title
from tailrank.report.wording import amount, count, percent

__all__ = ["Answer", "answers"]

PROTOCOLS = {
    "fixed-clicks": " (queries of equally many clicks each, drawn from all ranked rows)",
    "artifact": " (queries are blocks of consecutive rows, as the artifact's)",
}
NOTHING = "The document holds nothing that answers this."
ONE, TWO, THREE = STAGES


@dataclass(frozen=True)
class Answer:
    """A question, and what the document says to it."""

    key: str
    question: str
    paragraphs: tuple[str, ...]


def answers(document: Value) -> list[Answer]:
    """Return the five answers in order."""
    asked = (
        ("quality", "1. Do items matter more than the size of the model?", _quality),
        ("stages", "2. One, two or three stages on CPUs?", _stages),
        ("gpu", "3. What does a GPU front end give, and where does it collapse?", _gpu),
        ("limits", "4. Which limits of commodity hardware ask for an accelerator?", _limits),
        ("cut", "5. Where does the advantage of two stages vanish?", _cut),
    )
    return [Answer(key, question, tuple(find(document)) or (NOTHING,)) for key, question, find in asked]


def _quality(document: Value) -> Iterator[str]:
    for name, found in document["quality"].pairs:
        by, model = (found["effects"]["ndcg"][key].number for key in ("items_points", "model_points"))
        sizes, networks = found["items"].numbers, found["networks"].texts
        if by is None or model is None or not sizes:
            continue
        protocol = PROTOCOLS.get(document["data"][name]["data"]["protocol"].text or "", "")
        yield (
            f"On {name}{protocol}: ranking {count(sizes[-1])} items instead of {count(sizes[0])} with "
            f"{title(networks[-1])} moves NDCG@64 by {by:.1f} points; {title(networks[-1])} instead of "
            f"{title(networks[0])} on all of them by {model:.1f} points. By the artifact's measure, against "
            f"a ranking of relevant items only, it is "
            f"{found['effects']['all_relevant']['items_points'].number or math.nan:.1f} and "
            f"{found['effects']['all_relevant']['model_points'].number or math.nan:.1f}."
        )
    yield (
        "The artifact logs 31.6 points by items and 1.2 by the model [L]. Part of the first is its measure: a larger "
        "block of log rows holds more clicks, while its ideal is always 64 of them. Its rows were probably trained on "
        "(error 18.2 to 18.5 % on them, 21.1 to 21.4 % held out), which narrows the second."
    )
    for each in document["data"].pairs:
        if each[1]["absent"].text:
            yield f"{each[0]}: {each[1]['absent'].text}."


def _stages(document: Value) -> Iterator[str]:
    name = last_reading(document)
    by_load = {row["nominal_qps"].number: row for row in document["latency"]["ratios"]}
    low, high = by_load.get(67.0, Value()), by_load.get(1000.0, Value())
    if low:
        yield (
            f"At low load the artifact's own times give a p95 that is {low['ours'][name].number or math.nan:.2f} times "
            f"longer with one stage of RM_large than with two (logged {low['logged'].number or math.nan:.2f}); three "
            f"stages are {100 * ((low['three_ours'][name].number or math.nan) - 1):.0f} % slower than two (logged "
            f"{100 * ((low['three_logged'].number or math.nan) - 1):.0f} %), and saturate first: 10 engines a stage."
        )
    late = document["latency"]["inferred"]["late_ms"].number
    bounds = {
        row["funnel"].text: row["bound_qps"].number
        for row in document["latency"]["cells"]
        if row["figure"].text == "7c"
    }
    if late is not None and high:
        yield (
            f"The logged 3.2 times at 1,000 queries a second cannot be had from its times: 32 engines do "
            f"{count(bounds.get(ONE))} of RM_large, 16 do {count(bounds.get(TWO))} of RM_small's queries a second, "
            f"so both would queue without end. The log's own RM_med tails say why they do not: each gap of the load "
            f"generator is some {late:.2f} ms longer than asked, so that a nominal 1,000 queries a second were about "
            f"{1e3 / (1 + late):.0f}, and 2,000 about {1e3 / (0.5 + late):.0f}. At that load ours is "
            f"{high['ours'][name].number or math.nan:.2f} times. The logged 211 ms of the single stage there are not "
            f"explained: its tails, and those of RM_med, rise with the load before anything queues, as those of "
            f"processes do that share caches and memory, and times at low load do not show that."
        )
    yield from _modern(document)


def _modern(document: Value) -> Iterator[str]:
    at = {
        (row["funnel"].text, row["naive"].raw, row["batch"].number): row
        for row in document["modern"]["outcomes"]
        if not row["gpu"].text
    }
    one, two, three = (at.get((funnel, False, 4096.0), Value()) for funnel in (ONE, TWO, THREE))
    medium, split = at.get(("rm-med:4096", False, 4096.0), Value()), at.get((TWO, False, 256.0), Value())
    split_one = at.get((ONE, False, 256.0), Value())
    if not (one and two and three):
        return
    yield (
        f"On a modelled Cascade Lake with prepared inputs and all cores shared by all stages the question has the same "
        f"answer, by more: {count(one['capacity_qps'].number)} queries a second with RM_large alone, "
        f"{count(two['capacity_qps'].number)} with two stages, {count(three['capacity_qps'].number)} with three, and "
        f"{count(medium['capacity_qps'].number)} with RM_med alone. What differs: three stages no longer starve, since "
        f"they share cores; and a query need not stay on one core. Cut into slices of 256 items, RM_large alone takes "
        f"{amount(_low(split_one))} ms at low load and two stages {amount(_low(split))}, instead of "
        f"{amount(_low(one))} and {amount(_low(two))}: at low load most of the gain is "
        f"had by splitting, at high load by the funnel."
    )


def _gpu(document: Value) -> Iterator[str]:
    name = last_reading(document)
    at = {
        (row["devices"].text, row["nominal_qps"].number): row
        for row in document["latency"]["cells"]
        if row["figure"].text == "8" and row["funnel"].text == TWO
    }
    low = at.get(("gpu>cpu", 67.0), Value()), at.get(("cpu>cpu", 67.0), Value())
    high = at.get(("gpu>cpu", 133.0), Value())
    if all(low) and high:
        ours = _ours(low[1], name) / _ours(low[0], name)
        logged = (low[1]["p95_ms"].number or math.nan) / (low[0]["p95_ms"].number or math.nan)
        yield (
            f"A T4 in front shortens the p95 {ours:.2f} times at 67 queries a second (logged {logged:.2f}), and "
            f"collapses at 133: {count(_ours(high, name))} ms (logged {count(high['p95_ms'].number)}). One engine "
            f"works on one query for {1e3 / (high['bound_qps'].number or math.nan):.1f} ms, nearly half of it to make "
            f"the inputs on the host, so {count(high['bound_qps'].number)} queries a second are its end."
        )
        exact, *_ = [row["reading"].text or "" for row in document["latency"]["errors"]] or [""]
        both = _ours(low[1], exact), _ours(low[0], exact)
        yield (
            f"Both need the artifact's arrivals. Gaps of whole milliseconds around 15 hardly ever meet at one engine; "
            f"{exact} arrivals at the same 67 queries a second queue there, and the GPU front end has a p95 of "
            f"{amount(both[1])} ms against {amount(both[0])} ms of CPUs alone: {both[0] / both[1]:.2f} times."
        )
    rows = [row for row in document["modern"]["collapse"] if row["funnel"].text == TWO]
    pinned = [row for row in rows if row["inputs"].text != "naive"]
    if pinned:
        words = ", ".join(
            f"{(row['gpu'].text or '').upper()} {count(row['front_bound_qps'].number)} (with the CPUs behind it "
            f"{count(row['capacity_qps'].number)} at 50 ms)"
            for row in pinned
        )
        full = [(row["capacity_qps"].number or 0) > 0.9 * (row["front_bound_qps"].number or math.inf) for row in pinned]
        ends = (
            "the GPU itself, one query at a time" if all(full) else "the GPU or the CPUs behind it, as the case may be"
        )
        yield (
            f"With inputs prepared, pinned and overlapped the front end can do, in queries a second: {words}. The "
            f"collapse was of the software around the GPU; what ends it then is {ends}."
        )


def _limits(document: Value) -> Iterator[str]:
    logged = {row["network"].text: row for row in document["limits"]["logged_t4"]}
    gpus = [
        row for row in document["limits"]["gpu"] if row["network"].text == "rm-small" and row["inputs"].text != "naive"
    ]
    small = logged.get("rm-small", Value())
    if small:
        yield (
            f"Utilisation: with RM_small in front the artifact's T4 does {_percent(small['of_peak'])} of its peak over "
            f"a query's time, and {_percent(small['of_peak_computing'])} while it computes, by its logged times [L]."
            + (" Modelled with pinned inputs: " if gpus else "")
            + ", ".join(f"{(row['gpu'].text or '').upper()} {_percent(row['of_peak'])}" for row in gpus)
            + ("." if gpus else "")
        )
    base = {row["network"].text: row for row in document["limits"]["monolithic"]}
    if small and base:
        first, last = base.get("rm-small", Value()), base.get("rm-large", Value())
        yield (
            f"What surrounds the arithmetic: inputs take {_percent(small['inputs_share'])} and filtering on the host "
            f"{_percent(small['sort_share'])} of a query's time on the logged T4. On the artifact's undivided "
            f"accelerator, whose host filters, the link takes {_percent(first['link'])} and filtering "
            f"{_percent(first['host_filter'])} with RM_small, {_percent(last['link'])} and "
            f"{_percent(last['host_filter'])} with RM_large [C]. The faster the device, the more filtering weighs: "
            + ", ".join(
                f"{_percent(row['sort_share'])} beside a modelled {(row['gpu'].text or '').upper()}" for row in gpus
            )
            + "."
        )


def _cut(document: Value) -> Iterator[str]:
    found = document["cut"]["vanishes"]
    at = {row["nominal_qps"].number: row for row in document["latency"]["cells"] if row["figure"].text == "med"}
    cut, best = document["logged"]["cut"].number, _medium(document)
    if at and cut and best:
        tails = ", ".join(f"{amount(row['p95_ms'].number)} at {count(qps)}" for qps, row in at.items())
        yield (
            f"RM_med alone reaches {best:g} % and misses the artifact's cut of {cut:g} % by {cut - best:.2f} points. "
            f"Its logged p95 is {tails} queries a second: as fast as two stages, and faster "
            f"from 500 on [L]."
        )
    if found:
        words = {"logged": "in the logs", "ours": "with its times simulated", "modern": "on the modelled host"}
        yield (
            "Two stages are less than 1.1 times as fast as the best single stage from this cut downward, at 67 queries "
            "a second: "
            + ", ".join(f"{text} {_cut_at(found[key]['67'])}" for key, text in words.items())
            + f".{_costs(document)}"
        )
    for name, rows in document["cut"]["own_quality"].pairs:
        each = [row for row in rows if row["ratio"].number]
        if each:
            drops = ", ".join(f"{row['ratio'].number:.2f} at {100 * (row['drop'].number or 0):g} %" for row in each)
            yield f"With our tiers on {name}, capacity of two stages over one by allowed loss of quality: {drops}."


def _medium(document: Value) -> float | None:
    """Return the higher of the logged NDCG of RM_med on all items, in per cent."""
    rows = [row["ndcg"].number for row in document["logged"]["quality"] if row["funnel"].text == "rm-med:4096"]
    return max((each for each in rows if each is not None), default=None)


def _costs(document: Value) -> str:
    """Say why the modelled host keeps two stages ahead at lower cuts, where it does."""
    at = {(row["network"].text, row["device"].text): row for row in document["modern"]["beside"]}
    med, small = (at.get((name, "cascade-lake"), Value()) for name in ("rm-med", "rm-small"))
    there, here = ((med[key].number or 0.0) / (small[key].number or math.inf) for key in ("logged_ms", "modern_ms"))
    if here <= there:
        return ""
    return (
        f" On the modelled host RM_med costs {here:.1f} times RM_small, not {there:.1f} as logged, so that the funnel "
        f"is worth its second stage over a wider range of cuts."
    )


def _cut_at(value: Value) -> str:
    return "at no cut swept" if value.number is None else f"{value.number:g} %"


def _ours(row: Value, name: str) -> float:
    return (row["ours"][name].numbers or [math.nan])[0]


def _low(row: Value) -> float | None:
    pairs = [each.numbers for each in row["p95_ms"]]
    return pairs[0][1] if pairs and len(pairs[0]) == 2 else None


def _percent(value: Value) -> str:
    return percent(None if value.number is None else 100 * value.number)

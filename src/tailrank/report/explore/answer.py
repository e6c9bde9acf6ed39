"""The answer in sentences: what serves how much more, how much sooner, at what loss of quality, and how sure it is."""

import math
from typing import NamedTuple

from tailrank.report.document import Value
from tailrank.report.explore.points import depth, exact_interval, factor, funnel, metric, quality, signed
from tailrank.report.wording import (
    NONE_MET,
    NOT_MEASURED,
    amount,
    capacity_found,
    count,
    interval,
    percent,
    plural,
    tail_name,
    target,
    unbroken,
)

__all__ = ["headline", "key_figures", "span", "verdict"]


FAR = 20.0  # per cent: beyond this the simulator's error belongs to the answer


class Pair(NamedTuple):
    """The chosen funnel and the best single stage, as the engine or else as the simulator found them."""

    chosen: Value
    single: Value
    served: bool


def headline(document: Value) -> str:
    """Return the answer in one sentence; what the engine measured goes before what the simulator predicts."""
    chosen = document["chosen"]
    if not chosen:
        return "No funnel was chosen: the document names none within the quality floor."
    pair = _pair(document)
    where = "on the engine" if pair.served else "in the simulator"
    ours, theirs = _capacity(pair.chosen), _capacity(pair.single)
    goal = target(document["sla"])
    words = funnel(chosen)
    if ours == NONE_MET:
        return unbroken(f"{words} met {goal} at no load tried {where}.")
    if ours == NOT_MEASURED:
        return unbroken(f"{words} is chosen; its capacity was not measured.")
    if depth(chosen) == 1:
        return unbroken(
            f"No funnel of several stages beats a single one: {words} serves {ours} queries/s at {goal} {where}."
        )
    ratio = (document["ratio_capacity"] if pair.served else document["predicted_ratio_capacity"]).number
    if ratio is None or theirs in (NONE_MET, NOT_MEASURED):
        against = "; the best single stage met it at no load tried" if theirs == NONE_MET else ""
        return unbroken(f"{words} serves {ours} queries/s at {goal} {where}{against}.")
    return unbroken(
        f"{words} serves {factor(ratio)} the load of the best single stage at {goal}: {ours} against {theirs} "
        f"queries/s {where}."
    )


def verdict(document: Value) -> tuple[str, str, str]:
    """Return (kind, words, sentences) of how sure the answer is, and what it costs in quality."""
    engine = document["engine"]
    said = [_latency(document), _quality(document), _one_plan(document)]
    if not engine:
        said.append("Nothing was served: capacities and latencies here are the simulator's.")
        return "open", "Simulated", " ".join(filter(None, said))
    said.append(_simulator(engine))
    doubts = [words for key, name in _NAMED for words in _doubts(engine[key], name)]
    doubts += _unclear(document)
    if doubts:
        return "uncertified", "Not verified", " ".join(filter(None, [*said, f"{_listed(doubts)}."]))
    answers = engine["chosen"]["answers"].number
    if answers:
        said.append(f"All {count(answers)} answers of the funnel are those of the funnel computed offline.")
    return "certified", "Verified on the engine", " ".join(filter(None, said))


def key_figures(document: Value) -> list[tuple[str, str, str]]:
    """Return (what, number, range or source) of the few numbers that matter."""
    pair, engine = _pair(document), document["engine"]
    where = "engine" if pair.served else "simulator"
    key = "ratio_capacity" if pair.served else "predicted_ratio_capacity"
    predicted = f"{factor(document['predicted_ratio_capacity'].number)} in the simulator"
    reach = f"{span(pair.chosen, pair.single)} by their {'brackets' if pair.served else 'intervals'}"
    tail, load = tail_name(document["sla"]), (engine if pair.served else document)["load_qps"].number
    runs = [each for each in engine["chosen"]["p95_ms_runs"].numbers if math.isfinite(each)]
    spread = f"runs from {amount(min(runs))} to {amount(max(runs))}; " if len(runs) > 1 and pair.served else ""
    difference = document["quality_difference"]
    return [
        (
            f"Capacity, {where} (queries/s)",
            _capacity(pair.chosen),
            f"{_spread(pair.chosen)}; best single stage {_capacity(pair.single)} ({_spread(pair.single)})",
        ),
        (
            "Capacity over the best single stage",
            factor(document[key].number),
            f"{reach}; {predicted}" if pair.served else reach,
        ),
        (
            f"{tail} at {amount(load)} queries/s, {where} (ms)",
            amount(pair.chosen["p95_ms"].number),
            f"{spread}best single stage {amount(pair.single['p95_ms'].number)}",
        ),
        (
            f"{metric(document)}, difference to it",
            signed(difference["mean"].number),
            f"95 % interval {exact_interval(difference['ci95'], sign=True)}, paired; "
            f"{quality(document['chosen']['quality'].number)} against "
            f"{quality(document['best_single_stage']['quality'].number)}",
        ),
    ]


def span(above: Value, below: Value) -> str:
    """Return what a ratio of capacities may be, by the brackets (else the intervals) of both."""
    ends = [_ends(each) for each in (above, below)]
    (low, high), (least, most) = ends
    if not (math.isfinite(low) and math.isfinite(most) and most > 0 and low > 0):
        return NOT_MEASURED
    if not (math.isfinite(high) and least > 0):
        return f"at least {factor(low / most)}"
    return f"{factor(low / most)} to {factor(high / least)}"


_NAMED = (("chosen", "the chosen funnel"), ("best_single_stage", "the best single stage"))


def _pair(document: Value) -> Pair:
    engine = document["engine"]
    source = engine if engine else document
    return Pair(source["chosen"], source["best_single_stage"], bool(engine))


def _capacity(side: Value) -> str:
    return capacity_found(side["capacity_qps"], side["capacity_bracket_qps"])


def _spread(side: Value) -> str:
    """Return the bracket of the engine, or the interval of the simulator, in words."""
    if side["capacity_bracket_qps"]:
        return f"bracket {interval(side['capacity_bracket_qps'])}"
    return f"95 % interval {interval(side['capacity_ci95_qps'])}"


def _ends(side: Value) -> tuple[float, float]:
    ends = (side["capacity_bracket_qps"] or side["capacity_ci95_qps"]).numbers
    return (ends[0], ends[1]) if len(ends) == 2 else (math.nan, math.nan)


def _one_plan(document: Value) -> str:
    """Say what a ratio means where the funnel and the single stage are one and the same plan."""
    plans = [document[key]["plan"].raw for key, _ in _NAMED]
    if not plans[0] or plans[0] != plans[1]:
        return ""
    ratio = document["ratio_capacity"].number
    words = "The chosen funnel and the best single stage are the same plan"
    return f"{words}: {factor(ratio)} between them is the noise of this machine." if ratio is not None else f"{words}."


def _latency(document: Value) -> str:
    """Say how much sooner the funnel answers, where both were run at one load."""
    pair = _pair(document)
    ratio = (document["ratio_p95"] if pair.served else document["predicted_ratio_p95"]).number
    load = (document["engine"] if pair.served else document)["load_qps"].number
    ours, theirs = pair.chosen["p95_ms"].number, pair.single["p95_ms"].number
    if depth(document["chosen"]) < 2 or ratio is None or ratio <= 0 or ours is None or theirs is None:
        return ""
    words = f"At {amount(load)} queries/s its {tail_name(document['sla'])} is {amount(ours, 'ms')} against "
    words += f"{amount(theirs, 'ms')}, "
    words += f"{factor(ratio)} lower" if ratio >= 1 else f"{factor(1 / ratio)} higher"
    limit = document["sla"]["latency_ms"].number
    over = [name for value, name in ((ours, "the funnel"), (theirs, "the single stage")) if limit and value > limit]
    return f"{words}; {' and '.join(over)} missed the target there." if over else f"{words}."


def _quality(document: Value) -> str:
    """Say what the funnel loses in quality, and whether more than was allowed can be ruled out."""
    difference, name = document["quality_difference"], metric(document)
    mean, ends = difference["mean"].number, difference["ci95"].numbers
    if depth(document["chosen"]) < 2 or mean is None or len(ends) != 2 or not all(map(math.isfinite, ends)):
        return ""
    queries = document["queries"].number
    words = f"Its {name} differs by {signed(mean)} (95 % interval {exact_interval(difference['ci95'], sign=True)}, "
    words += "paired): " if queries is None else f"paired over {plural(int(queries), 'query')}): "
    if ends[1] < 0:
        words += "a loss by more than chance"
    elif ends[0] > 0:
        words += "a gain by more than chance"
    else:
        words += "no significant difference"
    floor, single = document["reference"]["floor"].number, document["best_single_stage"]["quality"].number
    if floor is None or single is None or single < floor:
        return f"{words}."
    allowed = single - floor
    sure = "is ruled out" if ends[0] >= -allowed else "is not ruled out by so many queries"
    return f"{words}; a loss of more than the {allowed:.4f} allowed {sure}."


def _unclear(document: Value) -> list[str]:
    """Say where the brackets of the two plans do not tell which of them serves more."""
    (low, high), (least, most) = (_ends(document["engine"][key]) for key, _ in _NAMED)
    if depth(document["chosen"]) < 2 or not (low < most and least < high):
        return []
    return ["the brackets of both capacities overlap, and do not tell which plan serves more"]


def _simulator(engine: Value) -> str:
    """Say how far the simulator was off, where the front is to be read with that in mind."""
    found = [error for key, _ in _NAMED if (error := engine[key]["sim_error_pct"].number) is not None]
    worst = max(found, key=abs, default=0.0)
    if abs(worst) <= FAR:
        return ""
    words = f"up to {percent(abs(worst))} {'more' if worst > 0 else 'less'} capacity than the engine had"
    return f"The simulator promised {words}: the front is to be read with that in mind."


def _doubts(side: Value, name: str) -> list[str]:
    """Return what keeps the engine's word on one plan from being certain."""
    found = []
    low, high = _ends(side)
    if not (math.isfinite(low) and math.isfinite(high) and low > 0):
        found.append(f"the capacity of {name} was not bracketed")
    answers, equal = side["answers"].number, side["answers_equal"].number
    if answers is not None and equal is not None and equal < answers:
        found.append(f"{count(answers - equal)} of {count(answers)} answers of {name} differ from the offline funnel's")
    return found


def _listed(doubts: list[str]) -> str:
    words = "; ".join(doubts)
    return words[0].upper() + words[1:]

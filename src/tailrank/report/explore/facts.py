"""What was explored and with what: how the search narrowed, what was trained on which data, and what was not done."""

from collections.abc import Callable

from tailrank.report.document import Value
from tailrank.report.explore.points import STAGES, depth, metric
from tailrank.report.tables import Table
from tailrank.report.wording import NOT_MEASURED, amount, count, plural, scaled

__all__ = ["data", "machine", "not_done", "search", "training"]

SHORTEST_S = 0.1  # a step that is told
LONGEST = 160  # characters of a fact that is shown


def search(document: Value) -> Table | None:
    """Return how many funnels and plans each step of the search looked at."""
    plans = document["plans"]
    if not plans:
        return None
    rate = document["funnels_per_second"].number
    rows = [
        ("funnels rated for quality, offline", document["funnels_evaluated"], f"{amount(rate)} a second"),
        ("left out: worse than the worst network alone", plans["below"], ""),
        ("plans that arithmetic looked at", plans["plans"], _seconds(plans["arithmetic_s"])),
        ("left out: cannot meet the target", plans["late"], ""),
        ("ranked behind others of their quality and number of stages", plans["outranked"], ""),
        ("ruled out: a simulated plan is sure to be no worse", plans["ruled_out"], ""),
        ("given up: promise above what was found, but no better for long", plans["given_up"], ""),
        ("not reached in the time allowed", plans["not_reached"], ""),
        ("plans simulated", plans["simulated"], f"{count(plans['simulator_runs'].number)} runs"),
        ("points on the front", Value(len(list(document["front"]))), ""),
    ]
    found = [(words, count(value.number), more) for words, value, more in rows if value.number is not None]
    return Table("How the search narrowed", ("", "number", ""), found, "A plan may be counted in several rows.")


def _seconds(value: Value) -> str:
    return "" if value.number is None else amount(value.number, "s")


def training(document: Value) -> Table | None:
    """Return the networks: their size, what training found, and how long it took."""
    rows = []
    for name, facts in document["training"].pairs:
        held = _held_out(facts["hold_out"])
        rows.append(
            (
                name,
                scaled(facts["flops_per_item"].number, "FLOP"),
                count(facts["lookups_per_item"].number),
                scaled(facts["table_bytes"].number, "B"),
                count(facts["steps"].number),
                held,
                amount(facts["seconds"].number),
                amount(_alone(document, name), digits=4),
            )
        )
    columns = (
        *("network", "per item", "lookups", "tables", "steps", "hold-out, best"),
        *("training (s)", f"{metric(document)} alone"),
    )
    note = "Hold-out: what early stopping watched, in the trainer's own measure, higher is better; its best value."
    return Table("The networks and their training", columns, rows, note) if rows else None


def _held_out(history: Value) -> str:
    """Return the best value that early stopping saw."""
    seen = [pair[1] for each in history if len(pair := each.numbers) > 1 and pair[1] == pair[1]]
    return amount(max(seen), digits=4) if seen else NOT_MEASURED


def _alone(document: Value, network: str) -> float | None:
    """Return the quality of one network on all items, off its curve."""
    for curve in document["curves"]:
        quality = curve["quality"].numbers
        if curve["networks"].texts == [network] and quality:
            return quality[-1]
    return None


def data(document: Value) -> list[tuple[str, str]]:
    """Return what the data are, as (term, words)."""
    return _told(document["data"])


def machine(document: Value) -> list[tuple[str, str]]:
    """Return the host, what executes the networks, and the seconds of every step, as (term, words)."""
    host, serving = document["host"], document["serving"]
    executors = [
        f"{name}: {' '.join(filter(None, (each['executor'].text, each['precision'].text, each['instructions'].text)))}"
        for name, each in serving["executors"].pairs
    ]
    cores = host["cores"].number
    parts: list[tuple[str, list[str | None]]] = [
        ("Host", [host["cpu"].text, None if cores is None else plural(int(cores), "core"), host["gpu"].text]),
        ("System", [host["os"].text]),
        ("Executors", list(executors)),
        ("Served by", [f"{words.text} ({pool})" for pool, words in serving["served_by"].pairs if words.text]),
        ("Seconds", _steps(document["seconds_by_step"])),
    ]
    return [(term, ", ".join(filter(None, words))) for term, words in parts if any(words)]


def _steps(steps: Value) -> list[str | None]:
    return [f"{name} {amount(value)}" for name, each in steps.pairs if (value := each.number or 0.0) >= SHORTEST_S]


def _told(facts: Value, before: str = "") -> list[tuple[str, str]]:
    """Return facts as (term, words); what lies deeper goes on in the same term's words."""
    found = []
    for key, value in facts.pairs:
        words = _plain(value)
        if words:
            found.append((f"{before}{key}".replace("_", " ").capitalize(), words[:LONGEST]))
    return found


def _plain(value: Value) -> str:
    """Return a fact of any kind in plain words."""
    if isinstance(value.raw, bool):
        return "yes" if value.raw else "no"
    if value.pairs:
        return ", ".join(f"{key.replace('_', ' ')} {words}" for key, each in value.pairs if (words := _plain(each)))
    if isinstance(value.raw, list):
        return "; ".join(filter(None, map(_plain, value)))
    number = value.number
    if number is not None:
        return count(number) if number == int(number) else amount(number, digits=4)
    return value.text or ""


def not_done(document: Value) -> list[str]:
    """Return what was not looked at or not proved, a sentence each, most important first."""
    engine, plans, space = document["engine"], document["plans"], document["space"]
    front = list(document["front"])
    said: list[str] = []
    if not engine:
        said.append("The engine was not run: no capacity and no latency on this page was measured by serving.")
    elif len(front) > 2:
        said.append(
            f"The engine served the chosen funnel and the best single stage only; the front's {len(front)} points are "
            "simulated."
        )
    queries = document["queries"].number
    if queries is not None:
        said.append(
            f"The {count(queries)} queries that rate the funnels also chose among them, which favours funnels that are "
            "lucky on them; the interval of the difference does not know that."
        )
    said += [words(value) for key, words in _COUNTED if (value := plans[key].number)]
    said += [words for tried, words in _limits(space) if not tried]
    if depth(document["chosen"]) == 1:
        said.append("No funnel of several stages was served: a single stage was chosen.")
    return said


def _simply(form: str) -> Callable[[float], str]:
    return lambda value: form.format(count(value))


_COUNTED: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("not_reached", _simply("Time did not allow {} plans to be simulated for the front.")),
    (
        "given_up",
        _simply("{} plans within the floor whose arithmetic promised more than was found were not simulated any more."),
    ),
    ("outranked", _simply("{} plans were left to arithmetic: others of their quality ranked before them.")),
)


def _limits(space: Value) -> list[tuple[bool, str]]:
    """Return (whether it was tried, what to say where it was not) of what a space may leave out."""
    feeds = space["feeds"].texts
    devices = {pool["device"].text or "cpu" for _, pool in space["pools"].pairs}
    stages = [each for each in space["stages"].numbers if each == each]
    known, most = bool(space), max(stages, default=0)
    return [
        (
            not known or any(each != "whole" for each in feeds),
            "Feeding the second stage with finished slices of the first was not tried.",
        ),
        (not known or len(devices) > 1, f"Stages were placed on {', '.join(sorted(devices)) or 'cpu'} only."),
        (not stages or most >= len(STAGES), f"Funnels of more than {count(most)} stages were not looked at."),
    ]

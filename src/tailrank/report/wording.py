"""Numbers as people read them: significant digits, units, and "not measured" for what is absent."""

import math
import re

from tailrank.report.document import Value

__all__ = [
    "NONE_MET",
    "NOT_MEASURED",
    "amount",
    "capacity_found",
    "count",
    "describe_plan",
    "factor",
    "interval",
    "percent",
    "plural",
    "scaled",
    "tail_name",
    "target",
    "times",
    "unbroken",
]

NOT_MEASURED = "not measured"
NONE_MET = "no load met it"
MINUS, SPACE = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def amount(value: float | None, unit: str = "", *, digits: int = 3) -> str:
    """Return `value` to `digits` significant digits, whole from 100 upward: 880, 12,345, 1.04, 0.0312."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    value = float(f"{value:.{digits}g}") if abs(value) < 10 ** (digits - 1) else value
    tail = f"{SPACE}{unit}" if unit else ""
    if value == 0:
        return f"0{tail}"
    if abs(value) < 1e-4:
        return f"{value:.{digits - 1}g}{tail}".replace("-", MINUS)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}{tail}".replace("-", MINUS)


def count(value: float | None) -> str:
    """Return a count in full: 200,000."""
    return NOT_MEASURED if value is None else f"{value:,.0f}"


def plural(number: int, thing: str) -> str:
    """Return `number` things: "1 worker", "1,000 plans"; "query" and its like end in -ies, "batch" in -es."""
    many = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}es" if thing.endswith("ch") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else many}"


def interval(bounds: Value, unit: str = "", *, digits: int = 3) -> str:
    """Return the pair `bounds` as "870 to 890", or "at least 870" where no upper end was found."""
    ends = bounds.numbers
    if len(ends) != 2 or not math.isfinite(ends[0]):
        return NOT_MEASURED
    if not math.isfinite(ends[1]):
        return f"at least {amount(ends[0], unit, digits=digits)}"
    return f"{amount(ends[0], digits=digits)} to {amount(ends[1], unit, digits=digits)}"


def percent(value: float | None) -> str:
    """Return `value`, already in per cent, to two significant digits."""
    return NOT_MEASURED if value is None else amount(value, "%", digits=2)


def times(value: float | None) -> str:
    """Return a speed-up as a speed-up with its sign, 1.035 or 12.3: three decimals near one, where they still speak."""
    return (
        NOT_MEASURED if value is None else f"{amount(value, digits=4 if abs(value) < 10 else 3)}\N{MULTIPLICATION SIGN}"
    )


def factor(value: float | None) -> str:
    """Return a ratio as people write it, to three digits: 1.80 or 12.3, with its sign."""
    return NOT_MEASURED if value is None else f"{amount(value)}\N{MULTIPLICATION SIGN}"


def scaled(value: float | None, unit: str) -> str:
    """Return `value` with a decimal prefix: 5.1 GB, 310 kFLOP."""
    if value is None:
        return NOT_MEASURED
    unit_of, prefix = next(((f, p) for f, p in PREFIXES if abs(value) >= f), PREFIXES[-1])
    return amount(value / unit_of, f"{prefix}{unit}")


def target(sla: Value) -> str:
    """Return the SLA target as "p95 ≤ 100 ms"."""
    percentile, latency_ms = sla["percentile"].number, sla["latency_ms"].number
    if percentile is None or latency_ms is None:
        return "an SLA target not recorded"
    return f"p{percentile:g} ≤ {latency_ms:g} ms".replace(" ", SPACE)


def tail_name(sla: Value) -> str:
    """Return the percentile of the SLA target as "p95", which is also what stands in for a missing one."""
    percentile = sla["percentile"].number
    return "p95" if percentile is None else f"p{percentile:g}"


def capacity_found(capacity: Value, bracket: Value) -> str:
    """Return a capacity found by probing: `NONE_MET` where every load failed, "at least 700" where none did."""
    ends = bracket.numbers
    if capacity.number is not None and capacity.number <= 0:
        return NONE_MET
    if len(ends) == 2 and math.isfinite(ends[0]) and not math.isfinite(ends[1]):
        return f"at least {amount(ends[0])}"
    return amount(capacity.number)


def describe_plan(plan: Value) -> str:
    """Return a plan in a few words: "batch size 256 on 2 cpu workers"."""
    stages = list(plan["stages"])
    if not stages:
        return "plan not recorded"
    return ", then ".join(_stage(stage, plan["pools"], named=len(stages) > 1) for stage in stages)


def unbroken(text: str) -> str:
    """Return `text` with "n = 5" and "2 cpu workers" kept on one line."""
    return re.sub(r"(?<=\bn) = (?=\d)|(?<=\d) (?=\w+ workers?\b)", lambda found: found[0].replace(" ", SPACE), text)


def _stage(stage: Value, pools: Value, *, named: bool) -> str:
    pool = stage["pool"].text or "cpu"
    workers = pools[pool]["workers"].number
    words = f"{stage['model'].text or 'model'} with " if named else ""
    words += f"batch size {count(stage['batch_size'].number)}"
    if workers is not None:
        words += f" on {plural(int(workers), f'{pool} worker')}"
    if stage["offload_at"].number is not None:
        words += f", queries of {count(stage['offload_at'].number)} items and more on {stage['offload_pool'].text}"
    if stage["keep"].number is not None:
        words += f", keeping {count(stage['keep'].number)}"
    return words

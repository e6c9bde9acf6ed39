"""The demand of a day, hour by hour: from a recording, or from the built-in day."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tailrank.core import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tailrank.workload import Arrivals

__all__ = ["RECORDINGS", "Demand", "demand_of"]

RECORDINGS = {"twitter": "twitter_per_second.tbz2", "nasa": "nasa_1995_per_second.tbz2"}
FOLDER = "TAILRANK_DATA"  # environment variable: the folder that has `arrivals/` with the recordings
STEP_S = 300  # traffic is near Poisson within five minutes, so an hour's busiest five are what must be served
DAY_S, HOURS = 86400.0, 24


@dataclass(frozen=True)
class Demand:
    """Queries per second to be ready for in each hour: the mean of its busiest five minutes. `text` says of what."""

    hours: tuple[float, ...]
    mean_qps: float
    text: str


def demand_of(trace: str, *, qps: float | None, day: int | None) -> Demand:
    """Return the demand of `trace`, scaled so that its mean is `qps` (None: as recorded).

    `trace` is `twitter` or `nasa` (recordings in the folder that TAILRANK_DATA names), a file, or arrivals as in
    `--arrivals`: `diurnal:peak=1.8`, `replay:path=day.csv`. Of a recording of several days, `day` counts from 0;
    None takes the day with the busiest hour. Raises `BadInputError` for a trace that has no day.
    """
    from tailrank.tuner import rates_by_hour
    from tailrank.workload import Diurnal, Replay

    arrivals = _arrivals(trace)
    if isinstance(arrivals, Diurnal):
        if qps is None:
            raise BadInputError(f"--trace {trace} has a shape but no size", hint="give its mean as --qps")
        if day is not None:
            raise BadInputError(f"--trace {trace} is one day, so --day {day} says nothing", hint="leave --day out")
        curve = arrivals.curve()
        return _scaled(curve, rates_by_hour(curve, DAY_S / len(curve)), qps, f"built-in day ({trace})")
    if not isinstance(arrivals, Replay):
        raise BadInputError(
            f"--trace {trace}: these arrivals have no day", hint="give twitter, nasa, diurnal, or a recording's file"
        )
    rates = arrivals.rates(STEP_S)
    hours = rates_by_hour(rates, STEP_S)
    days = max(1, len(hours) // HOURS)
    if day is not None and not 0 <= day < days:
        raise BadInputError(f"--day {day}: the recording has {days} days", hint=f"give 0 to {days - 1}")
    chosen = max(range(days), key=lambda each: max(hours[each * HOURS : (each + 1) * HOURS])) if day is None else day
    if len(hours) >= HOURS:
        hours = hours[chosen * HOURS : (chosen + 1) * HOURS]
        steps = int(DAY_S) // STEP_S
        rates = rates[chosen * steps : (chosen + 1) * steps]
    return _scaled(rates, hours, qps, f"{Path(arrivals.path).name}, day {chosen} of {days}")


def _scaled(rates: "NDArray[np.float64]", hours: tuple[float, ...], qps: float | None, text: str) -> Demand:
    mean = float(rates.mean())
    factor = 1.0 if qps is None else qps / mean
    words = "as recorded" if qps is None else f"scaled to a mean of {qps:g} qps"
    return Demand(tuple(hour * factor for hour in hours), mean * factor, f"{text}, {words}")


def _arrivals(trace: str) -> "Arrivals":
    from tailrank.workload import Diurnal, Replay, parse_arrivals

    if trace in RECORDINGS:
        folder = os.environ.get(FOLDER)
        if folder is None:
            raise BadInputError(
                f"--trace {trace}: where the recordings are is not known",
                hint=f"set {FOLDER} to the folder that has arrivals/{RECORDINGS[trace]}, or give a file",
            )
        return Replay(path=str(Path(folder) / "arrivals" / RECORDINGS[trace]))
    if trace == "diurnal":
        return Diurnal()
    if Path(trace).exists() or ":" not in trace:
        return Replay(path=trace)
    return parse_arrivals(trace)

"""Energy: power from busy shares, queries per watt. Nothing here measures."""

from tailrank.core import BadInputError

__all__ = ["busy_power_w", "qps_per_watt"]

SLACK = 1e-9  # a share may exceed one by rounding


def busy_power_w(idle_w: float, tdp_w: float, busy: float) -> float:
    """Return the power in watts of a device that is busy for the share `busy` of its time: linear from idle to TDP.

    The usual first-order model of servers (Barroso and Hoelzle, "The Case for Energy-Proportional Computing", IEEE
    Computer 2007). Raises `BadInputError` for a share outside of 0 to 1.
    """
    if not -SLACK <= busy <= 1 + SLACK:
        raise BadInputError(f"a busy share lies between 0 and 1, not {busy:g}", hint="divide by workers and time")
    return idle_w + (tdp_w - idle_w) * min(max(busy, 0.0), 1.0)


def qps_per_watt(qps: float, power_w: float) -> float:
    """Return queries per second and watt, which is queries per joule; raises `BadInputError` without power."""
    _check(qps, power_w)
    return qps / power_w


def _check(qps: float, power_w: float) -> None:
    if not qps >= 0:
        raise BadInputError(f"queries per second start at 0, not {qps:g}", hint="give an achieved load")
    if not power_w > 0:
        raise BadInputError(f"power must be above 0 W, not {power_w:g}", hint="give what the busy host draws")

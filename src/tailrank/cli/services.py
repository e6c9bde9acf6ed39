"""Service times named on the command line: `linear:fixed_us=300,item_us=20`, and profiles measured earlier."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tailrank.core import BadInputError, Plan
from tailrank.timing import NO_OVERHEADS, ConstantTime, LinearTime, Overheads, Profile, ServiceTime, load_profile

__all__ = ["FORMS", "parse_service", "services_for"]

FORMS = {"constant": ("batch_us",), "linear": ("fixed_us", "item_us")}
HINT = "forms: constant:batch_us=500 or linear:fixed_us=300,item_us=20; before it MODEL= or MODEL@POOL= to narrow it"


def services_for(
    plan: Plan, specs: Sequence[str], profiles: Sequence[str]
) -> tuple[dict[tuple[str, str], ServiceTime], Overheads]:
    """Return a service time for every (model, pool) of `plan`, and what serving costs beside.

    Specs and profiles may begin with `MODEL@POOL=` or `MODEL=`: the first goes before the second, that before a profile
    of the model for nobody in particular, that before such a spec; a spec goes before a profile as narrow. A profile
    that names no pool is of CPU workers, and fits no other device. Overheads are those of the first profile. Raises
    `BadInputError` where nothing fits.
    """
    measured = [_measured(text, plan) for text in profiles]
    named: dict[str, ServiceTime] = {each.whom: each.profile for each in reversed(measured) if each.whom}
    named |= dict(_split(spec) for spec in specs)
    anywhere = [each.profile for each in measured if not each.whom]
    found = {}
    for stage in plan.stages:
        for pool in (stage.pool, stage.offload_pool):
            if pool is not None:
                on_cpu = plan.pools[pool].device == "cpu"
                found[stage.model, pool] = _choose(stage.model, pool, named, anywhere if on_cpu else [])
    return found, measured[0].profile.overheads if measured else NO_OVERHEADS


def parse_service(text: str) -> ServiceTime:
    """Read `constant:batch_us=T` or `linear:fixed_us=T,item_us=T`; times are microseconds, zero or more."""
    form, _, rest = text.partition(":")
    if form not in FORMS:
        raise BadInputError(f"unknown service time `{text}`", hint=HINT)
    values = {}
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if key not in FORMS[form] or key in values:
            raise BadInputError(f"service time `{text}`: `{key}` is not expected here", hint=HINT)
        values[key] = _microseconds(value, text)
    missing = [key for key in FORMS[form] if key not in values]
    if missing:
        raise BadInputError(f"service time `{text}`: `{missing[0]}` is missing", hint=HINT)
    if form == "constant":
        return ConstantTime(1000 * values["batch_us"])
    return LinearTime(1000 * values["fixed_us"], 1000 * values["item_us"])


class _Measured(NamedTuple):
    """A profile and who it is for: `MODEL@POOL`, `MODEL`, or "" for its own model anywhere on the CPU."""

    whom: str
    profile: Profile


def _measured(text: str, plan: Plan) -> _Measured:
    """Read `FILE`, `MODEL=FILE` or `MODEL@POOL=FILE`; a file whose name holds a `=` is still a file."""
    if "=" not in text or Path(text).exists():
        return _Measured("", load_profile(Path(text)))
    whom, _, path = text.partition("=")
    known = {name for stage in plan.stages for pool in plan.pools for name in (stage.model, f"{stage.model}@{pool}")}
    if whom not in known:
        hint = f"before the file: {', '.join(sorted(known))}, or nothing"
        raise BadInputError(f"profile `{text}`: no such file, and the plan has no `{whom}`", hint=hint)
    return _Measured(whom, load_profile(Path(path)))


def _split(spec: str) -> tuple[str, ServiceTime]:
    """Return who the spec is for ("" for everybody) and the service time."""
    head, colon, rest = spec.partition(":")
    whom, _, form = head.rpartition("=")
    return whom, parse_service(f"{form}{colon}{rest}")


def _choose(model: str, pool: str, named: Mapping[str, ServiceTime], measured: Sequence[Profile]) -> ServiceTime:
    for whom in (f"{model}@{pool}", model):
        if whom in named:
            return named[whom]
    for profile in measured:
        if profile.network == model:
            return profile
    if "" in named:
        return named[""]
    raise BadInputError(
        f"no service time for model `{model}` on pool `{pool}`",
        hint=f"give --service {model}@{pool}=linear:fixed_us=300,item_us=20, or --profile {model}@{pool}=FILE",
    )


def _microseconds(value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadInputError(f"service time `{text}`: `{value}` is not a time of zero or more microseconds", hint=HINT)
    return number

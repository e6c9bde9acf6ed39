"""Service times named on the command line: `linear:fixed_us=300,item_us=20`, and profiles measured earlier."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tailrank.core import BadInputError, Plan
from tailrank.timing import NO_OVERHEADS, ConstantTime, LinearTime, Overheads, Profile, ServiceTime, load_profile

__all__ = ["FORMS", "parse_service", "services_for"]

FORMS = {"constant": ("batch_us",), "linear": ("fixed_us", "item_us")}
HINT = "forms: constant:batch_us=500 or linear:fixed_us=300,item_us=20; before it MODEL= or MODEL@POOL= to narrow it"


def services_for(
    plan: Plan, specs: Sequence[str], profiles: Sequence[Path]
) -> tuple[dict[tuple[str, str], ServiceTime], Overheads]:
    """Return a service time for every (model, pool) of `plan`, and what serving costs beside.

    A spec `MODEL@POOL=...` goes before `MODEL=...`, that before a profile of the model, that before a spec for
    everything. Overheads are those of the first profile. Raises `BadInputError` where nothing fits.
    """
    named = dict(_split(spec) for spec in specs)
    measured = [load_profile(path) for path in profiles]
    found = {}
    for stage in plan.stages:
        for pool in (stage.pool, stage.offload_pool):
            if pool is not None:
                found[stage.model, pool] = _choose(stage.model, pool, named, measured)
    return found, measured[0].overheads if measured else NO_OVERHEADS


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
        hint=f"give --service {model}@{pool}=linear:fixed_us=300,item_us=20, or --profile of a profile of `{model}`",
    )


def _microseconds(value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise BadInputError(f"service time `{text}`: `{value}` is not a time of zero or more microseconds", hint=HINT)
    return number

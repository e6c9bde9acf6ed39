"""Every configuration of a funnel on equal slices: stages are costed once for each size of slice, then combined."""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tailrank.accelerator import Design, Energy, Evaluation, Filter, Mode, StageDesign, chained, design_of, evaluate
from tailrank.core import BadInputError
from tailrank.tuner.rpaccel.configurations import name_of

__all__ = ["parse_funnel", "sweep"]


def parse_funnel(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """Read `NETWORK:ITEMS[/ITEMS...][,...]`, such as `rm-small:4096,rm-large:128/512`: items that a stage may get."""
    stages = []
    for word in text.split(","):
        found = re.fullmatch(r"([^:/\s]+):(\d{1,9}(?:/\d{1,9})*)", word.strip())
        items = tuple(int(each) for each in found[2].split("/")) if found else ()
        if not found or min(items) == 0:
            raise BadInputError(
                f"a stage is NETWORK:ITEMS[/ITEMS...], not `{word.strip()}`",
                hint="such as rm-small:4096,rm-large:128/512",
            )
        stages.append((found[1], items))
    return stages


def sweep(
    stages: Sequence[tuple[str, tuple[int, ...]]],
    *,
    mode: Mode,
    slices: Sequence[int],
    sub_batches: Sequence[int] = (1,),
    filter: Filter = "chip",  # noqa: A002
    **options: bool,
) -> list[dict[str, Any]]:
    """Return a row for every choice of items, sub-batches and slices, in that order.

    `options` are `resident`, `double_buffered` and `hidden_rows` of `Design`. A choice that the model refuses has
    `why` and no figures; funnels that would widen are left out. Slices of 1 are for all stages or for none.
    """
    rows = []
    for items in itertools.product(*(each for _, each in stages)):
        if any(after > before for before, after in itertools.pairwise(items)):
            continue
        for parts in sub_batches:
            found = {each: _equal(stages, items, each, mode, filter, parts, options) for each in slices}
            for chosen in _choices(slices, len(stages)):
                row: dict[str, Any] = {"items": list(items), "sub_batches": parts, "slices": list(chosen)}
                rows.append(row | {"name": name_of(chosen)} | _row([found[each] for each in chosen], parts))
    return rows


def _choices(slices: Sequence[int], depth: int) -> list[tuple[int, ...]]:
    chosen = itertools.product(slices, repeat=depth)
    return [each for each in chosen if depth == 1 or set(each) == {1} or 1 not in each]


def _equal(
    stages: Sequence[tuple[str, tuple[int, ...]]],
    items: Sequence[int],
    slices: int,
    mode: Mode,
    filter: Filter,  # noqa: A002
    parts: int,
    options: dict[str, bool],
) -> tuple[Design, Evaluation] | str:
    """Return the funnel with every stage on the same slices, or why that cannot be."""
    named = zip(stages, items, strict=True)
    try:
        design = design_of(
            mode, tuple(StageDesign(network=n, items=i, slices=slices) for (n, _), i in named), filter=filter
        )
        design = replace(design, sub_batches=parts, **options)
        return design, evaluate(design)
    except BadInputError as error:
        return error.message


def _row(chosen: Sequence[tuple[Design, Evaluation] | str], parts: int) -> dict[str, Any]:
    """Return what a mixture does whose stage i is as in the i-th of the equal designs."""
    known = [each for each in chosen if not isinstance(each, str)]
    if len(known) < len(chosen):
        return {"why": next(each for each in chosen if isinstance(each, str))}
    results = [found.stages[number] for number, (_, found) in enumerate(known)]
    bugs, silicon = known[0][0].bugs, known[0][1]
    latency_ns, capacity_qps = chained(results, parts, link_every_stage=bugs.link_every_stage)
    energy = Energy()
    for result in results:
        energy += result.energy.times(parts)
    return {
        "stage_latency_ms": [result.latency_ns / 1e6 for result in results],
        "latency_ms": latency_ns / 1e6,
        "capacity_qps": capacity_qps,
        "energy_mj": energy.total_mj or None,
        "area_mm2": silicon.area.total,
    }

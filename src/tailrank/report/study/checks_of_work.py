"""Checks of what needs no search: shapes, operators, speed-ups, sizes, arrivals, locality, transfers.

Each returns whether it holds (None: the document lacks what is needed) and our number in words.
"""

from itertools import pairwise

from tailrank.report.document import Value
from tailrank.report.study.cells import title
from tailrank.report.wording import amount, percent
from tailrank.zoo import get

__all__ = [
    "batching",
    "climb",
    "gaps",
    "locality",
    "shapes",
    "shares",
    "shares_by_batch",
    "sizes",
    "speedups",
    "transfer",
]

Found = tuple[bool | None, str]

# widths into the top MLP, MFLOP and KiB of embeddings per item, and half of each last digit
SHAPES = {
    "rmc1": (288, 0.221, 0.0005, 80.0, 0.0),
    "rmc2": (2112, 0.883, 0.0005, 960.0, 0.0),
    "rmc3": (352, 6.41, 0.005, 25.0, 0.0),
    "ncf": (128, 0.295, 0.0005, 1.0, 0.0),
    "wnd": (1376, 4.13, 0.005, 3.4, 0.05),
    "mtwnd": (1888, 5.24, 0.005, 5.4, 0.05),
    "din": (128, 0.084, 0.0005, 1.5, 0.0),
    "dien": (160, 1.57, 0.005, 5.4, 0.05),
}
SHARES = (
    ("rmc1", "lookup", 0.70),
    ("rmc2", "lookup", 0.85),
    ("rmc3", "fc", 0.90),
    ("wnd", "fc", 0.90),
    ("mtwnd", "fc", 0.90),
    ("ncf", "fc", 0.80),
    ("dien", "recurrent", 0.60),
)
MLP = ("rmc3", "ncf", "wnd", "mtwnd")
NO_SHARES = "no operator shares in the document"
LAW_SHARES = {"production": (0.50, 0.525), "mlperf": (0.40, 0.42), "lognormal": (0.31, 0.33)}


def shapes(document: Value) -> Found:  # noqa: ARG001 - the zoo says it all
    """Compare the artifact's shapes in the zoo with the published arithmetic."""
    wrong = []
    for name, (width, mflop, half_mflop, kib, half_kib) in SHAPES.items():
        network = get(f"{name}-artifact")
        top = next(chain for chain in network.chains if chain.name in ("top", "mlp", "trunk"))
        good = (
            top.widths[0] == width
            and abs(network.flops_per_item / 1e6 - mflop) <= half_mflop
            and abs(network.embedding_bytes_per_item / 1024 - kib) <= half_kib
        )
        if not good:
            wrong.append(title(name))
    ours = f"{len(SHAPES) - len(wrong)} of {len(SHAPES)} as published"
    return not wrong, f"{ours}; not {', '.join(wrong)}" if wrong else ours


def shares(document: Value) -> Found:
    """Compare the leading operator's share on the CPU at batch 64."""
    found = _shares(document, "cpu")
    rows = [(name, part, least, found[name, 64][part]) for name, part, least in SHARES if (name, 64) in found]
    if len(rows) < len(SHARES):
        return None, NO_SHARES
    words = ", ".join(f"{title(name)} {part} {_percent(share)}" for name, part, _, share in rows)
    return all(share > least for *_, least, share in rows), words


def shares_by_batch(document: Value) -> Found:
    """Compare how RMC1's and DIEN's shares move with the batch on the CPU."""
    found = _shares(document, "cpu")
    dien = [parts["recurrent"] for (name, _), parts in sorted(found.items(), key=_by_items) if name == "dien"]
    if not {("rmc1", 1), ("rmc1", 16)} <= found.keys() or len(dien) < 2:
        return None, NO_SHARES
    one, sixteen = found["rmc1", 1], found["rmc1", 16]
    holds = one["fc"] > one["lookup"] and sixteen["lookup"] > sixteen["fc"] and _falls(dien)
    words = (
        f"RMC1 FC and lookup {_percent(one['fc'])} and {_percent(one['lookup'])} at 1, {_percent(sixteen['fc'])} and "
        f"{_percent(sixteen['lookup'])} at 16; DIEN recurrent {', '.join(map(_percent, dien))}"
    )
    return holds, words


def speedups(document: Value) -> Found:
    """Compare the modelled GPU over a core by batch."""
    found = _by_items_of(document["evidence"]["speedup"], "modelled")
    full = {name: row for name, row in found.items() if {1, 1024} <= row.keys()}
    if not {"rmc1", "rmc2", *MLP} <= full.keys():
        return None, "no speed-ups by batch in the document"
    first, last = ({name: row[at] for name, row in full.items()} for at in (1, 1024))
    rising = all(_rises(list(full[name].values())) for name in MLP)
    even = {name: _crossing(row) for name, row in full.items()}
    others = min(value for name, value in last.items() if name not in ("rmc1", "rmc2"))
    holds = (
        max(first.values()) < 1
        and rising
        and max(last["rmc1"], last["rmc2"]) <= others
        and even["rmc3"] <= min(even.values())
    )
    words = (
        f"at 1 at most {amount(max(first.values()))}; at 1,024 RMC1 {amount(last['rmc1'])}, RMC2 "
        f"{amount(last['rmc2'])}, least of the others {amount(others)}; {'rising' if rising else 'not always rising'} "
        f"on MLP networks; first even: {title(min(even, key=lambda name: even[name]))}"
    )
    return holds, words


def batching(document: Value) -> Found:
    """Compare the cost per item at small and large batches."""
    found = _by_items_of(document["evidence"]["per_item"], "us")
    wanted = ("wnd", "mtwnd", "rmc2")
    if not all({10, 1000} <= found.get(name, {}).keys() for name in wanted):
        return None, "no cost per item in the document"
    falls = {name: found[name][10] / found[name][1000] for name in wanted}
    holds = min(falls["wnd"], falls["mtwnd"]) >= 3 and falls["rmc2"] < 1.5
    return holds, ", ".join(f"{title(name)} {amount(ratio)}-fold" for name, ratio in falls.items())


def sizes(document: Value) -> Found:
    """Compare the share of items in queries above the 75th percentile of sizes."""
    found = {row["law"].text or "": row["above_p75"].number for row in document["evidence"]["sizes"]}
    shares = {law: share for law in LAW_SHARES if (share := found.get(law)) is not None}
    if len(shares) < len(LAW_SHARES):
        return None, "no laws of sizes in the document"
    holds = all(LAW_SHARES[law][0] <= share <= LAW_SHARES[law][1] for law, share in shares.items())
    return holds, ", ".join(f"{law} {_percent(share)}" for law, share in shares.items())


def gaps(document: Value) -> Found:
    """Compare the gaps of exact and of integer Poisson arrivals."""
    rows = [
        (row["kind"].text, row["mean_gap_ms"].number, row["cv"].number, row["ks_p"].number)
        for row in document["evidence"]["gaps"]
    ]
    exact = [(ms, cv, p) for kind, ms, cv, p in rows if kind == "poisson" and ms and cv is not None and p is not None]
    integer = [(ms, cv) for kind, ms, cv, _ in rows if kind == "paper" and ms and cv is not None]
    if not exact or not integer:
        return None, "no gaps in the document"
    holds = all(abs(cv - 1) <= 0.02 and p > 0.001 for _, cv, p in exact)
    holds = holds and all(abs(cv * ms**0.5 - 1) <= 0.03 for ms, cv in integer)
    words = (
        f"CV {amount(min(cv for _, cv, _ in exact))} to {amount(max(cv for _, cv, _ in exact))}, least KS p "
        f"{amount(min(p for *_, p in exact))}; integer Poisson: "
        + ", ".join(f"{amount(cv)} at {amount(ms)} ms" for ms, cv in integer)
    )
    return holds, words


def climb(document: Value) -> Found:
    """Compare what the climb measured and chose on two plants without noise."""
    data = document["evidence"]["climb"]
    listed, measured = data["listed"].numbers, data["measured"].numbers
    if not listed:
        return None, "no climb in the document"
    every = set(listed) <= set(measured) and data["without_measured"].raw is True
    first, useless = data["first_best"].number, data["useless_gpu"].raw
    words = (
        f"{len(set(listed) & set(measured))} of {len(listed)} measured and no offload "
        f"{'too' if data['without_measured'].raw is True else 'not'}; where the first is best it takes "
        f"{amount(first)}, with a useless GPU {'no offload' if useless is None else amount(data['useless_gpu'].number)}"
    )
    return every and first == listed[0] and useless is None, words


def locality(document: Value) -> Found:
    """Compare LRU hit rates of generated accesses."""
    rows = list(document["evidence"]["synthetic_reuse"])
    by_new = sorted(
        (new, rate)
        for row in rows
        if (new := row["new"].number) is not None and (rate := row["hit_rate"].number) is not None
    )
    uniform = [row["hit_rate"].number for row in rows if (row["accesses"].text or "").startswith("uniform")]
    if len(by_new) < 2 or not uniform or uniform[0] is None:
        return None, "no generated accesses in the document"
    words = ", ".join(f"{_percent(rate)} at {percent(100 * new)} new" for new, rate in by_new)
    return _falls([rate for _, rate in by_new]) and uniform[0] < 0.01, f"{words}; uniform {_percent(uniform[0])}"


def transfer(document: Value) -> Found:
    """Compare the share of GPU time that inputs take, copied naively and better."""
    rows = {
        row["network"].text or "": (row["naive"].number, row["better"].number)
        for row in document["evidence"]["transfer"]
    }
    found = {
        name: (naive, better) for name, (naive, better) in rows.items() if naive is not None and better is not None
    }
    if not {"ncf", "wnd", "mtwnd", "rmc2"} <= found.keys():
        return None, "no shares of transfers in the document"
    holds = all(0.5 <= found[name][0] <= 0.7 for name in ("ncf", "wnd", "mtwnd")) and found["rmc2"][0] > 0.9
    holds = holds and all(better < naive for naive, better in found.values())
    words = ", ".join(
        f"{title(name)} {_percent(naive)}, then {_percent(better)}" for name, (naive, better) in found.items()
    )
    return holds, words


def _shares(document: Value, device: str) -> dict[tuple[str, int], dict[str, float]]:
    """Return the modelled shares by (network, items); a share not given is zero."""
    found = {}
    for row in document["evidence"]["shares"]:
        name, items, parts = row["network"].text, row["items"].number, row["modelled"]
        if row["device"].text == device and name is not None and items is not None and parts:
            known = {part: share.number or 0.0 for part, share in parts.pairs}
            found[name, int(items)] = {part: known.get(part, 0.0) for part in ("lookup", "fc", "recurrent")}
    return found


def _by_items_of(rows: Value, field: str) -> dict[str, dict[int, float]]:
    """Return network -> items -> a positive number, items ascending."""
    found: dict[str, dict[int, float]] = {}
    for row in sorted(rows, key=lambda each: each["items"].number or 0):
        name, items, value = row["network"].text, row["items"].number, row[field].number
        if name is not None and items is not None and value is not None and value > 0:
            found.setdefault(name, {})[int(items)] = value
    return found


def _by_items(entry: tuple[tuple[str, int], object]) -> int:
    return entry[0][1]


def _crossing(row: dict[int, float]) -> float:
    """Return the first batch at which the speed-up reaches one; infinite where none does."""
    return next((items for items, value in row.items() if value >= 1), float("inf"))


def _falls(values: list[float]) -> bool:
    return all(after < before for before, after in pairwise(values))


def _rises(values: list[float]) -> bool:
    return all(after > before for before, after in pairwise(values))


def _percent(share: float) -> str:
    return percent(100 * share)

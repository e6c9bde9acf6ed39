"""Checks B8 to D of the study: what simulations, orderings and what-ifs say, in a sentence each."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tailrank.accelerator import evaluate
from tailrank.tuner.rpaccel.configurations import funnel
from tailrank.tuner.rpaccel.published import artifact_values

__all__ = [
    "arrays",
    "binned",
    "caches",
    "configurations",
    "corrections",
    "devices",
    "emulation",
    "medium",
    "more_items",
    "overheads",
    "parts",
    "poisson",
    "quality",
    "search",
    "stability",
]

Found = tuple[bool | None, str]
Parts = Mapping[str, Any]
AT = {100.0: 0, 500.0: 5, 1000.0: 7, 2000.0: 9}  # place of a load among those of figure 12
PAPER = "paper"


def _named(study: Parts, mode: str, name: str) -> dict[str, Any]:
    return next(row for row in study["configurations"] if (row["mode"], row["name"]) == (mode, name))


def _best(study: Parts, mode: str, stages: int, qps: float, kind: str = PAPER) -> dict[str, Any]:
    key = mode, kind, stages, qps
    return next(row for row in study["fig12"] if (row["mode"], row["arrivals"], row["stages"], row["qps"]) == key)


def stability(study: Parts) -> Found:
    """B8, with the artifact's arrivals, and whether Poisson arrivals say the same."""
    one = _named(study, "released", "(1)")
    wide = [_named(study, "released", f"({a}, {b})") for a in (4, 16) for b in (4, 16)]
    holds, last = True, artifact_values().loads.qps
    for kind in ("paper", "poisson"):
        alone, pairs = one["stable"][kind], [row["stable"][kind][AT[2000.0]] for row in wide]
        holds &= not any(alone[AT[500.0] :]) and all(alone[: AT[500.0]]) and all(pairs)
    most = max(row["p95_ms"][PAPER][AT[2000.0]] for row in wide)
    return holds, f"one stage keeps up to {last[4]:.0f} q/s; at 2,000 the four have p95 of at most {most:.1f} ms"


def emulation(study: Parts) -> Found:
    """B9: how far the logged percentiles are above ours, where both keep up."""
    above, low = [], []
    for row in study["configurations"]:
        if row["mode"] != "released" or row["artifact_p95_ms"] is None:
            continue
        for qps, logged in row["artifact_p95_ms"].items():
            at = AT[float(qps)]
            if row["stable"][PAPER][at] and logged < 500:
                above.append(logged - row["p95_ms"][PAPER][at])
                low += [above[-1]] if at == 0 else []
    ordered = sorted(above)
    words = (
        f"{sum(each > 0 for each in above)} of {len(above)} above; by {min(low):.2f} to {max(low):.2f} ms at 100 q/s, "
        f"median {ordered[len(ordered) // 2]:.2f}, most {ordered[-1]:.1f} ms"
    )
    return all(each > 0 for each in above), words


def quality(_study: Parts) -> Found:
    """C10, on the artifact's logged values: the accelerator's own quality was never computed there."""
    known = artifact_values().quality
    rising = all(list(row) == sorted(row) for row in (known.small, known.med, known.large))
    network = all(s < m < g for s, m, g in zip(known.small, known.med, known.large, strict=True))
    items, model = known.large[-1] - known.large[0], known.large[-1] - known.small[-1]
    kept = known.two_stages["512"] - known.two_stages["128"]
    words = (
        f"logged: {items:.1f} points from 256 to 4,096 items, {model:.1f} from small to large, {kept:.2f} from keeping "
        "128 to 512; our own trained networks are in the study `recpipe`"
    )
    return rising and network and items > 10 * model and kept < 0.1, words


def arrays(study: Parts) -> Found:
    """C11."""
    rows = {(row["network"], row["side"]): row for row in study["fig10a"]}
    sides = sorted({side for _, side in rows}, reverse=True)
    falls = all(
        rows[name, small]["cycles"] > rows[name, large]["cycles"]
        and rows[name, small]["utilisation"] > rows[name, large]["utilisation"]
        for name in {name for name, _ in rows}
        for large, small in pairwise(sides)
    )
    small, large = rows["rm-small", 128]["utilisation"], rows["rm-large", 128]["utilisation"]
    gaps = [rows["rm-large", side]["utilisation"] - rows["rm-small", side]["utilisation"] for side in (128, 16)]
    words = f"{100 * small:.1f} % and {100 * large:.1f} % on 128x128; between them {100 * gaps[0]:.0f} points"
    return falls and small < 0.15 and large > 0.75 and gaps[1] < gaps[0] / 3, f"{words}, {100 * gaps[1]:.0f} on 16x16"


def configurations(study: Parts) -> Found:
    """C12: who wins, with the artifact's arrivals; and capacities of the smallest slices once bandwidth is fair."""
    low = [_best(study, "released", stages, 100.0)["name"] for stages in (2, 3)]
    high = [_best(study, "released", stages, 2000.0)["name"] for stages in (2, 3)]
    wanted = _named(study, "released", "(16, 4, 16)")["p95_ms"][PAPER][AT[2000.0]]
    other = _named(study, "released", "(16, 16, 16)")["p95_ms"][PAPER][AT[2000.0]]
    logged = {row.slices: row.p95_ms[-1] for row in artifact_values().configuration}
    fair = study["combined"][-1]["smallest_capacity_qps"]
    words = (
        f"low {', '.join(low)}; high {', '.join(high)}, where (16, 4, 16) has {wanted:.2f} ms and (16, 16, 16) "
        f"{other:.2f}, logged {logged[16, 4, 16]} and {logged[16, 16, 16]}; with "
        f"fair bandwidth (64, 64) has the highest capacity, {fair:,.0f} q/s"
    )
    return low == ["(4, 4)", "(4, 4, 4)"] and high == ["(4, 16)", "(16, 4, 16)"], words


def devices(study: Parts) -> Found:
    """C13: the logged ratios; then what modelled CPU and GPU say."""
    known = {row.name: row for row in artifact_values().device}
    gpu = known["GPU"].low[0] / known["RPAccel"].low[1]
    cpu = known["CPU"].low[1] / known["RPAccel"].low[1]
    rows = {(r["device"], r["stages"]): r for r in study["fig14"] if r["arrivals"] == "poisson"}
    ours = rows["RPAccel, corrected", 2]["low"]
    tuned = {name: rows[f"{name}, tuned", stages]["low"] for name, stages in (("GPU", 1), ("CPU, split", 1))}
    words = ", ".join(f"{name} of today {ms / ours:.1f}" for name, ms in tuned.items() if ms)
    return round(gpu) == 8 and 20.5 <= cpu <= 22, f"logged: {gpu:.1f} and {cpu:.1f} times; modelled: {words} times"


def more_items(study: Parts) -> Found:
    """C14, with the artifact's arrivals: growth of the p95 from 4,096 to 12,288 items."""
    rows = [row for row in study["fig13"] if (row["mode"], row["arrivals"]) == ("released", PAPER)]
    one, two = (rows[-1][key] / rows[0][key] for key in ("one_ms", "two_ms"))
    logged = [rows[-1][key] / rows[0][key] for key in ("artifact_two_ms", "artifact_one_ms")]
    words = f"ours {two:.1f} and {one:.1f} times; logged {logged[0]:.1f} and {logged[1]:.1f}"
    return two < one / 2, f"{words} (there with the emulation's own delays in both)"


def caches(study: Parts) -> Found:
    """C15, by the artifact's method."""
    found = study["fig10c"]["released"]
    return found["holds"], found["words"]


def overheads(study: Parts) -> Found:
    """C16."""
    found, words, holds = study["fig11"], [], True
    for unit in ("mm2", "mw"):
        base, ours = found[f"baseline_{unit}"], found[f"rpaccel_{unit}"]
        share = [100 * (ours[name] - base[name]) / base["total"] for name in ("activation", "array", "filter")]
        holds &= share == sorted(share, reverse=True)
        words.append(f"{'area' if unit == 'mm2' else 'power'} {'/'.join(f'{each:.1f}' for each in share)} %")
    return holds, ", ".join(words)


def corrections(study: Parts) -> Found:
    """D1: factors of the released model as its mistakes are corrected together."""
    words = "; ".join(
        f"{row['corrected']}: {row['latency_gain']:.2f} latency, {row['capacity_gain']:.2f} throughput"
        for row in study["combined"]
    )
    return None, words


def parts(study: Parts) -> Found:
    """D2."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in study["sub_batches"]:
        key = row["setting"], row["weights"]
        if key not in best or row["latency_ms"] < best[key]["latency_ms"]:
            best[key] = row
    words = "; ".join(
        f"{setting}, {weights}: {row['latency_ms']:.3f} ms at {row['parts']}"
        for (setting, weights), row in best.items()
    )
    ahead = [row for (_, weights), row in best.items() if "look-ahead" in weights]
    never = best["released", "reloaded"]["parts"] == 1
    return never and all(2 <= row["parts"] <= 4 for row in ahead), words


def medium(_study: Parts) -> Found:
    """D3: RM_med alone, which is left out by 0.03 points."""
    known = artifact_values().quality
    one = {
        mode: evaluate(funnel((1,), mode, networks=("rm-med",))).latency_ns / 1e6 for mode in ("released", "corrected")
    }
    two = {mode: evaluate(funnel((1, 1), mode)).latency_ns / 1e6 for mode in ("released", "corrected")}
    words = (
        f"quality {known.med[-1]} against a floor of {known.floor}; alone {one['released']:.3f} ms (two stages "
        f"{two['released']:.3f}), corrected {one['corrected']:.3f} ({two['corrected']:.3f})"
    )
    return known.med[-1] < known.floor, words


def search(study: Parts) -> Found:
    """D6: whether one design has both factors, once the chip may be divided unequally and queries come in parts."""
    rows = study["searched"]["rows"]
    knee = next(row for row in rows if row["knee"])
    papers = [row for row in rows if row["kind"] == "paper"]
    plain = max(papers[:-1], key=lambda row: float(row["capacity_qps"]))
    words = (
        f"{knee['name']}: {knee['latency_gain']:.2f} latency and {knee['capacity_gain']:.2f} throughput at once; the "
        f"best equal division {plain['name']} has {plain['latency_gain']:.2f} and {plain['capacity_gain']:.2f}, "
        f"{papers[-1]['name']}, {papers[-1]['latency_gain']:.2f} and {papers[-1]['capacity_gain']:.2f}"
    )
    return None, words


def binned(study: Parts) -> Found:
    """D4: the loss with the RTL's 16 bins, whole queries and four sub-batches."""
    rows = {(row["excess"], row["bins"], row["parts"]): row for row in study["fig10b"]["rows"]}
    told = [rows["pass", 16, 1], rows["pass", 16, 4], rows["fill", 16, 4]]
    words = "; ".join(
        f"{row['parts']} {'part' if row['parts'] == 1 else 'parts'}, {row['excess']}: NDCG {row['loss']:+.5f} lost, "
        f"{row['chosen']:.0f} chosen for {row['keep']}"
        for row in told
    )
    return None, f"16 bins, {study['fig10b']['source']}: {words}"


def poisson(study: Parts) -> Found:
    """D5: two stages at 1,000 and 2,000 queries a second, both kinds of arrivals."""
    words = []
    for mode in ("released", "corrected"):
        for qps in (1000.0, 2000.0):
            row = _best(study, mode, 2, qps, "poisson")
            words.append(f"{mode} {row['name']} at {qps:,.0f} q/s: {row['p99_ms']:.2f} ms")
    return None, "; ".join(words)

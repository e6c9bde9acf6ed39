"""The tables of what scores: a reduced precision's effect on the ranking, and a GPU beside the CPU's workers."""

import math

from tailrank.report.document import Value
from tailrank.report.tables import Table
from tailrank.report.wording import NOT_MEASURED, amount, count, factor, interval, percent, plural, times

__all__ = ["gpu_gain", "gpu_line", "gpu_speed", "precision"]


def precision(document: Value) -> Table | None:
    """Return how far each reduced precision moves the ranking away from that in fp32."""
    rows = []
    found = (document["precision_effect"], document["gpu"]["precision_effect"])
    weights = next((each["weights"].text for each in found if each["weights"].text), None)
    for each in found:
        if each:
            k = each["k"].number
            rows.append(
                (
                    f"{each['precision'].text or 'reduced'} on {each['pool'].text or 'cpu'}",
                    NOT_MEASURED if k is None else count(k),
                    _mean(each["ndcg"]),
                    _mean(each["overlap"]),
                    amount(each["max_difference"].number, digits=2),
                    f"{count(each['queries'].number)} ({count(each['candidates'].number)})",
                )
            )
    columns = ("", "k", "NDCG@k", "overlap of the top k", "largest difference of a score", "queries (candidates)")
    note = "Against the scores of the same model in fp32, on queries of the workload; means with 95 % intervals over "
    note += "queries. NDCG takes the fp32 ranking as the ideal one, so 1 means that nothing moved"
    return (
        Table("Precision: what it does to the ranking", columns, rows, f"{note}; {weights}." if weights else f"{note}.")
        if rows
        else None
    )


def gpu_line(document: Value) -> str:
    """Return the device in a line, a pretence named as one; empty without a GPU."""
    gpu = document["gpu"]
    if not gpu:
        return ""
    workers = gpu["workers"].number
    words = [gpu["device"].text or "a device not recorded", gpu["precision"].text]
    words += [None if workers is None else f"{plural(int(workers), 'batch')} in flight"]
    line = ", ".join(filter(None, words))
    if gpu["pretend"].raw is True:
        return f"PRETENCE: the host stands in for a GPU, so no number of it is a GPU's ({line})."
    return f"{line}."


def gpu_gain(document: Value) -> Table | None:
    """Return the simulator's capacity with and without offloading, and what is offloaded."""
    offload = document["gpu"]["offload"]
    if not offload:
        return None
    at, queries, items = (offload[key].number for key in ("offload_at", "share_of_queries", "share_of_items"))
    rows = [
        _row("capacity with the GPU (queries/s)", offload["capacity_qps"], offload["capacity_ci95_qps"]),
        _row("capacity without (queries/s)", offload["capacity_without_qps"], offload["capacity_without_ci95_qps"]),
        ("gain", times(offload["gain"].number), interval(offload["gain_ci95"], digits=4)),
        ("offloaded from (items)", "nothing is offloaded" if at is None else count(at), ""),
        ("offloaded queries", _share(queries), ""),
        ("offloaded items", _share(items), ""),
    ]
    without = f"Without: the best plan that offloads nothing, batch size {count(offload['batch_size_without'].number)}."
    return Table("What the GPU adds, in the simulator", ("", "value", "95 % interval"), rows, without)


def gpu_speed(document: Value) -> Table | None:
    """Return the time of a batch on a CPU worker and on the GPU, each alone, and the transfers' share."""
    gpu = document["gpu"]
    shares = {each["items"].number: each["transfer_share"].number for each in gpu["transfers"]}
    rows = []
    for each in gpu["ratios"]:
        items = each["items"].number
        if items is not None and math.log2(max(items, 1)).is_integer():
            share = shares.get(items)
            cells = amount(each["cpu_us"].number), amount(each["gpu_us"].number), factor(each["ratio"].number)
            rows.append((count(items), *cells, "" if share is None else _share(share)))
    sooner = gpu["break_even_items"].number
    note = "The GPU returns a batch sooner " + (
        "at no size measured." if sooner is None else f"from {count(sooner)} items."
    )
    columns = ("items in the batch", "CPU worker (µs)", "GPU (µs)", "CPU over GPU", "transfers, of the device's time")
    return Table("A batch on the GPU and on a CPU worker", columns, rows, note) if rows else None


def _mean(share: Value) -> str:
    return f"{amount(share['mean'].number, digits=4)} ({interval(share['ci95'], digits=4)})"


def _row(words: str, value: Value, ends: Value) -> tuple[str, str, str]:
    return words, amount(value.number), interval(ends)


def _share(share: float | None) -> str:
    return percent(None if share is None else 100 * share)

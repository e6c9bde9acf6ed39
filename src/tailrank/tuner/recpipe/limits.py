"""The two limits of commodity hardware that motivate an accelerator: idle arithmetic, and what surrounds it."""

from tailrank.accelerator import StageDesign, artifact, evaluate
from tailrank.timing import MODERN, Roofline, Switches, device
from tailrank.tuner.recpipe.logged import components
from tailrank.tuner.recpipe.modern import GPUS, sort_ms
from tailrank.tuner.recpipe.pipeline import SORT
from tailrank.zoo import get

__all__ = ["logged_shares", "monolithic_shares", "utilisation"]

NETWORKS = ("rm-small", "rm-med", "rm-large")
ITEMS = 4096


def utilisation() -> list[dict[str, object]]:
    """Return for every network and GPU: how much of the peak a query of 4,096 items uses, and what else it waits for.

    `of_peak`: its FLOPs over its whole time, inputs included, over the peak in fp32; `of_peak_computing`: over the time
    of its operators. `inputs_share` and `sort_share` are of the time with inputs, operators, and sorting on the host.
    """
    rows: list[dict[str, object]] = []
    for gpu in GPUS:
        for inputs, how in (("naive", Switches()), ("pinned, overlapped", MODERN)):
            for name in NETWORKS:
                network, here = get(name), device(gpu)
                roofline = Roofline(network, here, switches=how)
                whole = roofline.seconds(ITEMS)
                inputs_s = whole * roofline.transfer_share(ITEMS)
                flops = network.flops_per_item * ITEMS
                peak = 1e9 * here.peak_fp32_gflops
                total = whole + 1e-3 * sort_ms(ITEMS)
                rows.append(
                    {
                        "gpu": gpu,
                        "network": name,
                        "inputs": inputs,
                        "ms": 1e3 * whole,
                        "of_peak": flops / whole / peak,
                        "of_peak_computing": flops / (whole - inputs_s) / peak,
                        "inputs_share": inputs_s / total,
                        "sort_share": 1e-3 * sort_ms(ITEMS) / total,
                    }
                )
    return rows


def logged_shares() -> list[dict[str, object]]:
    """Return the same of the artifact's logged times of its T4, at 67 queries a second: [L] but for the peak."""
    peak = 1e9 * device("t4").peak_fp32_gflops
    rows: list[dict[str, object]] = []
    for name in NETWORKS:
        ms: dict[str, float] = {
            each.part: each.ms for each in components() if (each.device, each.network) == ("gpu", name)
        }
        total = sum(ms.values())
        rows.append(
            {
                "network": name,
                "ms": total,
                "of_peak_computing": get(name).flops_per_item * ITEMS / (1e-3 * ms["inference"]) / peak,
                "of_peak": get(name).flops_per_item * ITEMS / (1e-3 * total) / peak,
                "inputs_share": (ms["gather"] + ms["fetch"]) / total,
                "sort_share": ms[SORT] / total,
            }
        )
    return rows


def monolithic_shares() -> list[dict[str, object]]:
    """Return where the time of one stage goes on the artifact's baseline accelerator, whose host filters: [C].

    One undivided array of 128 x 128, by the artifact's published formulas; shares sum to 1.
    """
    rows: list[dict[str, object]] = []
    for name in NETWORKS:
        design = artifact((StageDesign(network=name, items=ITEMS, slices=1),), filter="host")
        found = evaluate(design)
        cycles = found.stages[0].cycles
        parts = {
            "link": cycles.link_in + cycles.link_out,
            "host_filter": cycles.filter,
            "gather": cycles.gather,
            "weights": cycles.load,
            "array": cycles.compute + cycles.interaction,
        }
        shares = {part: each / cycles.total for part, each in parts.items()}
        rows.append({"network": name, "ms": found.latency_ns / 1e6, **shares})
    return rows

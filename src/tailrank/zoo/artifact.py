"""The eight networks in the shapes the public DeepRecSys artifact really builds.

They reproduce the artifact's cost, oddities included; the paper shapes are beside them in `paper`.
"""

from collections.abc import Callable

from tailrank.zoo.network import Chain, Network, TableConfig
from tailrank.zoo.paper import SLA_MS

__all__ = ["NETWORKS"]

_SOURCE = "DeepRecSys artifact, models/configs and models/*.py"


def _dlrm(
    name: str, table: TableConfig, tables: int, bottom: tuple[int, ...], top: tuple[int, ...]
) -> Callable[[], Network]:
    def make() -> Network:
        return Network(
            name=f"{name}-artifact",
            family="dlrm",
            tables=(table,) * tables,
            dense=bottom[0],
            chains=(Chain("bottom", bottom), Chain("top", ((tables + 1) * table.dim, *top))),
            sla_ms=SLA_MS[name],
            source=_SOURCE,
        )

    return make


def _ncf() -> Network:
    return Network(
        name="ncf-artifact",
        family="ncf-artifact",
        tables=tuple(TableConfig(rows, 64) for rows in (140_000, 140_000, 28_000, 28_000)),
        chains=(Chain("mlp", (128, 256, 256, 128, 64)), Chain("head", (128, 64))),
        interaction="sum",
        products=(("interaction", 64),),
        sla_ms=SLA_MS["ncf"],
        source=_SOURCE,
        notes=(
            "the first two tables, both of users, are summed in the MF branch; the last two, both of items, feed the "
            "MLP: the artifact's pairs",
            "the head has 64 ReLU outputs; the score is their mean",
            "each MF lookup is made once; the artifact makes it twice on a CPU",
        ),
    )


def _wnd() -> Network:
    return Network(
        name="wnd-artifact",
        family="wnd-artifact",
        tables=(TableConfig(1_000_000, 32),) * 27,
        dense=512,
        chains=(Chain("top", (1376, 1024, 512, 256, 1)),),
        sla_ms=SLA_MS["wnd"],
        source=_SOURCE,
        notes=("no wide part: dense inputs join the deep part",),
    )


def _mtwnd(tasks: int = 1) -> Network:
    return Network(
        name="mtwnd-artifact",
        family="mtwnd-artifact",
        tables=tuple(TableConfig(rows, 32) for rows in (500_000,) * 41 + (5_000_000,) * 2),
        dense=512,
        chains=(Chain("trunk", (1888, 1024, 512)), Chain("tower", (512, 256, 128), copies=tasks)),
        tasks=tasks,
        sla_ms=SLA_MS["mtwnd"],
        source=_SOURCE,
        notes=(
            "one task by default, as the artifact runs its own config",
            "each task has 128 sigmoid outputs; the score is the mean over outputs and tasks",
        ),
    )


def _din(name: str, units: int) -> Callable[[], Network]:
    def make() -> Network:
        features = tuple(TableConfig(rows, 32, 3) for rows in (1_000_000, 10_000_000, 10_000_000))
        return Network(
            name=name,
            family="din-artifact",
            tables=features + (TableConfig(100_000, 32, 3, group="history"),) * units,
            chains=(
                Chain("unit_in", (96, 1), copies=units, operator="attention"),
                Chain("unit_out", (1, 32), copies=units, operator="attention"),
                Chain("top", (128, 200, 80, 2)),
            ),
            attention="a unit with its own weights per behaviour table: [user, ad, user+ad] -> 1 -> 32, summed",
            sla_ms=SLA_MS["din"],
            source=_SOURCE,
            notes=(
                "one unit as the artifact runs its own config, 251 as its flags ask for (`din-artifact-251`)",
                "outputs end in a ReLU; the score is the second after a softmax, which is ours",
            ),
        )

    return make


def _dien() -> Network:
    steps = 40
    return Network(
        name="dien-artifact",
        family="dien-artifact",
        tables=(
            TableConfig(500_000, 32),
            TableConfig(5_000_000, 32),
            TableConfig(5_000_000, 32),
            *(TableConfig(500_000, 32, group="history"),) * steps,
        ),
        chains=(
            Chain("first_input", (32, 64), steps=steps, operator="recurrent"),
            Chain("first_state", (64, 64), steps=steps, operator="recurrent"),
            Chain("attention", (64, 64), steps=steps, operator="attention"),
            Chain("second_input", (64, 64), steps=steps, operator="recurrent"),
            Chain("second_state", (64, 64), steps=steps, operator="recurrent"),
            Chain("top", (160, 200, 80, 2)),
        ),
        attention="FC and softmax over the hidden axis whose result is added with weight zero: work without effect",
        recurrent="two plain tanh networks",
        sla_ms=SLA_MS["dien"],
        source=_SOURCE,
        notes=(
            "the softmax is computed and discarded in the artifact: here it is added with weight zero",
            "items and steps are transposed, where the artifact's reshape mixes them: same cost, and an item's score "
            "does not depend on its neighbours",
            "outputs end in a ReLU; the score is the second after a softmax, which is ours",
        ),
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "rmc1-artifact": _dlrm("rmc1", TableConfig(4_000_000, 32, 80), 8, (128, 64, 32), (256, 64, 1)),
    "rmc2-artifact": _dlrm("rmc2", TableConfig(500_000, 64, 120), 32, (256, 128, 64), (128, 64, 1)),
    "rmc3-artifact": _dlrm("rmc3", TableConfig(2_000_000, 32, 20), 10, (2560, 1024, 256, 32), (512, 256, 1)),
    "ncf-artifact": _ncf,
    "wnd-artifact": _wnd,
    "mtwnd-artifact": _mtwnd,
    "din-artifact": _din("din-artifact", 1),
    "din-artifact-251": _din("din-artifact-251", 251),
    "dien-artifact": _dien,
}
"""Makers of the artifact shapes by name."""

"""The eight networks of DeepRecSys (ISCA 2020), each built as its own paper describes it.

DeepRecSys gives FC widths, lookups and classes of table counts; rows per table, and all that it leaves open,
come from its public artifact or the network's own paper, and the `notes` say which.
"""

from collections.abc import Callable

from tailrank.zoo.network import Chain, Network, TableConfig

__all__ = ["NETWORKS", "SLA_MS"]

SLA_MS: dict[str, float] = {
    "rmc1": 100.0,
    "rmc2": 400.0,
    "rmc3": 100.0,
    "ncf": 5.0,
    "wnd": 25.0,
    "mtwnd": 25.0,
    "din": 100.0,
    "dien": 35.0,
}
"""Default SLA targets at the 95th percentile."""

_ROWS_NOTE = "rows per table: as in the DeepRecSys artifact, the paper gives none"
_CROSSES = 4
_CROSS_ROWS = 1_000_000
_DIN_POSITIONS, _DIN_UNITS = 200, 36
_DIEN_POSITIONS = 40
_DIM = 32


def _dlrm(
    name: str, tables: int, rows: int, pooling: int, bottom: tuple[int, ...], top: tuple[int, ...]
) -> Callable[[], Network]:
    def make() -> Network:
        return Network(
            name=name,
            family="dlrm",
            tables=(TableConfig(rows, _DIM, pooling),) * tables,
            dense=bottom[0],
            chains=(Chain("bottom", bottom), Chain("top", ((tables + 1) * _DIM, *top))),
            sla_ms=SLA_MS[name],
            source="DeepRecSys table 1 (RMC: Gupta et al., HPCA 2020); DLRM: Naumov et al., arXiv 1906.00091",
            notes=(
                _ROWS_NOTE,
                "table count and lookups: the upper bounds the paper gives",
                "dim 32, equal to the bottom chain's last width",
                "the bottom chain's first number is the count of dense inputs, as in the artifact",
                "interaction: concatenation of the bottom output and the sum-pooled tables",
            ),
        )

    return make


def _ncf() -> Network:
    users, items = TableConfig(140_000, 64), TableConfig(28_000, 64)
    mlp_users = TableConfig(140_000, 64, ids_of=0)
    mlp_items = TableConfig(28_000, 64, ids_of=1)
    return Network(
        name="ncf",
        family="ncf",
        tables=(users, items, mlp_users, mlp_items),
        chains=(Chain("mlp", (128, 256, 256, 128)), Chain("head", (192, 1))),
        interaction="product",
        products=(("interaction", 64),),
        sla_ms=SLA_MS["ncf"],
        source="NeuMF of He et al., WWW 2017; FC widths of DeepRecSys table 1",
        notes=(
            "rows and dim of the user and item tables: as in the DeepRecSys artifact",
            "GMF branch: element-wise product of user and item vectors (the artifact sums mismatched pairs)",
            "head: one linear layer over both branches, then a sigmoid, as in NeuMF",
        ),
    )


def _wide_and_deep(name: str, rows: tuple[int, ...], tasks: int, source: str, notes: tuple[str, ...]) -> Network:
    dense, width = 512, 512 + len(rows) * _DIM
    deep = tuple(TableConfig(count, _DIM, group="deep") for count in rows)
    wide = tuple(TableConfig(count, tasks, group="wide", ids_of=number) for number, count in enumerate(rows))
    crosses = (TableConfig(_CROSS_ROWS, tasks, group="wide"),) * _CROSSES
    return Network(
        name=name,
        family="wnd",
        tables=deep + wide + crosses,
        dense=dense,
        chains=(
            Chain("tower", (width, 1024, 512, 256, 1), copies=tasks),
            Chain("wide", (dense, tasks), bias=False),
        ),
        # the wide tables' rows are summed over tables, not within one
        products=(("lookup", (len(rows) + _CROSSES - 1) * tasks),),
        tasks=tasks,
        sla_ms=SLA_MS[name],
        source=source,
        notes=(
            _ROWS_NOTE,
            "512 dense inputs and dim 32: as in the artifact",
            "wide part: a linear layer over the dense inputs, one weight per id of every table, and four crossed "
            "features hashed upstream into a million weights each (count and size are ours); the artifact has no wide "
            "part",
            *notes,
        ),
    )


def _wnd() -> Network:
    source = "Wide & Deep: Cheng et al., DLRS 2016; FC widths of DeepRecSys table 1"
    return _wide_and_deep("wnd", (1_000_000,) * 27, 1, source, ("27 tables: as in the artifact, the paper says tens",))


def _mtwnd(tasks: int = 2) -> Network:
    notes = (
        "43 tables: as in the artifact, the paper says tens",
        "parallel towers, each reading the shared concatenation, as the paper's N x (1024-512-256); each ends in one "
        "sigmoid, and the score is their mean",
        "N is not given: two by default, engagement and satisfaction, as in the YouTube ranking paper",
        "the wide part has one weight per id and task",
    )
    source = "Multi-task ranking: Zhao et al., RecSys 2019; FC widths of DeepRecSys table 1"
    return _wide_and_deep("mtwnd", (500_000,) * 41 + (5_000_000,) * 2, tasks, source, notes)


def _din() -> Network:
    positions, units = _DIN_POSITIONS, _DIN_UNITS
    folded = 2 * units * _DIM  # history*ad weights scaled by the ad and added: once per item, not per position
    attention = folded + 2 * positions * _DIM  # and the weighted sum over positions
    return Network(
        name="din",
        family="din",
        tables=(
            TableConfig(1_000_000, _DIM),
            TableConfig(10_000_000, _DIM),
            TableConfig(10_000_000, _DIM),
            TableConfig(25_100_000, _DIM, positions, group="history", sequence=True),
        ),
        chains=(
            Chain("unit_history", (_DIM, units), steps=positions, operator="attention", bias=False),
            Chain("unit_product", (_DIM, units), steps=0, operator="attention", bias=False),
            Chain("unit_ad", (_DIM, units), operator="attention"),
            Chain("unit_out", (units, 1), steps=positions, operator="attention"),
            Chain("top", (4 * _DIM, 200, 80, 2)),
        ),
        products=(("attention", attention),),
        attention="one unit with shared weights per position: [history, history*ad, ad] -> 36 -> 1, weighted sum",
        sla_ms=SLA_MS["din"],
        source="DIN: Zhou et al., KDD 2018; FC widths of DeepRecSys table 1",
        notes=(
            "200 history positions: the paper says hundreds of lookups; at 200 a query of 600 items (about p95 of "
            "production sizes) leaves one core room within the SLA target",
            "activation unit of 36 hidden units: DIN, figure 2; PReLU at its initial slope of 0.25; no softmax over "
            "positions, as in DIN",
            "positions share weights and one behaviour table, as in DIN; its rows are those of the artifact's "
            "251 behaviour tables together; profile, ad and context tables: as in the artifact",
            "the layer over [h, h*a, a] is evaluated as h (W_h + diag(a) W_p) + a W_a, exactly the same function at "
            "about a third of the work; FLOPs count the work done",
            "history is looked up for every item, as in DeepRecInfra, though the items of a query share a user",
        ),
    )


def _dien() -> Network:
    positions, gates = _DIEN_POSITIONS, 3 * _DIM
    return Network(
        name="dien",
        family="dien",
        tables=(
            TableConfig(500_000, _DIM),
            TableConfig(5_000_000, _DIM),
            TableConfig(5_000_000, _DIM),
            TableConfig(20_000_000, _DIM, positions, group="history", sequence=True),
        ),
        chains=(
            Chain("interest_input", (_DIM, gates), steps=positions, operator="recurrent"),
            Chain("interest_state", (_DIM, gates), steps=positions, operator="recurrent", bias=False),
            Chain("attention", (_DIM, _DIM), operator="attention", bias=False),
            Chain("evolution_input", (_DIM, gates), steps=positions, operator="recurrent"),
            Chain("evolution_state", (_DIM, gates), steps=positions, operator="recurrent", bias=False),
            Chain("top", (4 * _DIM, 200, 80, 2)),
        ),
        products=(("attention", 2 * positions * _DIM),),
        attention="softmax over positions of h_t W e_ad, which scales the update gate of the second recurrence",
        recurrent="GRU over the history, then AUGRU (GRU with attentional update gate) over its states",
        sla_ms=SLA_MS["dien"],
        source="DIEN: Zhou et al., AAAI 2019; FC widths of DeepRecSys table 1",
        notes=(
            "40 history positions: as in the artifact, the paper says tens of lookups",
            "hidden width 32, equal to the behaviour vector's, which DIEN's auxiliary loss requires (the artifact's "
            "tanh networks have 64)",
            "positions share one behaviour table, as in DIEN; its rows are those of the artifact's 40 behaviour "
            "tables together; profile, ad and context tables: as in the artifact",
            "history is looked up for every item, as in DeepRecInfra, though the items of a query share a user",
        ),
    )


NETWORKS: dict[str, Callable[..., Network]] = {
    "rmc1": _dlrm("rmc1", 10, 4_000_000, 80, (256, 128, 32), (256, 64, 1)),
    "rmc2": _dlrm("rmc2", 40, 500_000, 80, (256, 128, 32), (512, 128, 1)),
    "rmc3": _dlrm("rmc3", 10, 2_000_000, 20, (2560, 512, 32), (512, 128, 1)),
    "ncf": _ncf,
    "wnd": _wnd,
    "mtwnd": _mtwnd,
    "din": _din,
    "dien": _dien,
}
"""Makers of the paper shapes by name."""

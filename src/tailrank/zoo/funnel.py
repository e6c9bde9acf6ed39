"""The tiers that RecPipe (MICRO 2021) builds its funnels of: DLRM on Criteo Kaggle and NeuMF on MovieLens.

Shapes are those of its public artifact; where a configuration contradicts itself, `notes` say what was changed.
"""

from collections.abc import Callable

from tailrank.zoo.network import Chain, Network, TableConfig

__all__ = ["KAGGLE_ROWS", "NETWORKS", "SLA_MS"]

SLA_MS = 50.0
"""Default SLA target at the 95th percentile."""

_SLA_NOTE = "SLA target: ours; RecPipe names none, and reports tails of tens of ms on CPUs"

# fmt: off
KAGGLE_ROWS = (
    1_460, 583, 10_131_227, 2_202_608, 305, 24, 12_517, 633, 3, 93_145, 5_683, 8_351_593, 3_194,
    27, 14_992, 5_461_306, 10, 5_652, 2_173, 4, 7_046_547, 18, 15, 286_181, 105, 142_572,
)
# fmt: on
"""Rows of the 26 tables of Criteo Kaggle as DLRM's preprocessing counts them."""

_USERS_1M, _ITEMS_1M = 6_040, 3_706
_USERS_20M, _ITEMS_20M = 138_493, 26_744


def _rm(name: str, bottom: tuple[int, ...], hidden: int) -> Callable[[], Network]:
    def make() -> Network:
        dim, vectors = bottom[-1], len(KAGGLE_ROWS) + 1
        pairs = vectors * (vectors - 1) // 2
        return Network(
            name=name,
            family="dlrm",
            tables=tuple(TableConfig(rows, dim) for rows in KAGGLE_ROWS),
            dense=bottom[0],
            chains=(Chain("bottom", bottom), Chain("top", (dim + pairs, hidden, 1))),
            interaction="dot",
            products=(("interaction", 2 * pairs * dim),),
            sla_ms=SLA_MS,
            source="RecPipe artifact, Criteo Kaggle; DLRM: Naumov et al., arXiv 1906.00091",
            notes=(
                _SLA_NOTE,
                "interaction: dot products of all pairs of the bottom output and the 26 rows, none with itself, after "
                "the bottom output",
                "FLOPs count each pair once and the top layers; RecPipe's own count leaves both out",
            ),
        )

    return make


def _neumf(
    name: str, rows: tuple[int, int], factors: int, mlp: tuple[int, ...], changes: tuple[str, ...] = ()
) -> Callable[[], Network]:
    """NeuMF from the MF dim and the MLP's widths: all else follows, as NeuMF is defined."""

    def make() -> Network:
        users, items = rows
        return Network(
            name=name,
            family="neumf",
            tables=(
                TableConfig(users, factors, group="mf"),
                TableConfig(items, factors, group="mf"),
                TableConfig(users, mlp[0] // 2, group="mlp", ids_of=0),
                TableConfig(items, mlp[0] // 2, group="mlp", ids_of=1),
            ),
            chains=(Chain("mlp", mlp), Chain("head", (factors + mlp[-1], 1))),
            interaction="product",
            products=(("interaction", factors),),
            sla_ms=SLA_MS,
            source="RecPipe artifact, MovieLens; NeuMF: He et al., WWW 2017",
            notes=(
                _SLA_NOTE,
                "rows: users and movies with ratings in MovieLens",
                "the MLP's one output joins the head without a ReLU, which would cut the branch off where it is below "
                "zero",
                *changes,
            ),
        )

    return make


_WHY = "the MF dim and the MLP, nearly all of the cost, are kept as configured"


def _head(was: int, now: str) -> str:
    return f"head input: {was} in the artifact's configuration, here {now}, MF dim and MLP output; {_WHY}"


def _dim(was: int, mlp: int) -> str:
    return (
        f"dim of the MLP's tables: {was} in the artifact's configuration, here {mlp // 2}, half of the MLP's "
        f"input of {mlp}, as NeuMF joins a user and an item; {_WHY}"
    )


_TINY = (
    "a tier of ours: trained as well as they can be, RecPipe's three rank MovieLens-1M alike, so none is a first stage "
    "for another; see docs/training.md"
)

_1M, _20M = (_USERS_1M, _ITEMS_1M), (_USERS_20M, _ITEMS_20M)

NETWORKS: dict[str, Callable[..., Network]] = {
    "rm-small": _rm("rm-small", (13, 64, 4), 64),
    "rm-med": _rm("rm-med", (13, 64, 16), 64),
    "rm-large": _rm("rm-large", (13, 512, 256, 128, 64, 32), 96),
    "neumf-1m-tiny": _neumf("neumf-1m-tiny", _1M, 16, (16, 8, 1), (_TINY,)),
    "neumf-1m-small": _neumf("neumf-1m-small", _1M, 128, (64, 32, 1)),
    "neumf-1m-medium": _neumf("neumf-1m-medium", _1M, 16, (800, 512, 256, 128, 64, 32, 1), (_dim(128, 800),)),
    "neumf-1m-large": _neumf(
        "neumf-1m-large", _1M, 128, (1024, 512, 256, 128, 1), (_dim(384, 1024), _head(128, "128 + 1"))
    ),
    "neumf-20m-small": _neumf("neumf-20m-small", _20M, 1, (32, 1)),
    "neumf-20m-medium": _neumf("neumf-20m-medium", _20M, 16, (16, 512, 256, 128, 64, 32, 1), (_head(65, "16 + 1"),)),
    "neumf-20m-large": _neumf("neumf-20m-large", _20M, 64, (64, 2048, 512, 256, 128, 64, 1), (_head(257, "64 + 1"),)),
}
"""Makers of the tiers by name."""

"""The tiers against the fact sheet of RecPipe's artifact."""

import pytest

from tailrank.zoo import get
from tailrank.zoo.funnel import KAGGLE_ROWS, NETWORKS

# name, multiply-accumulates of the FC layers, of the interaction, embedding bytes per item, GB of tables
TIERS = [
    ("rm-small", 23_872, 1_404, 416, 0.540),
    ("rm-med", 25_408, 5_616, 1_664, 2.161),
    ("rm-large", 217_600, 11_232, 3_328, 4.322),
]
# name, multiply-accumulates as configured, and what the notes' change of the head adds to them
MOVIES = [
    ("neumf-1m-tiny", 16 * 8 + 8 + 17, 0),
    ("neumf-1m-small", 2_209, 0),
    ("neumf-1m-medium", 583_729, 0),
    ("neumf-1m-large", 688_384, 129 - 128),
    ("neumf-20m-small", 34, 0),
    ("neumf-20m-medium", 182_369, 17 - 65),
    ("neumf-20m-large", 1_352_001, 65 - 257),
]


def test_kaggle_has_the_published_number_of_rows():
    assert len(KAGGLE_ROWS) == 26
    assert sum(KAGGLE_ROWS) == 33_762_577
    big = (2, 3, 11, 15, 20)
    assert sum(KAGGLE_ROWS[number] for number in big) / sum(KAGGLE_ROWS) == pytest.approx(0.983, abs=0.0005)


@pytest.mark.parametrize(("name", "fc", "interaction", "row_bytes", "gb"), TIERS)
def test_criteo_tiers_cost_what_is_published(name, fc, interaction, row_bytes, gb):
    network = get(name)
    flops = network.operator_flops
    assert (flops["fc"], flops["interaction"]) == (2 * fc, 2 * interaction)
    assert network.flops_per_item == 2 * (fc + interaction)
    assert network.embedding_bytes_per_item == row_bytes
    assert network.table_bytes / 1e9 == pytest.approx(gb, abs=0.0005)
    assert (network.dense, network.lookups_per_item) == (13, 26)
    assert network.chain("top").widths[0] == 351 + network.tables[0].dim


@pytest.mark.parametrize(("name", "configured", "change"), MOVIES)
def test_movielens_tiers_are_neumf_at_the_configured_cost(name, configured, change):
    network = get(name)
    factors, rows = network.tables[0].dim, network.tables[2].dim
    mlp, head = network.chain("mlp").widths, network.chain("head").widths
    assert sum(chain.multiplies for chain in network.chains) == configured + change
    assert mlp[0] == 2 * rows
    assert head == (factors + mlp[-1], 1)
    assert network.embedding_bytes_per_item == 4 * 2 * (rows + factors)
    assert any("head input" in note for note in network.notes) == (change != 0)


@pytest.mark.parametrize(
    "names",
    [("rm-small", "rm-med", "rm-large"), *(tuple(f"neumf-{n}-{s}" for s in ("small", "large")) for n in ("1m", "20m"))],
)
def test_later_tiers_cost_more_per_item(names):
    tiers = [get(name) for name in names]
    assert sorted(tiers, key=lambda tier: tier.flops_per_item) == tiers
    assert sorted(tiers, key=lambda tier: tier.embedding_bytes_per_item) == tiers


@pytest.mark.parametrize("name", NETWORKS)
def test_an_open_sla_target_is_said_to_be_ours(name):
    assert any(note.startswith("SLA target: ours") for note in get(name).notes)

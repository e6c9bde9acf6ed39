"""Costs against the published arithmetic: the fact sheet's numbers, each within its own rounding."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.zoo import OPERATORS, Chain, Network, TableConfig, get, names, scale

MIB = 2**20
# name, tasks, FC MiB, MFLOP per item, lookups per item, embedding KiB per item; the tolerances are half a last digit
COSTS = [
    ("rmc1-artifact", None, (0.38, 0.005), (0.221, 0.0005), 640, (80, 0)),
    ("rmc2-artifact", None, (1.22, 0.005), (0.883, 0.0005), 3840, (960, 0)),
    ("rmc3-artifact", None, (12.2, 0.05), (6.41, 0.005), 200, (25, 0)),
    ("ncf-artifact", None, (0.57, 0.005), (0.295, 0.0005), 4, (1, 0)),
    ("wnd-artifact", None, (7.9, 0.05), (4.13, 0.005), 27, (3.4, 0.05)),
    ("mtwnd-artifact", 1, (10.0, 0.05), (5.24, 0.005), 43, (5.4, 0.05)),
    ("mtwnd-artifact", 8, (14.4, 0.05), (7.54, 0.005), 43, (5.4, 0.05)),
    ("din-artifact", None, (0.16, 0.005), (0.084, 0.0005), 12, (1.5, 0)),
    ("din-artifact-251", None, (0.31, 0.005), (0.164, 0.0005), 762, (95, 0.5)),
    ("dien-artifact", None, (0.26, 0.005), (1.57, 0.005), 43, (5.4, 0.05)),
    ("rmc1", None, (0.55, 0.005), (0.31, 0.005), 800, (100, 0)),
    ("rmc2", None, (2.96, 0.005), (1.65, 0.005), 3200, (400, 0)),
    ("rmc3", None, (6.0, 0.05), (3.15, 0.005), 200, (25, 0)),
]
TABLE_GB = [
    ("rmc1-artifact", 4.10),
    ("rmc2-artifact", 4.10),
    ("rmc3-artifact", 2.56),
    ("ncf-artifact", 0.086),
    ("wnd-artifact", 3.46),
    ("mtwnd-artifact", 3.90),
    ("din-artifact", 2.70),
    ("din-artifact-251", 5.9),
    ("dien-artifact", 3.90),
]


@pytest.mark.parametrize(("name", "tasks", "mib", "mflop", "lookups", "kib"), COSTS)
def test_costs_are_the_published_ones(name, tasks, mib, mflop, lookups, kib):
    network = get(name, tasks=tasks)
    assert network.fc_parameters * 4 / MIB == pytest.approx(mib[0], abs=mib[1])
    assert network.flops_per_item / 1e6 == pytest.approx(mflop[0], abs=mflop[1])
    assert network.lookups_per_item == lookups
    assert network.embedding_bytes_per_item / 1024 == pytest.approx(kib[0], abs=kib[1])


@pytest.mark.parametrize(("name", "gb"), TABLE_GB)
def test_table_sizes_are_the_published_ones(name, gb):
    assert get(name).table_bytes / 1e9 == pytest.approx(gb, rel=0.005)


@pytest.mark.parametrize(
    ("name", "chain", "width"),
    [
        ("rmc1-artifact", "top", 288),
        ("rmc2-artifact", "top", 2112),
        ("rmc3-artifact", "top", 352),
        ("ncf-artifact", "head", 128),
        ("wnd-artifact", "top", 1376),
        ("mtwnd-artifact", "trunk", 1888),
        ("din-artifact", "top", 128),
        ("dien-artifact", "top", 160),
        ("rmc2", "top", 1312),
        ("wnd", "tower", 1376),
        ("mtwnd", "tower", 1888),
    ],
)
def test_input_widths_after_the_interaction(name, chain, width):
    assert get(name).chain(chain).widths[0] == width


@pytest.mark.parametrize("name", names())
def test_operator_classes_add_up_and_every_network_states_its_source(name):
    network = get(name)
    assert tuple(network.operator_flops) == OPERATORS
    assert sum(network.operator_flops.values()) == network.flops_per_item
    assert network.source
    assert all(network.tables[t.ids_of].rows == t.rows for t in network.tables if t.ids_of is not None)


def test_classes_of_networks_are_where_the_paper_puts_them():
    share = {name: {op: f / get(name).flops_per_item for op, f in get(name).operator_flops.items()} for name in names()}
    assert all(share[name]["fc"] > 0.9 for name in ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd"))
    assert share["din"]["attention"] > 0.5
    assert share["dien"]["recurrent"] > 0.8
    per_byte = {
        name: get(name).flops_per_item / get(name).embedding_bytes_per_item for name in ("rmc1", "rmc2", "rmc3")
    }
    assert max(per_byte["rmc1"], per_byte["rmc2"]) < 5 < 100 < per_byte["rmc3"]


def test_a_multi_task_network_grows_by_its_tower():
    one, two, three = (get("mtwnd", tasks=n).flops_per_item for n in (1, 2, 3))
    assert three - two == two - one > 2 * 1888 * 1024


@pytest.mark.parametrize("name", names())
@settings(max_examples=30)
@given(share=st.floats(1e-6, 2.0))
def test_scaled_tables_fit_and_nothing_else_changes(name, share):
    network = get(name)
    memory_bytes = max(int(network.table_bytes * share), sum(t.dim * 4 for t in network.tables))
    scaled, factor = scale(network, memory_bytes)
    assert scaled.table_bytes <= memory_bytes
    assert scaled.flops_per_item == network.flops_per_item
    assert scaled.lookups_per_item == network.lookups_per_item
    assert all(1 <= now.rows <= was.rows for now, was in zip(scaled.tables, network.tables, strict=True))
    assert (factor == 1.0) == (network.table_bytes <= memory_bytes)
    if share < 1:  # a table loses less than a row to rounding, and the factor at most 1 % where tables are at one row
        row_bytes = sum(table.dim * 4 for table in network.tables)
        assert scaled.table_bytes > 0.98 * memory_bytes - row_bytes


def test_too_little_memory_is_refused():
    with pytest.raises(BadInputError, match="cannot hold the 4 tables"):
        scale(get("ncf"), 100)


def test_tables_of_a_group_must_agree():
    with pytest.raises(ValueError, match="differ"):
        Network(
            name="x",
            family="x",
            tables=(TableConfig(10, 4), TableConfig(10, 8)),
            chains=(Chain("top", (12, 1)),),
            sla_ms=1.0,
            source="none",
        )

"""Random networks of every family: any executor of programs may be held against the scores of their modules."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from tailrank.models import Model, build
from tailrank.zoo import Chain, Network, TableConfig

_ROWS = st.integers(1, 40)
_WIDTH = st.integers(1, 9) | st.sampled_from([15, 16, 17, 31, 32, 33, 48, 65])
_DIM = st.integers(1, 9) | st.sampled_from([16, 24, 32, 33])


def _network(family: str, tables: tuple, chains: tuple, **more) -> Network:
    return Network(name="random", family=family, tables=tables, chains=chains, sla_ms=1.0, source="a test", **more)


def _tables(draw: Callable, count: int, dim: int, pooling: int = 1, **more) -> tuple[TableConfig, ...]:
    return tuple(TableConfig(draw(_ROWS), dim, pooling, **more) for _ in range(count))


def _widths(draw: Callable, first: int, *last: int) -> tuple[int, ...]:
    """Return the widths of a chain with up to two hidden layers."""
    return (first, *draw(st.lists(_WIDTH, max_size=2)), *(last or (draw(_WIDTH),)))


def _dlrm(draw: Callable) -> Network:
    tables, dim, dense, dot = draw(st.integers(1, 6)), draw(_DIM), draw(_WIDTH), draw(st.booleans())
    bottom = _widths(draw, dense, *([dim] if dot else []))
    joined = dim + (tables + 1) * tables // 2 if dot else bottom[-1] + tables * dim
    return _network(
        "dlrm",
        _tables(draw, tables, dim, draw(st.integers(1, 5))),
        (Chain("bottom", bottom), Chain("top", _widths(draw, joined, 1))),
        dense=dense,
        interaction="dot" if dot else "cat",
    )


def _ncf(draw: Callable) -> Network:
    dim = draw(_DIM)
    users, items = _tables(draw, 2, dim)
    again = (TableConfig(table.rows, dim, ids_of=number) for number, table in enumerate((users, items)))
    mlp = _widths(draw, 2 * dim)
    return _network("ncf", (users, items, *again), (Chain("mlp", mlp), Chain("head", _widths(draw, dim + mlp[-1], 1))))


def _neumf(draw: Callable) -> Network:
    factors, deep = draw(_DIM), draw(_DIM)
    mf = _tables(draw, 2, factors, group="mf")
    again = tuple(TableConfig(table.rows, deep, group="mlp", ids_of=number) for number, table in enumerate(mf))
    mlp = _widths(draw, 2 * deep)
    head = _widths(draw, factors + mlp[-1], 1)
    return _network("neumf", mf + again, (Chain("mlp", mlp), Chain("head", head)))


def _wnd(draw: Callable) -> Network:
    tables, dim, dense, tasks = draw(st.integers(1, 5)), draw(_DIM), draw(_WIDTH), draw(st.integers(1, 4))
    deep = _tables(draw, tables, dim, group="deep")
    wide = tuple(TableConfig(table.rows, tasks, group="wide", ids_of=number) for number, table in enumerate(deep))
    crosses = _tables(draw, draw(st.integers(0, 3)), tasks, group="wide")
    tower = _widths(draw, dense + tables * dim, 1)
    chains = (Chain("tower", tower, copies=tasks), Chain("wide", (dense, tasks), bias=False))
    return _network("wnd", deep + wide + crosses, chains, dense=dense, tasks=tasks)


def _din(draw: Callable) -> Network:
    dim, units, positions = draw(_DIM), draw(_WIDTH), draw(st.integers(1, 12))
    history = TableConfig(draw(_ROWS), dim, positions, group="history", sequence=True)
    chains = (
        Chain("unit_history", (dim, units), bias=False, operator="attention", steps=positions),
        Chain("unit_product", (dim, units), bias=False, operator="attention", steps=0),
        Chain("unit_ad", (dim, units), operator="attention"),
        Chain("unit_out", (units, 1), operator="attention", steps=positions),
        Chain("top", _widths(draw, 4 * dim, 2)),
    )
    return _network("din", (*_tables(draw, 3, dim), history), chains)


def _dien(draw: Callable) -> Network:
    dim, states, interest, positions = draw(_DIM), draw(_WIDTH), draw(_WIDTH), draw(st.integers(1, 8))
    history = TableConfig(draw(_ROWS), dim, positions, group="history", sequence=True)
    chains = (
        Chain("interest_input", (dim, 3 * states), operator="recurrent", steps=positions),
        Chain("interest_state", (states, 3 * states), bias=False, operator="recurrent", steps=positions),
        Chain("attention", (dim, states), bias=False, operator="attention"),
        Chain("evolution_input", (states, 3 * interest), operator="recurrent", steps=positions),
        Chain("evolution_state", (interest, 3 * interest), bias=False, operator="recurrent", steps=positions),
        Chain("top", _widths(draw, 3 * dim + interest, 2)),
    )
    return _network("dien", (*_tables(draw, 3, dim), history), chains)


def _ncf_of_artifact(draw: Callable) -> Network:
    dim = draw(_DIM)
    mlp = _widths(draw, 2 * dim)
    chains = (Chain("mlp", mlp), Chain("head", _widths(draw, dim + mlp[-1])))
    return _network("ncf-artifact", _tables(draw, 4, dim), chains, interaction="sum")


def _wnd_of_artifact(draw: Callable) -> Network:
    tables, dim, dense = draw(st.integers(1, 5)), draw(_DIM), draw(_WIDTH)
    top = _widths(draw, dense + tables * dim, 1)
    return _network("wnd-artifact", _tables(draw, tables, dim), (Chain("top", top),), dense=dense)


def _mtwnd_of_artifact(draw: Callable) -> Network:
    tables, dim, dense, tasks = draw(st.integers(1, 5)), draw(_DIM), draw(_WIDTH), draw(st.integers(1, 4))
    trunk = _widths(draw, dense + tables * dim)
    chains = (Chain("trunk", trunk), Chain("tower", _widths(draw, trunk[-1]), copies=tasks))
    return _network("mtwnd-artifact", _tables(draw, tables, dim), chains, dense=dense, tasks=tasks)


def _din_of_artifact(draw: Callable) -> Network:
    dim, units, pooling = draw(_DIM), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    tables = _tables(draw, 3, dim, pooling) + _tables(draw, units, dim, draw(st.integers(1, 4)), group="history")
    chains = (
        Chain("unit_in", (3 * dim, 1), copies=units, operator="attention"),
        Chain("unit_out", (1, dim), copies=units, operator="attention"),
        Chain("top", _widths(draw, 4 * dim, 2)),
    )
    return _network("din-artifact", tables, chains)


def _dien_of_artifact(draw: Callable) -> Network:
    dim, states, interest, positions = draw(_DIM), draw(_WIDTH), draw(_WIDTH), draw(st.integers(1, 8))
    chains = (
        Chain("first_input", (dim, states), operator="recurrent", steps=positions),
        Chain("first_state", (states, states), operator="recurrent", steps=positions),
        Chain("attention", (states, states), operator="attention", steps=positions),
        Chain("second_input", (states, interest), operator="recurrent", steps=positions),
        Chain("second_state", (interest, interest), operator="recurrent", steps=positions),
        Chain("top", _widths(draw, 3 * dim + interest, 2)),
    )
    tables = _tables(draw, 3, dim) + _tables(draw, positions, dim, group="history")
    return _network("dien-artifact", tables, chains)


_FAMILIES: dict[str, Callable[[Callable], Network]] = {
    "dlrm": _dlrm,
    "ncf": _ncf,
    "neumf": _neumf,
    "wnd": _wnd,
    "din": _din,
    "dien": _dien,
    "ncf-artifact": _ncf_of_artifact,
    "wnd-artifact": _wnd_of_artifact,
    "mtwnd-artifact": _mtwnd_of_artifact,
    "din-artifact": _din_of_artifact,
    "dien-artifact": _dien_of_artifact,
}


@st.composite
def _models(draw: Callable, family: str) -> Model:
    return build(_FAMILIES[family](draw), memory_bytes=1 << 20, seed=draw(st.integers(0, 1000)))


@pytest.fixture(scope="session")
def models() -> Callable[[str], st.SearchStrategy[Model]]:
    """Strategy of models of a family, of random widths, tables, steps and weights."""
    return _models


@pytest.fixture(scope="session")
def arrays() -> Callable:
    """Inputs of a model as arrays, as a program takes them."""
    return lambda inputs: tuple(tensor.numpy() for tensor in inputs)

import math

import pytest
import torch

from tailrank.models import weights
from tailrank.models.weights import fully_connected, merged_table
from tailrank.zoo import Chain, TableConfig


def test_tables_are_uniform_within_their_own_bounds():
    tables = [TableConfig(100, 64), TableConfig(40_000, 64)]
    merged = merged_table(tables, 0, "features")
    assert merged.shape == (40_100, 64)
    for part, rows in ((merged[:100], 100), (merged[100:], 40_000)):
        bound = 1 / math.sqrt(rows)
        assert part.abs().max() <= bound
        # a uniform's mean and variance, within five standard errors
        count = part.numel()
        assert abs(part.mean().item()) < 5 * bound / math.sqrt(3 * count)
        assert part.var().item() == pytest.approx(bound**2 / 3, rel=5 * math.sqrt(0.8 / count))


def test_the_bits_do_not_depend_on_the_threads(monkeypatch):
    monkeypatch.setattr(weights, "_BLOCK", 1000)
    tables = [TableConfig(997, 8), TableConfig(1003, 8)]
    one, many = (merged_table(tables, 3, "deep", threads=threads) for threads in (1, 5))
    assert torch.equal(one, many)


def test_blocks_tables_groups_and_seeds_have_streams_of_their_own(monkeypatch):
    monkeypatch.setattr(weights, "_BLOCK", 800)
    tables = [TableConfig(200, 8), TableConfig(200, 8)]
    first = merged_table(tables, 3, "deep")
    parts = [
        *first.split(100),
        *merged_table(tables, 4, "deep").split(100),
        *merged_table(tables, 3, "wide").split(100),
    ]
    assert len({part.numpy().tobytes() for part in parts}) == len(parts)


def test_fully_connected_layers_have_glorot_spread():
    ((weight, bias), (last, _)) = fully_connected(Chain("top", (300, 200, 100)), seed=1)
    assert (weight.shape, bias.shape, last.shape) == ((200, 300), (200,), (100, 200))
    spread = math.sqrt(2 / 500)
    assert weight.std().item() == pytest.approx(spread, rel=5 / math.sqrt(2 * 60_000))
    assert abs(weight.mean().item()) < 5 * spread / math.sqrt(60_000)
    assert weight.dtype == bias.dtype == torch.float32


def test_a_containers_limit_counts_and_its_cached_files_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_CGROUP", tmp_path)
    host = weights.available_bytes()  # no such files: no limit
    assert host > 700_000
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 100000\n")
    assert weights.available_bytes() == 700_000
    (tmp_path / "memory.max").write_text("max\n")
    assert weights.available_bytes() > 700_000

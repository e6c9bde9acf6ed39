"""Padding to a few counts of rows changes no score, and `warm` has run every count that serving can ask for."""

import pytest
import torch

from tailrank.models.executor import TOLERANCE
from tailrank.models.packed import _padded, packed, row_counts
from tailrank.models.torch_executor import _frozen


@pytest.mark.parametrize("most", [1, 7, 8, 9, 255, 256, 257, 500, 512, 513, 1000, 1024])
def test_row_counts_are_exactly_what_padding_gives(most):
    given = {len(_padded(torch.zeros(rows, 1))) for rows in range(1, most + 1)}
    assert set(row_counts(most)) == given
    assert max(row_counts(most)) >= most


def test_padding_adds_rows_of_zeros_and_little():
    for rows in (1, 8, 9, 100, 250, 300, 700, 1001):
        x = torch.ones(rows, 3)
        padded = _padded(x)
        assert torch.equal(padded[:rows], x)
        assert not padded[rows:].any()
        assert len(padded) - rows <= max(7, rows // 16)
    assert len(row_counts(1024)) * 8 < 1024  # eight layers' kernels fit into oneDNN's default cache


@pytest.mark.parametrize("name", ["ncf", "rmc1", "mtwnd", "dien"])
def test_the_traced_twin_agrees_at_padded_sizes(tiny, rows_of, name):
    model = tiny(name)
    twin = packed(model.module)
    assert twin is not None
    inputs = model.inputs(530)
    script = _frozen(twin, inputs)
    assert script is not None
    for size in (1, 8, 9, 15, 16, 17, 100, 255, 256, 257, 270, 511, 512, 513, 530):
        part = rows_of(inputs, 0, size)
        with torch.inference_mode():
            scores = script(*part)
        assert scores.shape == (size,)
        assert torch.allclose(scores, model.score(part), rtol=0, atol=TOLERANCE)


def test_warming_runs_every_count_and_changes_nothing(tiny):
    model = tiny("ncf")
    executor, inputs = model.executor("torch"), model.inputs(40)
    before = executor(inputs)
    executor.warm(inputs)
    assert torch.equal(executor(inputs), before)

import numpy as np
import pytest

from tailrank.models.training import chain_start


def run(layers, x):
    for number, weight in enumerate(layers):
        x = x @ weight.T
        x = np.maximum(x, 0) if number < len(layers) - 1 else x
    return x[:, 0]


@pytest.mark.parametrize(
    ("widths", "count"),
    [((1024, 512, 256, 128, 1), 128), ((800, 512, 256, 128, 64, 32, 1), 128), ((6, 8, 40, 4, 1), 2)],
)
def test_without_noise_it_is_the_sum_of_the_smaller_with_the_products_sign(widths, count, monkeypatch):
    monkeypatch.setattr(chain_start, "stream", lambda *_: type("Zero", (), {"standard_normal": _zeros}))
    layers = chain_start.rough_products(widths, 0)
    half = widths[0] // 2
    x, y = np.random.default_rng(0).normal(size=(2, 50, half))
    found = run(layers, np.concatenate([x, y], axis=1))
    smaller = np.sign(x * y) * np.minimum(np.abs(x), np.abs(y))
    assert np.allclose(found, 2 * chain_start._GAIN * smaller[:, :count].sum(axis=1), atol=1e-4)


def _zeros(shape, dtype):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize("widths", [(64, 32, 1), (16, 1), (12, 3, 8, 4, 1)])
def test_short_or_narrow_chains_begin_as_noise(widths):
    layers = chain_start.rough_products(widths, 0)
    assert [layer.shape for layer in layers] == list(zip(widths[1:], widths, strict=False))
    assert all(np.abs(layer).max() < 3 for layer in layers)

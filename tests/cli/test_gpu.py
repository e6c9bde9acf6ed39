"""Devices by the names that plans give them, and a model placed on the host as if it were one."""

import numpy as np
import pytest

from tailrank.cli.hardware import Gpu
from tailrank.core import BadInputError, SetupError

torch = pytest.importorskip("torch")

from tailrank.cli.gpu import open_device, place  # noqa: E402 - they need torch
from tailrank.models import build  # noqa: E402
from tailrank.models.gpu import HostDevice, cuda_devices  # noqa: E402


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["tpu", "cuda0", "cuda:x", "gpu", ""])
def test_a_device_of_another_name_is_bad_input(name):
    with pytest.raises(BadInputError, match=f"`{name}`") as caught:
        open_device(name)
    assert "cuda:N" in caught.value.hint


@pytest.mark.skipif(cuda_devices() > 0, reason="this host has a CUDA device")
@pytest.mark.parametrize("name", ["cuda", "cuda:3"])
def test_without_a_cuda_device_the_setup_is_at_fault(name):
    with pytest.raises(SetupError, match="no CUDA device"):
        open_device(name)


def test_a_model_placed_on_the_host_scores_as_on_the_host():
    model = build("ncf", memory_bytes=1 << 20)
    inputs = model.inputs(80, seed=4)
    on_gpu = place(model, inputs, Gpu("host", 1), open_device("host"), largest=64)
    assert on_gpu.facts()["pretend"]
    assert on_gpu.facts()["device"] == HostDevice.name
    assert np.allclose(on_gpu.scorer.score(3, 75), model.score(inputs).numpy()[3:75], atol=1e-6)


def test_a_device_too_small_is_a_clear_error(monkeypatch):
    model = build("ncf", memory_bytes=1 << 20)
    monkeypatch.setattr(HostDevice, "free_bytes", lambda _: 1 << 20)
    with pytest.raises(SetupError, match="do not fit") as caught:
        place(model, model.inputs(80), Gpu("host"), HostDevice(), largest=64)
    assert caught.value.hint

import functools
from collections.abc import Callable

import pytest
import torch

from tailrank.models import Model, build
from tailrank.models.inputs import Inputs

TINY_BYTES = 2_000_000


@functools.cache
def _tiny(name: str, tasks: int | None) -> Model:
    return build(name, memory_bytes=TINY_BYTES, tasks=tasks)


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Model]:
    """A network with tables of 2 MB, built once."""
    return lambda name, tasks=None: _tiny(name, tasks)


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Inputs, int, int], Inputs]:
    return lambda inputs, start, stop: tuple(tensor[start:stop] for tensor in inputs)


@pytest.fixture(autouse=True)
def one_thread():
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)

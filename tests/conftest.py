import gc
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes on a busy machine says nothing about what it found.
settings.register_profile("tailrank", settings.default, deadline=None)
settings.load_profile("tailrank")


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collections: the engine collects before every run, and tests run it often.

    A collection takes a tenth of a second with all test modules loaded, and there are hundreds.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _what_lasts_is_out_of_collections() -> None:
    """Leave out, too, what the modules before imported and kept."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def quick_study() -> dict[str, Any]:
    """The parts of a quick study of RPAccel: computed once for all that only read them."""
    from tailrank.tuner.rpaccel import study

    return study(quick=True)

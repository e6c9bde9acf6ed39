from typing import Any

import pytest

from tailrank.tuner.rpaccel import study


@pytest.fixture(scope="session")
def made() -> dict[str, Any]:
    """The document of a quick study."""
    head = {"schema": 1, "command": "tailrank reproduce rpaccel --seed 1 --quick", "seed": 1, "quick": True}
    return {**head, "seconds": 1.0, "versions": {"tailrank": "x"}, "made_at": "then", **study(quick=True)}

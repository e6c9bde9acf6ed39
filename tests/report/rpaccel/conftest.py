from typing import Any

import pytest


@pytest.fixture(scope="session")
def made(quick_study: dict[str, Any]) -> dict[str, Any]:
    """The document of a quick study."""
    head = {"schema": 1, "command": "tailrank reproduce rpaccel --seed 1 --quick", "seed": 1, "quick": True}
    return {**head, "seconds": 1.0, "versions": {"tailrank": "x"}, "made_at": "then", **quick_study}

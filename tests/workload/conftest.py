import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets, or a skip."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("TAILRANK_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set TAILRANK_DATA to its folder")
    return folder

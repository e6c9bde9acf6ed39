import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.accelerator.memory import LOGGED_BEST_SHARE, RELEASED_SPLIT, figure_10c, zipf_ids


@pytest.mark.slow
def test_the_stand_in_gives_the_figure_nearly():
    found = figure_10c()
    assert found.holds
    for row in found.rows():
        assert row["best_share"] == pytest.approx(row["logged_best_share"], abs=0.11)
        assert row["front_rate"] == pytest.approx(row["logged_front_rate"], abs=0.02)
        if row["logged_amat"]:
            assert row["amat"] == pytest.approx(row["logged_amat"], abs=1)


def test_what_does_not_hold_is_named():
    ids = zipf_ids(3000, rows=(400, 300))  # everything fits in the smallest capacity
    found = figure_10c(ids, source="a small trace", method=replace(RELEASED_SPLIT, policy="lru"))
    assert not found.holds
    assert found.words.startswith("does not hold: the best share")
    assert found.words.endswith("a small trace")
    rows = found.rows()
    assert len(rows) == 5 * 7
    assert {row["keep"]: row["logged_best_share"] for row in rows} == LOGGED_BEST_SHARE
    assert np.all(np.array([row["amat"] for row in rows]) >= 1)

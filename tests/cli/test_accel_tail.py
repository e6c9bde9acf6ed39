import pytest

from tailrank.accelerator import design_of, parse_stages
from tailrank.cli.accel_tail import tail_text, tails


def test_gaps_of_whole_milliseconds_hide_the_tail_of_one_stage() -> None:
    """At 100 queries a second and 2 ms each, gaps of about 10 ms hardly ever collide; Poisson's do."""
    design = design_of("released", parse_stages("rm-large:4096@1"))
    paper, poisson = (tails(design, [100], arrivals=kind, seed=3)[0] for kind in ("paper", "poisson"))
    assert paper["p95_ms"] == pytest.approx(2.0907, abs=1e-3)
    assert poisson["p95_ms"] > 1.5 * paper["p95_ms"]


def test_text_has_a_row_a_load() -> None:
    design = design_of("corrected", parse_stages("rm-small:100@1"))
    text = tail_text(tails(design, [10, 20], arrivals="poisson", seed=1), "poisson")
    assert "Poisson" in text
    assert len(text.splitlines()) == 4

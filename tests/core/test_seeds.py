import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import stream

labels = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8), min_size=1, max_size=3
)


@given(st.integers(0, 2**63), labels)
def test_same_seed_same_bits(seed: int, names: list[str]) -> None:
    assert stream(seed, *names).bytes(64) == stream(seed, *names).bytes(64)


@given(st.integers(0, 2**31), labels, labels)
def test_other_names_and_other_seeds_give_other_bits(seed: int, one: list[str], other: list[str]) -> None:
    if one != other:
        assert stream(seed, *one).bytes(64) != stream(seed, *other).bytes(64)
    assert stream(seed, *one).bytes(64) != stream(seed + 1, *one).bytes(64)


def test_drawing_from_one_stream_does_not_move_another() -> None:
    alone = stream(1, "arrivals").random(100)
    sizes = stream(1, "sizes")
    sizes.random(12345)
    np.testing.assert_array_equal(alone, stream(1, "arrivals").random(100))


def test_bits_do_not_depend_on_the_process() -> None:
    code = "from tailrank.core import stream; print(stream(7, 'sizes', 3).integers(2**62))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, check=True
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert runs == {f"{stream(7, 'sizes', 3).integers(2**62)}\n".encode()}


@pytest.mark.parametrize("other", [(1, "sizes"), (2, "arrivals"), (1, "arrivals", 1)])
def test_streams_are_uncorrelated(other: tuple[int, ...]) -> None:
    n = 20_000
    one, two = stream(1, "arrivals").standard_normal(n), stream(*other).standard_normal(n)
    # Under independence r * sqrt(n) is standard normal: 5 sigma is missed once in two million.
    assert abs(np.corrcoef(one, two)[0, 1]) < 5 / np.sqrt(n)

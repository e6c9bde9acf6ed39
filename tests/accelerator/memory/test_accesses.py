import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.accelerator.memory import number, read_keys
from tailrank.core import BadInputError


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=200))
def test_numbers_are_those_of_first_appearance(keys):
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    ids, rows = number(np.array(keys, np.int64))
    assert rows == len(order)
    assert ids.tolist() == [order[key] for key in keys]


def test_many_keys_make_the_table_grow():
    keys = np.arange(50_000, dtype=np.int64) << 20  # neighbours in the high bits only
    ids, rows = number(np.tile(keys, 2))
    assert rows == 50_000
    assert np.array_equal(ids, np.tile(np.arange(50_000), 2))


@pytest.mark.parametrize("dtype", [">i8", "<i4", ">u2", "u8"])
def test_files_plain_and_packed(tmp_path: Path, dtype: str) -> None:
    keys = np.array([3, 1, 3, 2**15, 0]).astype(dtype)
    plain, packed = tmp_path / "keys.trace", tmp_path / "keys.trace.xz"
    plain.write_bytes(keys.tobytes())
    packed.write_bytes(lzma.compress(keys.tobytes()))
    assert read_keys(str(plain), dtype).tolist() == read_keys(str(packed), dtype).tolist() == keys.tolist()


@pytest.mark.parametrize("dtype", ["f8", "no type", "O", "i3", "(", "i8,", "i8,i8", "(2,)i8", ""])
def test_only_whole_numbers_are_keys(tmp_path: Path, dtype: str) -> None:
    (tmp_path / "keys").write_bytes(bytes(8))
    with pytest.raises(BadInputError, match="no type of whole numbers"):
        read_keys(str(tmp_path / "keys"), dtype)


@pytest.mark.parametrize("data", [b"", b"1234567"])
def test_files_of_no_whole_number_of_keys_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "keys").write_bytes(data)
    with pytest.raises(BadInputError, match="bytes are not a whole number"):
        read_keys(str(tmp_path / "keys"), ">i4")


def test_a_trace_is_one_row_of_whole_numbers():
    for wrong in (np.zeros((2, 2), np.int64), np.zeros(2), np.zeros(0, np.int64)):
        with pytest.raises(BadInputError, match="one row of keys"):
            number(wrong)

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.datasets import rows as module
from tailrank.datasets.rows import DECIMAL, HEX, MISSING, SCALE, Block, Column, Damage, read_rows

COLUMNS = (Column("a"), Column("b", DECIMAL), Column("c", HEX, empty=True), Column("d", empty=True))


def read(path: Path, columns: tuple[Column, ...] = COLUMNS, separator: str = ",", **options: bool) -> Block:
    """All rows of `path` at once."""
    blocks = list(read_rows(path, columns, separator, **options))
    joined = [np.concatenate([getattr(b, name) for b in blocks]) for name in ("values", "line", "status")]
    return Block(*joined)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "rows.txt"


row = st.tuples(
    st.integers(-(10**14), 10**14),
    st.integers(-9_999_999, 9_999_999),
    st.none() | st.integers(0, 2**32 - 1),
    st.none() | st.integers(-99, 99),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(row, min_size=1, max_size=30),
    separator=st.sampled_from(["\t", ",", "::"]),
    ending=st.sampled_from(["\n", "\r\n", "\n\n"]),
    block=st.integers(32, 200),
    last=st.booleans(),
)
def test_what_was_written_is_read(
    table: list[tuple[int, int, int | None, int | None]],
    separator: str,
    ending: str,
    block: int,
    last: bool,
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    lines = [
        separator.join([str(a), f"{b / 1000:.3f}", "" if c is None else f"{c:x}", "" if d is None else str(d)])
        for a, b, c, d in table
    ]
    written.write_text(ending.join(lines) + (ending if last else ""), newline="")
    found = read(written, separator=separator)
    assert found.values.tolist() == [[MISSING if value is None else value for value in line] for line in table]
    assert not found.status.any()
    assert found.line.tolist() == [1 + number * ending.count("\n") for number in range(len(table))]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,2,3", "too many or too few fields"),
        ("1,2,3,4,5", "too many or too few fields"),
        ("1,2,3,4,", "too many or too few fields"),
        ("x,2,3,4", "a is not a number"),
        (",2,3,4", "a is not a number"),
        ("-,2,3,4", "a is not a number"),
        ("1.5,2,3,4", "a is not a number"),
        ("1e3,2,3,4", "a is not a number"),
        ("1234567890123456,2,3,4", "a is not a number"),
        ("1,2..5,3,4", "b is not a number"),
        ("1,.,3,4", "b is not a number"),
        ("1,nan,3,4", "b is not a number"),
        ("1,2,3g,4", "c is not a number"),
        ("1,2,123456789,4", "c is not a number"),
        ("1,2,-3,4", "c is not a number"),
        ("1,2,3,é", "d is not a number"),
        ("\x00\x00", "too many or too few fields"),
    ],
)
def test_a_damaged_row_is_told_with_its_line(text: str, reason: str, written: Path) -> None:
    written.write_text(f"1,2,3,4\n\n{text}\n5,6,7,8\n")
    damage = Damage(written, COLUMNS)
    (block,) = read_rows(written, COLUMNS, ",")
    assert damage.sound(block)[:, 0].tolist() == [1, 5]
    assert (damage.rows, damage.damaged, damage.first) == (3, 1, [f"line 3: {reason}"])
    damage.check(0.34)
    with pytest.raises(BadInputError, match=r"1 of 3 rows are damaged.*line 3"):
        damage.check(0.33)


@settings(deadline=None)
@given(stars=st.floats(0, 1000))
def test_decimals_lose_less_than_a_thousandth(stars: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("decimals") / "one.txt"
    path.write_text(f"{stars:.9f}\n")
    value = int(read(path, (Column("stars", DECIMAL),)).values[0, 0])
    assert value == math.floor(float(f"{stars:.9f}") * SCALE + 1e-7)


def test_a_header_says_where_columns_are(written: Path) -> None:
    written.write_text("\ufeffd,extra,a,c,b\r\n4,anything at all,1,ff,2.5\r\n")
    assert read(written, header=True).values.tolist() == [[1, 2500, 255, 4]]
    assert read(written, header=True).line.tolist() == [2]


def test_a_header_that_lacks_columns_is_named(written: Path) -> None:
    written.write_text("a,e,d\n1,2,3\n")
    with pytest.raises(BadInputError, match="no column b, c among a, e, d"):
        read(written, header=True)


def test_packed_reads_as_plain(written: Path) -> None:
    text = b"1,2.25,ab,4\n5,6,,\n"
    written.write_bytes(text)
    packed = written.with_suffix(".txt.gz")
    packed.write_bytes(gzip.compress(text))
    assert (read(packed).values == read(written).values).all()


def test_what_cannot_be_read_is_bad_input(written: Path) -> None:
    packed = written.with_suffix(".gz")
    for data in (gzip.compress(b"1,2,3,4\n" * 1000)[:-30], b"plain"):
        packed.write_bytes(data)
        with pytest.raises(BadInputError, match="cannot be read"):
            read(packed)
    with pytest.raises(BadInputError, match="cannot be read"):
        read(written.with_name("absent"))


def test_a_line_without_end_stops_early(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)
    written.write_text("1" * 1000)
    with pytest.raises(BadInputError, match="line 1 does not end"):
        read(written)


def test_another_kind_of_file_stops_at_its_first_block(written: Path) -> None:
    written.write_text("hello\nworld\n")
    damage = Damage(written, COLUMNS)
    with pytest.raises(BadInputError, match=r"not one of the first 2 rows.*line 1"):
        damage.sound(next(read_rows(written, COLUMNS, ",")))


def test_an_empty_file_has_no_rows(written: Path) -> None:
    written.write_text("")
    assert list(read_rows(written, COLUMNS, ",")) == []
    with pytest.raises(BadInputError, match="has no rows"):
        Damage(written, COLUMNS).check(1.0)


def test_only_the_first_few_damaged_rows_are_told(written: Path) -> None:
    written.write_text("1,2,3,4\n" + "x\n" * 100)
    damage = Damage(written, COLUMNS)
    damage.sound(next(read_rows(written, COLUMNS, ",")))
    assert damage.damaged == 100
    assert damage.first == [f"line {number}: too many or too few fields" for number in range(2, 7)]

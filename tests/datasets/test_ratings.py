from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.datasets.ratings import Ratings, read_ratings
from tailrank.datasets.source import Source

Rating = tuple[int, int, float, int]
Write = Callable[[Path, str, Sequence[Rating]], Path]
LAYOUTS = [
    ("movielens-100k", "u.data"),
    ("movielens-100k", "u.data.gz"),
    ("movielens-1m", "ratings.dat"),
    ("movielens-1m", "ratings.parquet"),
    ("movielens-20m", "ratings.csv"),
    ("movielens-25m", "ratings.csv.gz"),
    ("movielens-25m", "ratings.parquet"),
]


def plain(ratings: Ratings) -> list[Rating]:
    """Ratings as they were written, without times."""
    columns = (ratings.users[ratings.user], ratings.items[ratings.item], ratings.rating, ratings.row)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize(("name", "file"), LAYOUTS)
def test_every_layout_gives_each_users_ratings_in_time(
    name: str,
    file: str,
    tmp_path: Path,
    write_ratings: Write,
    some_ratings: list[Rating],
    source: Callable[..., Source],
) -> None:
    write_ratings(tmp_path, file, some_ratings)
    expected = sorted(range(len(some_ratings)), key=lambda row: (some_ratings[row][0], some_ratings[row][3]))
    found = read_ratings(source(name, tmp_path))
    assert plain(found) == [(*some_ratings[row][:3], row) for row in expected]
    assert found.facts["rows"] == len(some_ratings)
    assert found.facts["damaged_rows"] == 0
    assert (found.first[:-1] == [np.flatnonzero(found.user == user)[0] for user in range(len(found.users))]).all()
    assert plain(read_ratings(source(name, tmp_path / file))) == plain(found)


def test_equal_times_keep_the_files_order(tmp_path: Path, write_ratings: Write, source: Callable[..., Source]) -> None:
    write_ratings(tmp_path, "ratings.dat", [(1, item, 3.0, 7) for item in (9, 4, 6)] + [(1, 5, 3.0, 2)])
    found = read_ratings(source("movielens-1m", tmp_path))
    assert found.items[found.item].tolist() == [5, 9, 4, 6]


def test_of_an_item_rated_twice_the_last_counts(
    tmp_path: Path, write_ratings: Write, source: Callable[..., Source]
) -> None:
    write_ratings(tmp_path, "u.data", [(1, 8, 5.0, 3), (1, 8, 2.0, 1), (1, 6, 4.0, 2), (2, 8, 1.0, 0), (1, 8, 3.0, 2)])
    found = read_ratings(source("movielens-100k", tmp_path))
    assert plain(found) == [(1, 6, 4.0, 2), (1, 8, 5.0, 0), (2, 8, 1.0, 3)]
    assert found.facts["rated_again"] == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("-1::2::3::4", "a negative id"),
        ("1::-2::3::4", "a negative id"),
        ("1::2147483648::3::4", "an id above"),
        ("1::2::0::4", "a rating outside"),
        ("1::2::5.5::4", "a rating outside"),
        ("1::2::-3::4", "a rating outside"),
        ("1::2::3", "too many or too few"),
        ("1::2::good::4", "rating is not a number"),
    ],
)
def test_damaged_ratings_are_counted_and_skipped(
    row: str, reason: str, tmp_path: Path, source: Callable[..., Source]
) -> None:
    sound = [f"{user}::{item}::4::{item}" for user in range(10) for item in range(10)]
    (tmp_path / "ratings.dat").write_text("\n".join([*sound[:50], row, *sound[50:]]))
    found = read_ratings(source("movielens-1m", tmp_path))
    assert (found.facts["rows"], found.facts["damaged_rows"], len(found.user)) == (101, 1, 100)
    (told,) = found.facts["first_damaged"]  # type: ignore[misc]
    assert told.startswith(f"line 51: {reason}")
    with pytest.raises(BadInputError, match="line 51"):
        read_ratings(source("movielens-1m", tmp_path, max_damaged=0.009))


def test_a_missing_file_names_what_was_looked_for(tmp_path: Path, source: Callable[..., Source]) -> None:
    with pytest.raises(BadInputError, match=r"looked for ratings\.dat, .*parquet"):
        read_ratings(source("movielens-1m", tmp_path))
    with pytest.raises(BadInputError, match="no such file or folder"):
        read_ratings(source("movielens-1m", tmp_path / "nowhere"))
    with pytest.raises(BadInputError, match="needs its files"):
        read_ratings(source("movielens-1m", None))


def test_a_csv_without_a_column_names_it(tmp_path: Path, source: Callable[..., Source]) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,stars\n1,2,3\n")
    with pytest.raises(BadInputError, match="no column rating, timestamp"):
        read_ratings(source("movielens-20m", tmp_path))


def parquet(path: Path, columns: dict[str, list[object]]) -> Path:
    pa, module = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    module.write_table(pa.table(columns), path)
    return path


def test_a_parquet_without_a_column_names_it(tmp_path: Path, source: Callable[..., Source]) -> None:
    path = parquet(tmp_path / "ratings.parquet", {"user": [1], "item": [2], "rating": [3]})
    with pytest.raises(BadInputError, match="no column order or timestamp among user, item, rating"):
        read_ratings(source("movielens-1m", path))
    path = parquet(tmp_path / "ratings.parquet", {"user": [1], "order": [0]})
    with pytest.raises(BadInputError, match="no column item, rating"):
        read_ratings(source("movielens-1m", path))


def test_damaged_rows_of_a_parquet_are_counted(tmp_path: Path, source: Callable[..., Source]) -> None:
    columns: dict[str, list[object]] = {
        "user": [1, None, 1, 1, -1, 2],
        "item": [2.0, 2.0, 2.5, 3.0, 4.0, 2.0],
        "rating": [3.0, 3.0, 3.0, float("nan"), 3.0, 4.5],
        "order": [0, 1, 2, 3, 4, 0],
    }
    path = parquet(tmp_path / "ratings.parquet", columns)
    found = read_ratings(source("movielens-1m", path, max_damaged=0.9))
    assert plain(found) == [(1, 2, 3.0, 0), (2, 2, 4.5, 1)]
    assert found.facts["first_damaged"] == [
        "line 2: user is not a number",
        "line 3: item is not a number",
        "line 4: rating is not a number",
        "line 5: a negative id",
    ]


def test_a_parquet_of_words_or_of_nothing_is_refused(tmp_path: Path, source: Callable[..., Source]) -> None:
    path = parquet(tmp_path / "ratings.parquet", {"user": ["a"], "item": [2], "rating": [3], "order": [0]})
    with pytest.raises(BadInputError, match="column user is not numbers"):
        read_ratings(source("movielens-1m", path))
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_ratings(source("movielens-1m", path))


@pytest.mark.data
def test_real_files_have_what_their_makers_say(real_data: Path, source: Callable[..., Source]) -> None:
    million = read_ratings(source("movielens-1m", real_data / "movielens" / "ml-1m"))
    assert (len(million.user), len(million.users), len(million.items)) == (1_000_209, 6040, 3706)
    assert np.bincount(million.rating.astype(int))[1:].tolist() == [56_174, 107_557, 261_197, 348_971, 226_310]
    hundred = read_ratings(source("movielens-100k", real_data / "movielens" / "ml-100k"))
    assert (len(hundred.user), len(hundred.users), len(hundred.items)) == (100_000, 943, 1682)
    assert million.facts["damaged_rows"] == hundred.facts["damaged_rows"] == 0

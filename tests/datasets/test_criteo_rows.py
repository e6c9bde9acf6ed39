import gzip
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.datasets import criteo_rows, rows
from tailrank.datasets.criteo_rows import PLAIN, files, read_clicks, stream_clicks
from tailrank.datasets.rows import Damage
from tailrank.datasets.source import Source

Ask = Callable[..., Source]
Line = Callable[..., str]


@pytest.fixture
def lines(click_line: Line) -> list[str]:
    rng = np.random.default_rng(2)
    return [click_line(rng) for _ in range(60)]


def expected(line: str) -> tuple[float, list[float], list[int]]:
    """What a row means, said anew: label, log(1 + count), ids as numbers."""
    label, *fields = line.split("\t")
    dense = [math.log(1 + max(int(count or 0), 0)) for count in fields[:13]]
    return float(label), dense, [int(raw or "0", 16) for raw in fields[13:]]


def check(clicks: criteo_rows.Clicks, lines: list[str]) -> None:
    wanted = [expected(line) for line in lines]
    assert clicks.label.tolist() == [label for label, _, _ in wanted]
    assert clicks.dense == pytest.approx(np.array([dense for _, dense, _ in wanted]), rel=1e-6)
    assert clicks.raw.tolist() == [raw for _, _, raw in wanted]


def test_train_txt_is_read_as_it_stands(tmp_path: Path, lines: list[str], source: Ask) -> None:
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    clicks, facts = read_clicks(source("criteo", tmp_path), 1000)
    check(clicks, lines)
    assert (facts["rows"], facts["cut_at_max_rows"]) == (60, False)
    assert clicks.dense.dtype == np.float32


def test_days_follow_each_other_by_number(tmp_path: Path, lines: list[str], source: Ask) -> None:
    for day, first in ((2, 20), (10, 40), (0, 0)):
        path = tmp_path / f"day_{day}.gz"
        path.write_bytes(gzip.compress(("\n".join(lines[first : first + 20]) + "\n").encode()))
    (tmp_path / "day_10").write_bytes(gzip.decompress((tmp_path / "day_10.gz").read_bytes()))
    (tmp_path / "day_after").write_text("no day at all\n")
    assert [path.name for path in files(source("criteo", tmp_path))] == ["day_0.gz", "day_2.gz", "day_10"]
    check(read_clicks(source("criteo", tmp_path), 1000)[0], lines)


def test_reading_stops_at_the_rows_wanted(
    tmp_path: Path, lines: list[str], source: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", 2000)
    (tmp_path / "day_0").write_text("\n".join(lines) + "\n")
    (tmp_path / "day_1").write_text("never looked at\nnor this\n")
    clicks, facts = read_clicks(source("criteo", tmp_path), 33)
    check(clicks, lines[:33])
    assert facts["cut_at_max_rows"]


def test_a_block_is_all_there_is_in_memory(tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK_BYTES", 2000)
    (tmp_path / "day_0").write_text("\n".join(lines * 20) + "\n")
    damage = Damage(tmp_path / "day_0", PLAIN)
    sizes = [len(clicks) for clicks, _ in stream_clicks(tmp_path / "day_0", damage)]
    assert sum(sizes) == damage.rows == 1200
    shortest = min(len(line) + 1 for line in lines)
    assert max(sizes) <= 2 * 2000 / shortest  # a block, and what the block before left over


def test_a_sample_is_put_in_time_and_after_the_head(tmp_path: Path, click_line: Line, source: Ask) -> None:
    rng = np.random.default_rng(4)
    head = [click_line(rng) for _ in range(15)]
    sampled = {int(id_): click_line(rng) for id_ in rng.permutation(1000)[:20]}
    (tmp_path / "train_head_10000.txt").write_text("\n".join(head))
    names = ["Id", "Label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27)), "src"]
    text = [",".join(names), *(f"{id_}," + line.replace("\t", ",") + ",some_place" for id_, line in sampled.items())]
    (tmp_path / "train_random_by_id.csv.gz").write_bytes(gzip.compress("\n".join(text).encode()))
    clicks, facts = read_clicks(source("criteo", tmp_path), 1000)
    check(clicks, head + [sampled[id_] for id_ in sorted(sampled)])
    assert [file["rows"] for file in facts["files"]] == [15, 20]  # type: ignore[union-attr, attr-defined]


def test_a_sample_without_a_column_names_it(tmp_path: Path, source: Ask) -> None:
    (tmp_path / "train.csv").write_text("Id,Label,I1\n1,0,3\n")
    with pytest.raises(BadInputError, match=r"no column I2, I3, .*, C26 among Id, Label, I1"):
        read_clicks(source("criteo", tmp_path), 10)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda line: "2" + line[1:], "a label other than 0 and 1"),
        (lambda line: "" + line[1:], "label is not a number"),
        (lambda line: line + "\t", "too many or too few fields"),
        (lambda line: line.rsplit("\t", 1)[0], "too many or too few fields"),
        (lambda line: line.rsplit("\t", 1)[0] + "\tnothex", "C26 is not a number"),
        (lambda line: line.replace("\t", "\tx", 1), "I1 is not a number"),
    ],
)
def test_damaged_rows_are_counted_and_skipped(
    change: Callable[[str], str], reason: str, tmp_path: Path, lines: list[str], source: Ask
) -> None:
    damaged = [*lines[:7], change(lines[7]), *lines[8:]]
    (tmp_path / "train.txt").write_text("\n".join(damaged))
    clicks, facts = read_clicks(source("criteo", tmp_path, max_damaged=0.02), 1000)
    check(clicks, lines[:7] + lines[8:])
    (file,) = facts["files"]  # type: ignore[misc, attr-defined]
    assert (file["damaged_rows"], file["first_damaged"]) == (1, [f"line 8: {reason}"])
    with pytest.raises(BadInputError, match="1 of 60 rows are damaged"):
        read_clicks(source("criteo", tmp_path, max_damaged=0.01), 1000)


def test_a_folder_without_files_names_what_was_looked_for(tmp_path: Path, source: Ask) -> None:
    with pytest.raises(BadInputError, match=r"looked for train\.txt, day_0"):
        read_clicks(source("criteo", tmp_path), 10)
    with pytest.raises(BadInputError, match="no such file or folder"):
        read_clicks(source("criteo", tmp_path / "nowhere"), 10)


@pytest.mark.data
def test_real_rows_have_what_is_known_of_them(real_data: Path, source: Ask) -> None:
    clicks, facts = read_clicks(source("criteo", real_data / "criteo"), 10**6)
    assert len(clicks) == 18_497
    assert facts["cut_at_max_rows"] is False
    assert round(float(clicks.label[:10_000].mean()), 4) == 0.2182
    assert round(float(clicks.label[10_000:].mean()), 4) == 0.2587

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.datasets import load, names


def test_all_data_sets_have_names() -> None:
    assert sorted(names()) == [
        "criteo",
        "movielens-100k",
        "movielens-1m",
        "movielens-20m",
        "movielens-25m",
        "synthetic",
    ]


def test_facts_are_plain_and_say_what_was_asked() -> None:
    facts = load("synthetic", seed=3, tiny=True).facts
    assert (facts["data"], facts["seed"]) == ("synthetic", 3)
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("movielens-2m", {}, "unknown data set `movielens-2m`"),
        ("synthetic", {"users": 3}, "has no option `users`"),
        ("synthetic", {"max_queries": 0}, "max_queries is 0"),
        ("synthetic", {"max_damaged": 1.5}, "not a share"),
        ("synthetic", {"max_damaged": float("nan")}, "not a share"),
        ("criteo", {}, "needs its files"),
    ],
)
def test_what_cannot_be_loaded_is_told(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        load(name, **arguments)  # type: ignore[arg-type]


def test_progress_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "u.data").write_text("".join(f"1\t{item}\t3\t{item}\n" for item in range(9)))
    load("movielens-100k", str(tmp_path), progress=said.append)
    assert any("u.data" in line for line in said)


def test_facts_of_files_are_plain(tmp_path: Path, click_line: Callable[..., str]) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "train.txt").write_text("\n".join(click_line(rng, label=row % 2) for row in range(200)) + "\nx\n")
    rated = [(user, item) for user in (1, 2) for item in range(user, 9)]
    (tmp_path / "u.data").write_text("".join(f"{user}\t{item}\t3\t{item}\n" for user, item in rated))
    for name in ("criteo", "movielens-100k"):
        facts = load(name, tmp_path).facts
        assert json.loads(json.dumps(facts)) == facts
        assert facts["queries"] > 0


@pytest.mark.parametrize(("name", "file"), [("criteo", "train.txt"), ("movielens-100k", "u.data")])
@pytest.mark.parametrize("text", ["", "\n\n", "x\n"])
def test_files_without_a_sound_row_are_told(name: str, file: str, text: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(BadInputError):
        load(name, tmp_path, max_damaged=1.0)

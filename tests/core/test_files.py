import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tailrank.core import BadInputError, SetupError
from tailrank.core.files import MARK, check_out, disk_errors, result_directory, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse_with(number: int) -> Any:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_text_arrives_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old, and longer")
    write_text(tmp_path / "a", "new: größer")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "new: größer"
    assert names(tmp_path) == ["a"]


@pytest.fixture(params=["while writing", "while renaming", "over quota"])
def full_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room: for real, through /dev/full, or as the last step of the write is refused."""

    def open_full(handle: int, *args: Any, **kwargs: Any) -> Any:
        os.close(handle)
        return open("/dev/full", *args, **kwargs)  # noqa: PTH123

    if request.param == "while writing":
        monkeypatch.setattr(os, "fdopen", open_full)
    else:
        number = errno.ENOSPC if request.param == "while renaming" else errno.EDQUOT
        monkeypatch.setattr(Path, "replace", refuse_with(number))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_keeps_the_old_file_and_leaves_no_scrap(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(SetupError, match="disk is full") as caught:
        write_text(path, "new")
    assert caught.value.hint
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "chmod", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "a", "new")
    assert names(tmp_path) == []


def test_a_missing_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="absent"):
        write_text(tmp_path / "absent" / "a", "text")


def test_other_refusals_of_the_system_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output"), disk_errors(tmp_path):
        refuse_with(errno.EIO)()


def test_json_round_trip_and_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, 2.5, None, "é"]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, 2.5, None, "é"]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"x": float("nan")})
    assert names(tmp_path) == ["a.json"]


def test_a_result_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "demo"
    with result_directory(out) as work:
        (work / MARK).write_text("{}")
        assert not out.exists()
    assert names(out) == [MARK]
    assert names(tmp_path / "runs") == ["demo"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_failed_run_keeps_the_earlier_result(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "demo"
    with result_directory(out) as work:
        (work / MARK).write_text("first")
    with pytest.raises(error), result_directory(out) as work:  # noqa: PT012
        (work / MARK).write_text("second")
        raise error
    assert (out / MARK).read_text() == "first"
    assert names(tmp_path) == ["demo"]


def test_an_earlier_result_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    for text in ("first", "second"):
        with result_directory(out) as work:
            (work / MARK).write_text(text)
            (work / text).touch()
    assert names(out) == sorted([MARK, "second"])
    assert names(tmp_path) == ["demo"]


def test_a_folder_that_is_not_ours_is_refused_before_work_begins(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BadInputError, match="not a Tailrank result"), result_directory(tmp_path):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["thesis.tex"]


def test_a_file_is_refused_and_an_empty_or_absent_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError):
        check_out(tmp_path / "file")
    check_out(tmp_path / "empty")
    check_out(tmp_path / "absent")


def test_a_disk_that_fills_up_during_the_work_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="disk is full"), result_directory(tmp_path / "demo"):
        refuse_with(errno.ENOSPC)()
    assert names(tmp_path) == []

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tailrank.cli.doctor import LIBRARIES, _compiler, describe, examine, slow
from tailrank.cli.machine import Machine, machine
from tailrank.cli.main import main
from tailrank.native import available, path, paths


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return examine(repeats=5)


@pytest.fixture
def fine() -> tuple[Machine, dict[str, Any]]:
    """A host with nothing to complain about."""
    host = Machine(
        cpu="x",
        cores=16,
        usable_cores=16,
        cpu_limit=None,
        features=dict.fromkeys(("avx2", "avx512", "bf16", "amx"), True),
        memory_bytes=64 << 30,
        available_bytes=60 << 30,
        huge_pages="always",
        governor="performance",
        steal_percent=0.0,
        os="Linux 6",
        python="3.12.0",
    )
    spread = {"p50": 10.0, "p99": 20.0, "max": 30.0, "samples": 5}
    return host, {
        "machine": {"steal_now_percent": 0.0},
        "torch": {"gpus": ["one"]},
        "native": {
            "available": True,
            "why_not": None,
            "switched_off": False,
            "remedy": None,
            "paths": ["avx512", "avx2", "portable"],
            "path": "avx512",
            "compiler": None,
        },
        "simulator": {"kernels_ready": True},
        "timers": {"sleep_overshoot_us": spread, "thread_wakeup_us": dict(spread)},
    }


def test_the_document_is_json_and_names_every_library(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [row["name"] for row in document["libraries"]] == list(LIBRARIES)
    assert all(row["version"] for row in document["libraries"] if row["name"] in ("numpy", "numba", "msgspec"))
    assert document["machine"]["cpu"] == machine().cpu
    assert document["native"]["available"] == available()
    assert document["native"]["paths"] == list(paths())
    assert document["native"]["path"] == (path() if available() else None)
    for spread in document["timers"].values():
        assert spread["p50"] <= spread["p99"] <= spread["max"]


def test_the_text_says_what_the_document_says(document: dict[str, Any]) -> None:
    text = describe(document)
    assert document["machine"]["cpu"] in text
    assert (document["native"]["path"] or document["native"]["why_not"]) in text
    for sentence in document["slow"]:
        assert sentence in text


def test_a_good_host_gets_no_complaint(fine: tuple[Machine, dict[str, Any]]) -> None:
    assert slow(*fine) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"cpu_limit": 3.5}, "3.5 of 16 cores"),
        ({"usable_cores": 2}, "2 cores"),
        ({"cpu_limit": 1.0, "usable_cores": 1}, "1 cores"),
        ({"features": {"avx2": False, "avx512": True}}, "AVX2"),
        ({"features": {"avx2": True, "avx512": False}}, "AVX-512"),
        ({"available_bytes": 3 << 30}, "3.0 GiB"),
        ({"huge_pages": "never"}, "huge pages"),
        ({"governor": "powersave"}, "powersave"),
        ({"steal_percent": 7.0}, "7.0 %"),
    ],
)
def test_each_weakness_of_a_host_is_named(
    fine: tuple[Machine, dict[str, Any]], change: dict[str, Any], word: str
) -> None:
    host, document = fine
    (sentence,) = slow(dataclasses.replace(host, **change), document)
    assert word in sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"available": False, "path": None, "paths": [], "why_not": "it was not built", "remedy": "reinstall"},
            ["batches run in torch and Python threads: it was not built; reinstall"],
        ),
        (
            {"available": False, "path": None, "paths": [], "why_not": "switched off", "remedy": "switch it on"},
            ["batches run in torch and Python threads: switched off; switch it on"],
        ),
        ({"path": None, "why_not": "`avx9` is no instruction set"}, ["no native program runs", "avx9"]),
        ({"path": "portable"}, ["chooses portable", "runs avx512"]),
        ({"path": "portable", "paths": ["portable"]}, ["portable", "AVX2"]),
    ],
)
def test_each_weakness_of_the_native_side_is_named(
    fine: tuple[Machine, dict[str, Any]], change: dict[str, Any], words: list[str]
) -> None:
    host, document = fine
    document["native"] |= change
    (sentence,) = slow(host, document)
    assert all(word in sentence for word in words)


def test_a_good_host_without_a_compiler_gets_no_complaint(fine: tuple[Machine, dict[str, Any]]) -> None:
    host, document = fine
    document["native"]["compiler"] = None  # the extension is there: nothing is left to compile
    assert slow(host, document) == []


@pytest.mark.parametrize("variable", ["off", "avx1024"])
def test_what_the_variable_does_is_said(variable: str) -> None:
    code = [sys.executable, "-m", "tailrank", "doctor", "--json", "--quiet"]
    environment = os.environ | {"TAILRANK_NATIVE": variable}
    done = subprocess.run(code, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["native"]["path"] is None
    assert document["native"]["switched_off"] == (variable == "off")
    if variable == "off":
        assert document["native"]["remedy"] == "unset TAILRANK_NATIVE"
    if available():
        assert variable in document["native"]["why_not"]
        assert any(variable in sentence for sentence in document["slow"])


def test_the_compiler_is_the_one_a_build_would_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert _compiler() is None
    for name in ("mine", "clang++"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert _compiler() == str(tmp_path / "clang++")
    monkeypatch.setenv("CXX", "mine -m64")
    assert _compiler() == str(tmp_path / "mine")


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (("timers", "sleep_overshoot_us", "p99"), 1500.0, "1500 us"),
        (("timers", "thread_wakeup_us", "p99"), 900.0, "900 us"),
        (("machine", "steal_now_percent"), 12.0, "12.0 %"),
        (("simulator", "kernels_ready"), False, "compiles"),
        (("torch",), None, "torch is not installed"),
        (("torch", "gpus"), [], "no GPU"),
    ],
)
def test_each_weakness_found_by_measuring_is_named(
    fine: tuple[Machine, dict[str, Any]], path: tuple[str, ...], value: Any, word: str
) -> None:
    host, document = fine
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (sentence,) = slow(host, document)
    assert word in sentence


def test_json_is_one_document_and_quiet_silences_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["machine"]["cores"] >= 1
    assert err == ""


def test_doctor_works_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['psutil'] = None\n"
        "from tailrank.cli.main import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "torch is not installed" in done.stdout

import argparse
import re
from pathlib import Path

import pytest

from tailrank.cli.traffic import add_workload, workload_of
from tailrank.core import BadInputError
from tailrank.workload import Bursty, Fixed, Poisson, Production, Uniform, Workload, Zipf


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_workload(parser)
    return parser


def test_without_flags_it_is_the_default(parser: argparse.ArgumentParser) -> None:
    assert workload_of(parser.parse_args([])) == Workload()


def test_flags_replace_parts_of_the_file(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    path = tmp_path / "workload.toml"
    path.write_text('[arrivals]\nkind = "bursty"\ncv = 3.0\n[sizes]\nkind = "fixed"\nsize = 7\n')
    found = workload_of(parser.parse_args(["--workload", str(path), "--accesses", "zipf", "--arrivals", "poisson"]))
    assert found == Workload(arrivals=Poisson(), sizes=Fixed(size=7), accesses=Zipf())


def test_each_flag_sets_its_own_part(parser: argparse.ArgumentParser) -> None:
    found = workload_of(parser.parse_args(["--arrivals", "bursty:cv=2"]))
    assert found == Workload(arrivals=Bursty(cv=2.0), sizes=Production(), accesses=Uniform())


def test_the_examples_in_the_help_are_accepted(parser: argparse.ArgumentParser) -> None:
    found = re.findall(r"--(\w+) KIND\s+such as (\S+)\s+or\s+([^\s;]+)", parser.format_help())
    assert [flag for flag, _, _ in found] == ["arrivals", "sizes", "accesses"]
    for flag, first, second in found:
        for example in (first, second):
            workload_of(parser.parse_args([f"--{flag}", example]))
            with pytest.raises(BadInputError):
                workload_of(parser.parse_args([f"--{flag}", f"no-{example}"]))

"""The shape of the code base, as a test: sizes, names, and tests beside their sources."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tailrank"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
FILE_LINES, FUNCTION_LINES = 350, 80
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
# Tests of the whole rather than of a module: the shape itself, and walks through several packages.
WHOLE = {"shape", "walks"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 20
    assert len(TESTS) > 10


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_stay_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES, f"{lines} lines: split it by what its parts know"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_stay_short(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno is not None}
    assert {name: lines for name, lines in long.items() if lines > FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_and_packages_are_named_for_what_they_hold(path: Path) -> None:
    assert NAMELESS.isdisjoint(path.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("path", [path for path in TESTS if path.parent.name not in WHOLE], ids=name)
def test_a_test_module_mirrors_a_source_module(path: Path) -> None:
    folder = PACKAGE / path.parent.relative_to(ROOT / "tests")
    source = path.stem.removeprefix("test_")
    assert (folder / f"{source}.py").exists() or (folder / source / "__init__.py").exists(), (
        f"no {source}.py in {name(folder)}: name the test after the module it tests, or put it in tests/walks"
    )


def test_test_folders_are_no_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []

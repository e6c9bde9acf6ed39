"""What a package offers: its `__all__` is sorted, holds all it re-exports, and everything a module offers is real."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"
PACKAGES = sorted(".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "tailrank").rglob("__init__.py"))
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "tailrank").rglob("*.py")
    if not path.name.startswith("__")
)


def tree_of(module: str) -> ast.Module:
    base = ROOT.joinpath(*module.split("."))
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def declared(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def in_order(names: list[str]) -> list[str]:
    """Ruff's order (RUF022): constants, then classes, then the rest."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_exactly_what_it_imports_from_its_modules(package: str) -> None:
    tree = tree_of(package)
    imported = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tailrank")
        for alias in node.names
    ]
    assert set(imported) == set(declared(tree) or [])


# The verbs of the command line declare none: main.py finds them by name.
@pytest.mark.parametrize("module", [name for name in PACKAGES + MODULES if declared(tree_of(name)) is not None])
def test_all_is_sorted_without_repeats_and_every_name_exists(module: str) -> None:
    names = declared(tree_of(module))
    assert names is not None
    assert names == in_order(sorted(set(names)))
    found = importlib.import_module(module)
    assert [name for name in names if not hasattr(found, name)] == []

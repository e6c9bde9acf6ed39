"""The documents, checked: links lead somewhere, commands are accepted by their verbs, files are valid."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tailrank.accelerator import Design
from tailrank.cli.main import VERBS, Parser
from tailrank.core import Plan
from tailrank.core.config import loads
from tailrank.timing import Device
from tailrank.tuner.explore import Space
from tailrank.workload import workload_from_dict

ROOT = Path(__file__).parents[2]
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def name(value: object) -> str | None:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else None


def blocks(language: str) -> list[tuple[Path, str]]:
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [(path, text) for path in DOCS for text in pattern.findall(path.read_text(encoding="utf-8"))]


COMMANDS = [
    (path, shlex.split(line, comments=True))
    for path, text in blocks("sh")
    for line in text.splitlines()
    if line.startswith("tailrank ")
]


@pytest.mark.parametrize("path", DOCS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    local = [path.parent / target for target in targets if "://" not in target]
    missing = [target for target in local if not target.exists()]
    assert missing == []


@pytest.mark.parametrize(("path", "words"), COMMANDS, ids=lambda value: None if isinstance(value, Path) else value[1])
def test_commands_are_accepted_by_their_verbs(path: Path, words: list[str]) -> None:
    _, verb, *rest = words
    assert verb in VERBS
    module = importlib.import_module(f"tailrank.cli.{verb}")
    parser = Parser(prog=verb, allow_abbrev=False)
    module.add_arguments(parser)
    parser.parse_args(rest)


def test_every_verb_has_an_example_in_the_readme() -> None:
    assert {words[1] for path, words in COMMANDS if path.name == "README.md"} == set(VERBS)


@pytest.mark.parametrize(("path", "text"), blocks("toml"), ids=name)
def test_files_in_the_documents_are_valid(path: Path, text: str) -> None:
    if text.startswith("# A plan"):
        assert loads(Plan, text).stages
    elif text.startswith("# Beside an .onnx file"):
        pytest.importorskip("torch")
        from tailrank.models.onnx_model import Sidecar

        assert loads(Sidecar, text).inputs
    elif text.startswith("# A design"):
        assert loads(Design, text).parts
    elif text.startswith("# A device"):
        assert loads(Device, text).cores
    elif text.startswith("# A space"):
        assert loads(Space, text).networks
    else:
        assert text.startswith("# A workload")
        assert workload_from_dict(tomllib.loads(text)).describe()


def test_models_named_in_the_documents_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from tailrank.models import load

    monkeypatch.chdir(ROOT)
    named = {word for _, words in COMMANDS for word in words if ":" in word and word.startswith("examples.")}
    assert named
    for each in named:
        assert load(each).inputs(3)

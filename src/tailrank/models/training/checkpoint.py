"""Checkpoints: tensors as safetensors, what they belong to as JSON beside them. Nothing is ever unpickled."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tailrank.core import BadInputError, SetupError
from tailrank.core.files import disk_errors, write_json
from tailrank.zoo import Network, TableConfig
from tailrank.zoo.network import Chain

__all__ = ["MODEL", "STATE", "described", "network_of", "read", "require_same", "write"]

MODEL = "model"
"""Name of a trained model's files: model.safetensors and model.json."""
STATE = "training"
"""Name of the files of a training that is under way."""


def described(network: Network) -> dict[str, Any]:
    """Return `network` as plain data that `network_of` reads back."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(network)))
    return found


def network_of(data: dict[str, Any]) -> Network:
    """Return the network that `data` describes; raises `TypeError` or `KeyError` for anything else."""
    given = dict(data)
    given["tables"] = tuple(TableConfig(**table) for table in data["tables"])
    given["chains"] = tuple(Chain(**{**chain, "widths": tuple(chain["widths"])}) for chain in data["chains"])
    given["products"] = tuple((operator, flops) for operator, flops in data["products"])
    given["notes"] = tuple(data["notes"])
    return Network(**given)


def write(folder: Path, name: str, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Write `tensors` and `config` to `folder`, each file whole or not at all.

    The tensors' file carries `config` too, so that it is never paired with the JSON of another moment.
    """
    safetensors = _library()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        whole = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}.") as work:
            path = Path(work) / "tensors"
            safetensors.save_file(whole, path, metadata={"config": json.dumps(config)})
            path.chmod(0o644)
            path.replace(folder / f"{name}.safetensors")
        write_json(folder / f"{name}.json", config)


def read(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the tensors and the config of checkpoint `name` in `folder`; None where there is none.

    Raises `BadInputError` for a damaged one.
    """
    path = folder / f"{name}.safetensors"
    if not path.exists():
        return None
    from safetensors import SafetensorError, safe_open

    _library()
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            return {key: file.get_tensor(key) for key in file.keys()}, config  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise BadInputError(f"{path}: damaged checkpoint: {error}", hint="remove it and train again") from None


def require_same(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise `BadInputError`, naming both sides, unless the checkpoint config `found` agrees with all of `wanted`."""
    for key, value in wanted.items():
        if found.get(key) == value:
            continue
        there, here = _named(found, key), _named(wanted, key)
        raise BadInputError(
            f"{folder}: the checkpoint there is of {there}, asked for is {here}",
            hint="choose another folder, or remove the checkpoint to train anew",
        )


def _named(config: dict[str, Any], key: str) -> str:
    """What `config` says of `key`, in words that tell one network from another."""
    if key != "network":
        return f"{key} {config.get(key)}"
    network = config.get("network") or {}
    rows = [table["rows"] for table in network.get("tables", []) if table.get("ids_of") is None]
    widths = [chain["widths"] for chain in network.get("chains", [])]
    return f"`{network.get('name')}` with tables of rows {rows} and layers {widths}"


def _library() -> Any:
    try:
        import safetensors.torch
    except ImportError:
        raise SetupError("checkpoints need safetensors", hint="install tailrank[train]") from None
    return safetensors.torch


def clones(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return copies that training leaves alone."""
    return {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}

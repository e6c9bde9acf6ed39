import json

import pytest
import torch

from tailrank.core import BadInputError
from tailrank.models.training import checkpoint
from tailrank.zoo import get


def test_what_was_written_is_read(tmp_path):
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3.0)}
    checkpoint.write(tmp_path, "model", tensors, {"seed": 1})
    found, config = checkpoint.read(tmp_path, "model")
    assert {name: tensor.tolist() for name, tensor in found.items()} == {"a": [[0, 1, 2], [3, 4, 5]], "b": 3}
    assert config == {"seed": 1} == json.loads((tmp_path / "model.json").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_there_may_be_none(tmp_path):
    assert checkpoint.read(tmp_path, "model") is None


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x80\x04\x95 a pickle"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(BadInputError, match="damaged"):
        checkpoint.read(tmp_path, "model")


@pytest.mark.parametrize("name", ["rm-small", "neumf-1m-large", "neumf-20m-medium"])
def test_networks_survive_as_json(name):
    network = get(name)
    assert checkpoint.network_of(json.loads(json.dumps(checkpoint.described(network)))) == network


def test_another_network_is_named_beside_the_one_asked_for(tmp_path):
    small, large = ({"network": checkpoint.described(get(name))} for name in ("rm-small", "rm-large"))
    with pytest.raises(BadInputError, match=r"`rm-small`.*`rm-large`"):
        checkpoint.require_same(tmp_path, small, large)

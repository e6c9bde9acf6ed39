import argparse

import pytest

from tailrank.cli.hardware import Gpu, add_hardware, gpu_of
from tailrank.core import BadInputError, Plan, Pool, Stage


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_hardware(parser)
    return parser.parse_args(words)


def test_by_default_the_fastest_executor_in_full_precision_and_no_gpu() -> None:
    args = parsed()
    assert (args.executor, args.precision) == ("auto", "fp32")
    assert gpu_of(args) is None


def test_the_flags_of_a_gpu_are_a_pool_of_plans() -> None:
    assert gpu_of(parsed("--gpu")) == Gpu("cuda", 2, "fp32")
    gpu = gpu_of(parsed("--gpu", "cuda:1", "--gpu-workers", "4", "--gpu-precision", "tf32"))
    assert gpu is not None
    assert gpu.pool() == Pool(workers=4, device="cuda:1", precision="tf32")
    assert not gpu.pretend
    stage = Stage(model="m", batch_size=1, offload_at=5, offload_pool="gpu")
    assert Plan(stages=(stage,), pools={"cpu": Pool(workers=1), "gpu": gpu.pool()})


def test_the_host_in_a_gpus_place_is_a_pretence() -> None:
    gpu = gpu_of(parsed("--gpu", "host"))
    assert gpu is not None
    assert gpu.pretend


@pytest.mark.parametrize("words", [["--gpu-workers", "2"], ["--gpu-precision", "bf16"]])
def test_a_flag_of_a_gpu_without_one_is_refused(words: list[str]) -> None:
    with pytest.raises(BadInputError, match="without a GPU"):
        gpu_of(parsed(*words))


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:x", "gpu", "rmc1", "cuda:-1"])
def test_another_device_is_refused_by_name(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--gpu", device)
    assert f"`{device}`" in capsys.readouterr().err

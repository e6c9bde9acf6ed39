"""benchmarks/gpu.py: ends well where no GPU is, and its path works with the host in the GPU's place."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

FILE = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("gpu_benchmark", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield module
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    benchmark.main()
    assert capsys.readouterr().out == "not run: no CUDA device\n"


def test_with_the_host_for_a_gpu_it_goes_all_the_way_and_says_that_it_pretends(
    benchmark, monkeypatch, capsys, tmp_path
):
    words = ["--pretend", "--only", "ncf", "--seconds", "0.2", "--memory-gib", "0.005", "--queries", "300", "--json"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *words, str(tmp_path / "gpu.json")])
    benchmark.main()
    assert "PRETENCE" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "gpu.json").read_text())["networks"]
    assert row["capacity_qps"] >= row["capacity_cpu_alone_qps"] > 0
    assert set(row["speed_over_one_core"]) == {"1", "16", "64", "256", "1024"}
    assert all(0 < share < 1 for share in row["transfer_share"].values())

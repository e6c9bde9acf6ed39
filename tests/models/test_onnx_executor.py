import sys
import threading
import time

import numpy as np
import pytest
import torch

from tailrank.core import BadInputError, SetupError
from tailrank.models.onnx_executor import OnnxExecutor

pytest.importorskip("onnxruntime", reason="the extra tailrank[onnx] is not installed")


def by_hand(weights, ids, dense):
    logit = weights["table"][ids.numpy(), 0].sum(1) + (dense.numpy() @ weights["w"])[:, 0]
    return 1 / (1 + np.exp(-logit))


def inputs_of(items, kind=torch.int64):
    rng = np.random.default_rng(items)
    ids = torch.from_numpy(rng.integers(0, 50, (items, 3))).to(kind)
    return ids, torch.from_numpy(rng.random((items, 4), dtype=np.float32))


@pytest.mark.parametrize("graph_ids", ["INT64", "INT32"])
@pytest.mark.parametrize("ids", [torch.int64, torch.int32])
def test_scores_are_the_graphs_whichever_integers_come(small_onnx, graph_ids, ids):
    executor = OnnxExecutor(small_onnx(graph_ids), "score")
    for items in (1, 2, 33, 300):
        inputs = inputs_of(items, ids)
        scores = executor(inputs)
        assert scores.shape == (items,)
        np.testing.assert_allclose(scores.numpy(), by_hand(small_onnx.weights, *inputs), atol=1e-6)


def test_slices_and_strided_inputs_are_taken_as_they_are(small_onnx):
    executor = OnnxExecutor(small_onnx(), "score")
    ids, dense = inputs_of(40)
    expected = by_hand(small_onnx.weights, ids, dense)
    np.testing.assert_allclose(executor((ids[7:20], dense[7:20])).numpy(), expected[7:20], atol=1e-6)
    np.testing.assert_allclose(executor((ids[::3], dense[::3])).numpy(), expected[::3], atol=1e-6)


def test_a_float64_output_becomes_float32(write_onnx):
    path = write_onnx([("Cast", ("x",), ("score",), {"to": 11})], {"x": ("FLOAT", ("n", 1))}, output_type="DOUBLE")
    executor = OnnxExecutor(path, "score")
    assert executor.output((torch.ones(3, 1),)).dtype == np.float64
    assert executor((torch.ones(3, 1),)).dtype == torch.float32


def test_the_gil_is_free_while_a_batch_runs(write_onnx):
    """Another thread gets to count while one call is under way."""
    wide = np.eye(1024, dtype=np.float32)
    nodes = [("MatMul", ("x", "w"), ("y",), {}), ("MatMul", ("y", "w"), ("score",), {})]
    executor = OnnxExecutor(write_onnx(nodes, {"x": ("FLOAT", ("n", 1024))}, {"w": wide}), "score")
    inputs = (torch.zeros(256, 1024),)
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter_ns())
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        for _ in range(20):
            begin = time.perf_counter_ns()
            executor(inputs)
            end = time.perf_counter_ns()
            inside = sum(begin + (end - begin) // 4 < at < end - (end - begin) // 4 for at in ticks)
            if inside:
                break
    finally:
        done.set()
        thread.join()
    assert inside


def test_a_call_runs_on_the_thread_that_makes_it(small_onnx):
    before = threading.active_count(), len(list_of_tasks())
    executor = OnnxExecutor(small_onnx(), "score")
    executor.warm(inputs_of(200))
    assert (threading.active_count(), len(list_of_tasks())) == before


def list_of_tasks():
    from pathlib import Path

    tasks = Path("/proc/self/task")
    return list(tasks.iterdir()) if tasks.exists() else []


def test_a_file_it_cannot_load_is_refused(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(BadInputError, match=r"broken\.onnx: ONNX Runtime cannot load it") as caught:
        OnnxExecutor(path, "score")
    assert caught.value.hint


def test_a_host_without_the_library_is_told_what_to_install(small_onnx, monkeypatch):
    path = small_onnx()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SetupError, match="need the library `onnxruntime`") as caught:
        OnnxExecutor(path, "score")
    assert caught.value.hint == "pip install 'tailrank[onnx]'"

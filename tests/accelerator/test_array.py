import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailrank.accelerator import Array, Dataflow, Layer, chain, run, run_all
from tailrank.core import BadInputError

Walk = Callable[..., tuple[int, float]]
SCALESIM = Path(__file__).parent / "data" / "scalesim.csv"

# Bottom and top layers of RecPipe's tiers, the embeddings joined end to end, as its artifact simulates them.
TIERS = {
    "rm-small": ((13, 64, 4), (27 * 4, 64, 1)),
    "rm-med": ((13, 64, 16), (27 * 16, 64, 1)),
    "rm-large": ((13, 512, 256, 128, 64, 32), (27 * 32, 96, 1)),
}
# Figure 10a of RecPipe's artifact, 4,096 items: cycles and utilisation in percent where its logs give both.
FIGURE_10A = [
    (128, "rm-small", 17_015, 12.58),
    (128, "rm-med", 30_155, 26.25),
    (128, "rm-large", 93_122, 77.09),
    (32, "rm-small", 54_273, 60.72),
    (32, "rm-med", 138_153, 87.57),
    (32, "rm-large", 1_098_011, 98.33),
    (8, "rm-small", 593_080, 87.52),
    (8, "rm-med", 1_944_536, 97.88),
    (8, "rm-large", 17_122_252, 99.17),
]

shapes = st.tuples(*[st.integers(1, 40)] * 5)


def drawn(count: int, seed: str, most: int = 90) -> list[tuple[int, int, int, int, int]]:
    chance = random.Random(seed)
    return [tuple(round(most ** chance.random()) for _ in range(5)) for _ in range(count)]  # type: ignore[misc]


@pytest.mark.parametrize(("side", "tier", "cycles", "percent"), FIGURE_10A)
def test_figure_10a_of_the_artifact(side: int, tier: str, cycles: int, percent: float) -> None:
    bottom, top = TIERS[tier]
    found = run_all(Array(side, side), chain(bottom) + chain(top), 4096)
    assert found.cycles == cycles
    assert round(100 * found.utilisation, 2) == percent


@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_v1_equals_a_walk_fold_by_fold(dataflow: Dataflow, walk_stationary: Walk) -> None:
    for rows, cols, inputs, outputs, items in drawn(300, f"v1 {dataflow}"):
        found = run(Array(rows, cols), Layer(inputs, outputs), items, dataflow=dataflow)
        mapped, streamed = (outputs, items) if dataflow == "ws" else (items, outputs)
        cycles, utilisation = walk_stationary(rows, cols, inputs, mapped, streamed, early=int(dataflow == "is"))
        assert found.cycles == cycles
        assert found.utilisation == pytest.approx(utilisation, rel=1e-12)


def test_v3_equals_the_package() -> None:
    with SCALESIM.open(newline="") as file:
        lines = list(csv.DictReader(file))
    for dataflow in ("ws", "os", "is"):
        assert sum(line["dataflow"] == dataflow for line in lines) >= 200
    for line in lines:
        array, layer = Array(int(line["rows"]), int(line["cols"])), Layer(int(line["inputs"]), int(line["outputs"]))
        found = run(array, layer, int(line["items"]), dataflow=line["dataflow"], convention="v3")  # type: ignore[arg-type]
        assert found.cycles == int(line["cycles"]), line
        assert 100 * found.utilisation == pytest.approx(float(line["percent"]), rel=1e-9)


@given(shapes, st.sampled_from(["ws", "os", "is"]), st.sampled_from(["v1", "v3"]), st.booleans())
@example((1, 1, 1, 1, 2), "os", "v3", False)
@settings(max_examples=300)
def test_cycles_are_at_least_the_multiplies_and_utilisation_a_share(
    shape: tuple[int, int, int, int, int], dataflow: str, convention: str, double_buffered: bool
) -> None:
    rows, cols, inputs, outputs, items = shape
    found = run(
        Array(rows, cols),
        Layer(inputs, outputs),
        items,
        dataflow=dataflow,  # type: ignore[arg-type]
        convention=convention,  # type: ignore[arg-type]
        double_buffered=double_buffered,
    )
    assert found.macs == inputs * outputs * items
    assert found.cycles * rows * cols >= found.macs
    assert 0 < found.utilisation <= 1


@given(shapes, st.sampled_from(["ws", "is"]), st.sampled_from(["v1", "v3"]))
def test_double_buffering_never_costs(shape: tuple[int, int, int, int, int], dataflow: str, convention: str) -> None:
    rows, cols, inputs, outputs, items = shape
    both = [
        run(
            Array(rows, cols),
            Layer(inputs, outputs),
            items,
            dataflow=dataflow,  # type: ignore[arg-type]
            convention=convention,  # type: ignore[arg-type]
            double_buffered=on,
        ).cycles
        for on in (False, True)
    ]
    assert both[1] <= both[0]


@given(shapes, st.sampled_from(["ws", "is", "os v3"]), st.sampled_from(["v1", "v3"]))
def test_more_items_never_take_less(shape: tuple[int, int, int, int, int], dataflow: str, convention: str) -> None:
    rows, cols, inputs, outputs, items = shape
    if dataflow == "os v3":  # SCALE-Sim v1 lets more items end earlier in `os`: two through 1:2 on 2x1, than one
        dataflow, convention = "os", "v3"
    few, more = (
        run(Array(rows, cols), Layer(inputs, outputs), count, dataflow=dataflow, convention=convention).cycles  # type: ignore[arg-type]
        for count in (items, items + 1)
    )
    assert few <= more


@given(shapes, st.sampled_from(["ws", "is"]))
def test_double_buffering_equals_a_walk(shape: tuple[int, int, int, int, int], dataflow: str) -> None:
    rows, cols, inputs, outputs, items = shape
    mapped, streamed = (outputs, items) if dataflow == "ws" else (items, outputs)
    beside = max(1, rows // inputs) * cols
    folds = [
        (-(-columns // cols) * height, height + min(columns, cols) + streamed - (dataflow == "is"))
        for columns in (min(beside, mapped - done) for done in range(0, mapped, beside))
        for height in (min(rows, inputs - done) for done in range(0, inputs, rows))
    ]
    expected = folds[0][0] + sum(
        max(rest, after[0]) for (_, rest), after in zip(folds, [*folds[1:], (0, 0)], strict=True)
    )
    found = run(Array(rows, cols), Layer(inputs, outputs), items, dataflow=dataflow, double_buffered=True)  # type: ignore[arg-type]
    assert found.cycles == expected


def test_layers_in_a_row_add_up() -> None:
    array, layers = Array(16, 8), chain((13, 64, 4))
    each = [run(array, layer, 100) for layer in layers]
    total = run_all(array, layers, 100)
    assert total.cycles == sum(one.cycles for one in each)
    assert total.utilisation == pytest.approx(sum(one.utilisation * one.cycles for one in each) / total.cycles)


@pytest.mark.parametrize("text", ["128", "128x", "0x4", "4 by 4", "-1x3"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        Array.parse(text)


@pytest.mark.parametrize("text", ["5", "0:3", "a:b", "3x4"])
def test_what_is_no_layer_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        Layer.parse(text)


def test_text_is_read() -> None:
    assert Array.parse("128x64") == Array(128, 64)
    assert Layer.parse("512:256") == Layer(512, 256)


def test_no_items_are_refused() -> None:
    with pytest.raises(BadInputError, match="at least 1 item"):
        run(Array(4, 4), Layer(4, 4), 0)

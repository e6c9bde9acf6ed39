"""Writes scalesim.csv: what SCALE-Sim 3.0.0 says of random layers on random arrays.

Run it with a Python that has `scalesim==3.0.0`, `numpy<2` and `pandas<2.3` (`make scalesim` makes one); it imports
nothing of Tailrank. Columns: rows, cols, dataflow, inputs, outputs, items, cycles ("Total Cycles"), utilisation
("Overall Util %"), and the seconds that SCALE-Sim took, rounded: they are those of one machine.
"""

import csv
import random
import sys
import tempfile
import time
from pathlib import Path

from scalesim.scale_sim import scalesim

COUNT = 240  # of each dataflow
CONFIG = """[general]
run_name = run
[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {cols}
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: {dataflow}
Bandwidth: 10
ReadRequestBuffer: 64
WriteRequestBuffer: 64
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: False
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def case(chance: random.Random) -> tuple[int, int, int, int, int]:
    """Draw rows, cols, inputs, outputs and items: from one to a few folds either way."""
    rows, cols = (round(2 ** chance.uniform(1, 6)) for _ in range(2))
    inputs, outputs, items = (round(2 ** chance.uniform(0, 7.2)) for _ in range(3))
    return rows, cols, inputs, outputs, items


def ask(folder: Path, dataflow: str, rows: int, cols: int, inputs: int, outputs: int, items: int) -> list[str]:
    """Run SCALE-Sim and return its cycles and its utilisation in percent."""
    config, topology = folder / "run.cfg", folder / "layer.csv"
    config.write_text(CONFIG.format(rows=rows, cols=cols, dataflow=dataflow))
    topology.write_text(f"Layer,M,N,K,\nlayer,{items},{outputs},{inputs},\n")
    layout = "Layer," + "x," * 30 + "\nlayer," + "1," * 30 + "\n"
    (folder / "layout.csv").write_text(layout)
    simulator = scalesim(
        save_disk_space=True,
        verbose=False,
        config=str(config),
        topology=str(topology),
        layout=str(folder / "layout.csv"),
        input_type_gemm=True,
    )
    simulator.run_scale(top_path=str(folder))
    with (folder / "run" / "COMPUTE_REPORT.csv").open(newline="") as file:
        head, values = list(csv.reader(file, skipinitialspace=True))[:2]
    report = dict(zip(head, values, strict=False))  # the head ends in a comma
    return [report["Total Cycles"], report["Overall Util %"]]


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("scalesim.csv")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for dataflow in ("ws", "os", "is"):
            chance = random.Random(f"scalesim {dataflow}")
            for number in range(count):
                drawn = case(chance)
                start = time.perf_counter()
                cycles, utilisation = ask(Path(folder), dataflow, *drawn)
                seconds = time.perf_counter() - start
                rows, cols, *layer = drawn
                lines.append([rows, cols, dataflow, *layer, int(float(cycles)), utilisation, f"{seconds:.3f}"])
                print(dataflow, number, end="\r", file=sys.stderr)
    with target.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rows", "cols", "dataflow", "inputs", "outputs", "items", "cycles", "percent", "seconds"])
        writer.writerows(lines)


if __name__ == "__main__":
    main()

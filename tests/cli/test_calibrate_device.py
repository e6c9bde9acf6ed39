import json
from pathlib import Path

import pytest

from tailrank.cli.main import main
from tailrank.timing import Fit, Observation, Parameters, Roofline, load_fit, predict
from tailrank.timing.device import device
from tailrank.zoo import get

TRUE = Parameters(efficiency=0.3, half_rows=40.0, outstanding=5.0, operator_us=2.0)


def csv(path: Path, batches: tuple[int, ...] = (1, 16, 64, 256, 1024), on: str = "broadwell-28c") -> Path:
    rows = ["device,network,batch,quantity,value"]
    for name in ("rmc1", "rmc3"):
        blank = [Observation(device=on, network=name, batch=n, quantity="total_ms", value=1.0) for n in batches]
        values = predict(blank, Roofline(get(name), device(on), fit=Fit(device=on, parameters=TRUE)), {})
        rows += [f"{on},{name},{n},total_ms,{value}" for n, value in zip(batches, values, strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_points_of_a_file_are_fitted_without_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["profile", "rmc1", "--calibrate", "broadwell-28c", "--points", str(csv(tmp_path / "points.csv"))]
    assert main([*words, "--fit", str(tmp_path / "fit.toml"), "--json"]) == 0
    section = json.loads(capsys.readouterr().out)["calibration"]
    assert len(section["points"]) == 10
    assert all(abs(row["error"]) < 0.02 for row in section["points"])
    written = load_fit(tmp_path / "fit.toml")
    assert written.parameters.efficiency == pytest.approx(TRUE.efficiency, rel=0.05)
    assert written.source == "points in points.csv"
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "calibrated broadwell-28c" in text
    assert "off by" in text
    assert "times outside are extrapolated" in text


def test_missing_points_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = csv(tmp_path / "points.csv", batches=(16, 32, 64, 128))
    assert main(["profile", "rmc1", "--calibrate", "broadwell-28c", "--points", str(points)]) == 2
    assert "lack batches near 1, 1024" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--points", "x.csv"], "--points x.csv says nothing without a device"),
        (["--fit", "x.toml"], "--fit x.toml says nothing without a device"),
        (["--calibrate", "broadwel-28c"], "did you mean `broadwell-28c`"),
        (["--calibrate", "t4"], "nothing is measured on one"),
        (["--calibrate", "broadwell-28c", "--precision", "int8"], "not int8"),
        (["--calibrate", "broadwell-28c", "--points", "none.csv"], "none.csv: cannot be read"),
    ],
)
def test_flags_that_cannot_be_are_refused_before_any_work(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "rmc1", *words]) == 2
    assert says in capsys.readouterr().err


def test_points_of_another_device_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = csv(tmp_path / "points.csv")
    assert main(["profile", "rmc1", "--calibrate", "skylake-40c", "--points", str(points)]) == 2
    assert "no point of device `skylake-40c`" in capsys.readouterr().err


def test_what_is_measured_here_is_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    words = ["profile", "ncf", "--memory-gib", "0.01", "--seconds", "0.2", "--workers", "1", "--quiet", "--json"]
    words += ["--executor", "torch", "--calibrate", "intel-xeon", "--fit", str(tmp_path / "fit.toml")]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    section = document["calibration"]
    assert {row["batch"] for row in section["points"]} == {point["items"] for point in document["profile"]["points"]}
    assert section["switches"] == "fused lookup, pinned, int32 ids, overlap, shared weights"
    assert load_fit(tmp_path / "fit.toml").device == "intel-xeon"

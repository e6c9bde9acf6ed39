from pathlib import Path

import msgspec
import pytest

from tailrank.core import BadInputError
from tailrank.core.config import dump
from tailrank.timing import BOUNDS, Fit, Parameters, fit_for, fit_names, load_fit
from tailrank.timing.device import device, device_names


def test_every_parameter_has_bounds_and_defaults_lie_within() -> None:
    defaults = msgspec.structs.asdict(Parameters())
    assert set(BOUNDS) == set(defaults)
    for name, value in defaults.items():
        low, high = BOUNDS[name]
        assert low < high
        assert not value or low <= value <= high


def test_every_device_of_the_catalogue_has_parameters_of_its_own_or_borrowed() -> None:
    own = fit_names()
    assert {"skylake-40c", "gtx-1080ti", "t4", "c5n-2xlarge"} <= set(own)
    for name in device_names():
        found = fit_for(device(name))
        assert found.device == name
        assert bool(found.borrowed_from) == (name not in own)


def test_what_is_borrowed_keeps_the_fixed_time_of_a_product() -> None:
    lent, lender = fit_for(device("skylake-40c")), device("skylake-40c")
    borrower = device("broadwell-28c")
    found = fit_for(borrower)
    assert found.parameters.half_rows / borrower.core_fp32_gflops == pytest.approx(
        lent.parameters.half_rows / lender.core_fp32_gflops
    )
    assert found.parameters.operator_us == lent.parameters.operator_us
    assert found.residuals == ()


def test_a_gpu_that_borrows_keeps_its_own_launches_and_memory() -> None:
    lent, found, borrower = fit_for(device("gtx-1080ti")), fit_for(device("a100")), device("a100")
    assert found.parameters.operator_us is None
    assert found.parameters.gather_efficiency is None
    assert lent.parameters.step_us is not None
    assert lent.parameters.operator_us is not None
    assert found.parameters.step_us == pytest.approx(
        lent.parameters.step_us * borrower.operator_us / lent.parameters.operator_us
    )


def test_a_fit_survives_its_file(tmp_path: Path) -> None:
    found = fit_for(device("gtx-1080ti"))
    dump(found, tmp_path / "fit.toml")
    assert load_fit(tmp_path / "fit.toml") == found


def test_a_bad_file_says_where(tmp_path: Path) -> None:
    path = tmp_path / "fit.toml"
    path.write_text('device = "x"\n[parameters]\nefficiency = 1.5\n')
    with pytest.raises(BadInputError, match=r"parameters\.efficiency"):
        load_fit(path)
    path.write_text('device = "x"\n[parameters]\neficiency = 0.5\n')
    with pytest.raises(BadInputError, match="eficiency"):
        load_fit(path)


def test_coverage_is_the_range_of_the_points() -> None:
    found = Fit(device="x", parameters=Parameters(), batches=(10, 1000))
    assert "extrapolated" in found.notes(64)[0]
    assert Fit(device="x", parameters=Parameters()).notes(1024) == ()

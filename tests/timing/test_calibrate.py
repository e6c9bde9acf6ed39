from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError
from tailrank.timing import FREE, Fit, Observation, Parameters, Quantity, Roofline, fit, predict
from tailrank.timing.device import Device
from tailrank.zoo import get

MakeDevice = Callable[..., Device]
TRUE = Parameters(efficiency=0.4, half_rows=30.0, outstanding=6.0, operator_us=3.0)
NETWORKS = [get("rmc1"), get("rmc3")]
BATCHES = (1, 16, 64, 300, 1024)


def points_of(device: Device, quantity: Quantity = "total_ms", batches: tuple[int, ...] = BATCHES) -> list[Observation]:
    found = []
    for network in NETWORKS:
        blank = [
            Observation(device=device.name, network=network.name, batch=batch, quantity=quantity, value=1.0)
            for batch in batches
        ]
        truth = Roofline(network, device, fit=Fit(device=device.name, parameters=TRUE))
        values = predict(blank, truth, {})
        found += [replace(point, value=float(value)) for point, value in zip(blank, values, strict=True)]
    return found


def test_known_parameters_are_found_again(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    found = fit(points_of(device), NETWORKS, device, start=Parameters(operator_us=1.0))
    for name in FREE["cpu"]:
        assert getattr(found.parameters, name) == pytest.approx(getattr(TRUE, name), rel=0.02)
    assert found.free == FREE["cpu"]
    assert found.at_bound == ()
    assert (found.batches, found.points) == ((1, 1024), 10)
    assert {each.network for each in found.residuals} == {"rmc1", "rmc3"}
    assert all(each.worst_error < 0.01 for each in found.residuals)


def test_the_same_points_give_the_same_fit(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    assert fit(points_of(device), NETWORKS, device) == fit(points_of(device), NETWORKS, device)


def test_noise_shows_in_the_residuals(simple_cpu: MakeDevice) -> None:
    device, rng = simple_cpu(), np.random.default_rng(1)
    noisy = [replace(point, value=point.value * float(rng.lognormal(0, 0.1))) for point in points_of(device)]
    found = fit(noisy, NETWORKS, device)
    assert all(0 < each.median_error <= each.worst_error for each in found.residuals)
    assert max(each.worst_error for each in found.residuals) > 0.02


def test_errors_are_those_of_the_predictions(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    points = [replace(point, value=2 * point.value) for point in points_of(device)]
    held = fit(points, NETWORKS, device, free=("bag_ns",), start=replace(TRUE, bag_ns=0.5))
    for network, residual in zip(NETWORKS, held.residuals, strict=True):
        theirs = [point for point in points if point.network == network.name]
        found = predict(theirs, Roofline(network, device, fit=held), {})
        errors = np.abs(found - [point.value for point in theirs]) / [point.value for point in theirs]
        assert residual.median_error == pytest.approx(np.median(errors), rel=1e-3)
        assert residual.worst_error == pytest.approx(np.max(errors), rel=1e-3)


def test_shares_alone_cannot_give_a_scale_but_fix_what_is_relative(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    points = points_of(device, "share_matmul") + points_of(device, "share_lookup")
    found = fit(
        points, NETWORKS, device, free=("half_rows", "outstanding", "operator_us"), start=replace(TRUE, half_rows=5)
    )
    assert found.parameters.outstanding == pytest.approx(TRUE.outstanding, rel=0.05)


def test_shares_of_recurrence_matrices_and_lookups_are_disjoint(simple_cpu: MakeDevice) -> None:
    network, device = get("dien"), simple_cpu()
    names: tuple[Quantity, ...] = ("share_matmul", "share_lookup", "share_recurrent")
    points = [Observation(device="x", network="dien", batch=64, quantity=name, value=1) for name in names]
    shares = predict(points, Roofline(network, device, fit=Fit(device="x", parameters=TRUE)), {})
    assert np.all(shares > 0)
    assert shares.sum() < 1


def test_speed_ups_are_over_the_device_named(simple_cpu: MakeDevice, simple_gpu: MakeDevice) -> None:
    network = get("rmc3")
    slow = Roofline(network, simple_cpu(), fit=Fit(device="simple", parameters=TRUE))
    fast = Roofline(network, simple_gpu(), fit=Fit(device="simple-gpu", parameters=TRUE))
    point = Observation(device="simple-gpu", network="rmc3", batch=64, quantity="speedup", value=1.0, over="simple")
    assert predict([point], fast, {"simple": slow})[0] == pytest.approx(slow.seconds(64) / fast.seconds(64))
    with pytest.raises(BadInputError, match="over `simple` need its roofline"):
        fit([point] * 5, network, simple_gpu(), needs=(64,))


def test_times_in_company_are_predicted_in_company(simple_cpu: MakeDevice) -> None:
    network, device = get("rmc2"), simple_cpu(dram_gbps=5.0)
    roofline = Roofline(network, device, fit=Fit(device="simple", parameters=TRUE))
    point = Observation(device="simple", network="rmc2", batch=64, busy=8, quantity="total_ms", value=1.0)
    assert predict([point], roofline, {})[0] == pytest.approx(1e3 * roofline.seconds(64, 8))
    assert roofline.seconds(64, 8) > roofline.seconds(64, 1)


def test_missing_batches_are_asked_for_by_name(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    some = points_of(device, batches=(16, 64, 100, 200, 300))
    with pytest.raises(BadInputError, match="`rmc1` lack batches near 1, 1024") as error:
        fit(some, NETWORKS, device)
    assert "measure batches of 1, 1024" in error.value.hint
    assert fit(some, NETWORKS, device, needs=(16, 256)).batches == (16, 300)
    other = [point for point in points_of(device) if point.network == "rmc1"]
    with pytest.raises(BadInputError, match="`rmc3` lack batches near 1, 64, 1024"):
        fit(other, NETWORKS, device)


def test_fewer_points_than_parameters_are_refused(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    three = [point for point in points_of(device, batches=(1, 64, 1024)) if point.network == "rmc1"]
    with pytest.raises(BadInputError, match="3 points cannot fit 4 parameters"):
        fit(three, NETWORKS[0], device)


def test_an_unknown_parameter_is_refused(simple_cpu: MakeDevice) -> None:
    with pytest.raises(BadInputError, match="no parameter is called `speed`"):
        fit(points_of(simple_cpu()), NETWORKS, simple_cpu(), free=("speed",))


def test_a_parameter_the_points_do_not_settle_is_said_to_be_at_its_bound(simple_cpu: MakeDevice) -> None:
    device = simple_cpu()
    impossible = [replace(point, value=1e-3 * point.value) for point in points_of(device)]
    assert "efficiency" in fit(impossible, NETWORKS, device).at_bound

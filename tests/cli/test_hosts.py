import argparse
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.cli.hosts import SWITCHES, add_host, fits_of, host_of, refuse_switches, services_on, switches_of
from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.core.config import dump
from tailrank.timing import Fit, Switches, device, fit_for, parse_host

HOST = "skylake-40c:cores=4+gtx-1080ti"
POOLS = {"cpu": Pool(workers=4), "gpu": Pool(workers=2, device="cuda")}


def flags(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_host(parser)
    return parser.parse_args(words)


def plan(model: str = "ncf", pools: dict[str, Pool] = POOLS) -> Plan:
    to = "gpu" if "gpu" in pools else None
    return Plan(
        stages=(Stage(model=model, batch_size=64, offload_at=None if to is None else 100, offload_pool=to),),
        pools=pools,
    )


def test_switches_named_are_on_and_the_others_as_in_the_paper() -> None:
    assert switches_of(flags()) == Switches()
    for word, field in SWITCHES.items():
        one = switches_of(flags("--switches", word))
        assert getattr(one, field) is True
        assert all(getattr(one, other) == getattr(Switches(), other) for other in SWITCHES.values() if other != field)
    every = switches_of(flags("--switches", "fused, pinned,int32,overlap,prepared,shared"))
    assert all(getattr(every, field) for field in SWITCHES.values())


@pytest.mark.parametrize("words", ["fast", "fused,", "Fused"])
def test_a_switch_that_does_not_exist_is_named(words: str) -> None:
    with pytest.raises(BadInputError, match="unknown switch"):
        switches_of(flags("--switches", words))


def test_switches_without_a_host_say_nothing() -> None:
    refuse_switches(flags())
    with pytest.raises(BadInputError, match="without a host"):
        refuse_switches(flags("--switches", "fused"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("skylake-41c", "skylake-41c"),
        ("skylake-40c:cores=41", "41"),
        ("gtx-1080ti", "is no CPU"),
        ("skylake-40c+broadwell-28c", "is no GPU"),
        ("skylake-40c+t4+l4", r"t4\+l4"),
        ("absent.toml", "absent.toml"),
    ],
)
def test_an_impossible_host_is_refused(text: str, named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        host_of(flags("--host", text))


@pytest.mark.parametrize(
    ("flag", "value"),
    [("workers", 4), ("memory_gib", 1.0), ("executor", "native"), ("precision", "bf16"), ("gpu", "cuda")],
)
def test_flags_of_this_machine_are_refused_beside_a_host(flag: str, value: object) -> None:
    neutral = {"workers": None, "memory_gib": None, "executor": "auto", "precision": "fp32", "gpu": None}
    both = argparse.Namespace(host=HOST, switches=None, fit=None, **neutral | {flag: value})
    with pytest.raises(BadInputError, match=f"--{flag.replace('_', '-')}"):
        host_of(both)
    assert host_of(argparse.Namespace(host=HOST, switches=None, **neutral)).cores == 4


def test_every_pool_of_the_plan_has_a_service_time_of_its_device() -> None:
    found = services_on(parse_host(HOST), plan(), Switches())
    assert set(found) == {("ncf", "cpu"), ("ncf", "gpu")}
    cpu_ns, gpu_ns = (found["ncf", pool].table(1024, 2).mean_ns for pool in ("cpu", "gpu"))
    assert gpu_ns[0, 1] > cpu_ns[0, 1]  # a launch for every table
    assert gpu_ns[0, 1024] < cpu_ns[0, 1024]


def test_pools_may_have_any_name() -> None:
    named = {"front": Pool(workers=2)}
    one = Plan(stages=(Stage(model="ncf", batch_size=64, pool="front"),), pools=named)
    assert set(services_on(parse_host(HOST), one, Switches())) == {("ncf", "front")}


def test_a_plan_that_the_host_cannot_serve_is_refused() -> None:
    with pytest.raises(BadInputError, match="no `cuda`"):
        services_on(parse_host("skylake-40c"), plan(), Switches())
    with pytest.raises(BadInputError, match="cores"):
        services_on(parse_host("skylake-40c:cores=2"), plan(pools={"cpu": Pool(workers=3)}), Switches())
    with pytest.raises(BadInputError, match="rmc9"):
        services_on(parse_host("skylake-40c"), plan("rmc9", {"cpu": Pool(workers=3)}), Switches())


def fit_file(folder: Path, name: str, **changes: float) -> str:
    """Write the fit of a device of the catalogue with other parameters, as `profile --calibrate` does."""
    known = fit_for(device(name))
    path = folder / f"{name}.toml"
    dump(replace(known, device=name, parameters=replace(known.parameters, **changes)), path)
    return str(path)


def test_a_fit_goes_before_the_catalogues_and_touches_its_own_device_only(tmp_path: Path) -> None:
    host = parse_host(HOST)
    args = flags("--host", HOST, "--fit", fit_file(tmp_path, "skylake-40c", bag_ns=500.0))
    fits = fits_of(args, host)
    assert {name: type(fit) for name, fit in fits.items()} == {"skylake-40c": Fit}
    plain, fitted = (services_on(host, plan(), Switches(), each) for each in (None, fits))
    cpu, gpu = ([each["ncf", pool].table(256, 2).mean_ns for each in (plain, fitted)] for pool in ("cpu", "gpu"))
    assert np.all(cpu[1][:, 1:] > cpu[0][:, 1:])  # a pooled vector now takes longer
    assert np.array_equal(gpu[0], gpu[1])


def test_the_catalogues_own_fit_given_as_a_file_changes_nothing(tmp_path: Path) -> None:
    host = parse_host(HOST)
    words = [word for name in ("skylake-40c", "gtx-1080ti") for word in ("--fit", fit_file(tmp_path, name))]
    fits = fits_of(flags("--host", HOST, *words), host)
    plain, fitted = (services_on(host, plan(), Switches(), each) for each in (None, fits))
    for key in plain:
        assert np.array_equal(plain[key].table(256, 2).mean_ns, fitted[key].table(256, 2).mean_ns)


def test_fits_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    own, other = fit_file(tmp_path, "skylake-40c"), fit_file(tmp_path, "t4")
    host = parse_host(HOST)
    with pytest.raises(BadInputError, match="is of `t4`, which --host"):
        fits_of(flags("--fit", other), host)
    with pytest.raises(BadInputError, match="second fit of `skylake-40c`"):
        fits_of(flags("--fit", own, "--fit", own), host)
    with pytest.raises(BadInputError, match=r"absent\.toml"):
        fits_of(flags("--fit", "absent.toml"), host)
    with pytest.raises(BadInputError, match="without a host"):
        refuse_switches(flags("--fit", own))

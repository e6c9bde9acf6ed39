from pathlib import Path

import pytest

from tailrank.core import BadInputError
from tailrank.core.config import dump, load
from tailrank.workload import (
    Bursty,
    Diurnal,
    Fixed,
    LogNormal,
    MLPerf,
    Poisson,
    Production,
    Replay,
    ReplayAccess,
    StackDistance,
    Workload,
    Zipf,
    load_workload,
    parse_accesses,
    parse_arrivals,
    parse_sizes,
    workload_from_dict,
)


def written(tmp_path, text) -> Path:
    path = tmp_path / "workload.toml"
    path.write_text(text)
    return path


def test_an_empty_file_is_the_default(tmp_path):
    assert load_workload(written(tmp_path, "")) == Workload()
    assert Workload() == Workload(arrivals=Poisson(), sizes=Production())


def test_a_file_with_every_part(tmp_path):
    path = written(
        tmp_path,
        '[arrivals]\nkind = "bursty"\ncv = 3\n[sizes]\nkind = "fixed"\nsize = 9\n'
        '[accesses]\nkind = "zipf"\nexponent = 0.9\n',
    )
    expected = Workload(arrivals=Bursty(cv=3.0), sizes=Fixed(size=9), accesses=Zipf(exponent=0.9))
    assert load_workload(path) == expected == load(Workload, path)


@pytest.mark.parametrize(
    "workload",
    [
        Workload(),
        Workload(arrivals=Bursty(cv=3.0, model="mmpp"), sizes=MLPerf(), accesses=StackDistance(new=0.5)),
        Workload(
            arrivals=Replay(path="x.csv", day=2), sizes=LogNormal(), accesses=ReplayAccess(path="k", width_bytes=4)
        ),
        Workload(arrivals=Diurnal(peak=1.2)),
    ],
)
def test_what_is_written_is_read_back_equal(tmp_path, workload):
    path = tmp_path / "workload.toml"
    dump(workload, path)
    assert load_workload(path) == workload == load(Workload, path)


@pytest.mark.parametrize(
    ("text", "says", "hints"),
    [
        ('[arrivals]\nkind = "poison"\n', "unknown kind `poison`", "did you mean `poisson`? known: bursty"),
        ("[sizes]\nsize = 3\n", "sizes: `kind` is missing", "mlperf"),
        ('[arrivals]\nkind = "bursty"\ncvv = 3\n', "unknown field `cvv`", "did you mean `cv`?"),
        ('[arrivals]\nkind = "bursty"\ncv = "a"\n', "cv: Expected `float`", ""),
        ('[arrivals]\nkind = "bursty"\ncv = -1\n', "cv must be above zero", "4 is bursty"),
        ('[arrivals]\nkind = ["a"]\n', "unknown kind", "known"),
        ("[arrival]\n", "unknown field `arrival`", "did you mean `arrivals`?"),
        ("arrivals = 3\n", "arrivals: Expected `object", ""),
        ("arrivals = ", "not valid TOML", ""),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, text, says, hints):
    path = written(tmp_path, text)
    with pytest.raises(BadInputError) as caught:
        load_workload(path)
    assert str(path) in caught.value.message
    assert says in caught.value.message
    assert hints in caught.value.hint
    with pytest.raises(BadInputError, match=r"workload\.toml"):
        load(Workload, path)


def test_a_workload_inside_another_config_names_its_source():
    assert workload_from_dict({"sizes": {"kind": "fixed", "size": 2}}) == Workload(sizes=Fixed(size=2))
    with pytest.raises(BadInputError, match=r"run\.toml: sizes: unknown kind `x`"):
        workload_from_dict({"sizes": {"kind": "x"}}, source="run.toml")
    with pytest.raises(BadInputError):
        workload_from_dict(3)


@pytest.mark.parametrize(
    ("parse", "flag", "expected"),
    [
        (parse_arrivals, "poisson", Poisson()),
        (parse_arrivals, "bursty:cv=4", Bursty(cv=4.0)),
        (parse_arrivals, "bursty: cv = 2.5 , model=mmpp", Bursty(cv=2.5, model="mmpp")),
        (parse_arrivals, "replay:path=a=b.csv,day=3,repeat=true", Replay(path="a=b.csv", day=3, repeat=True)),
        (parse_arrivals, "replay:path=7", Replay(path="7")),
        (parse_arrivals, "diurnal:period_s=60", Diurnal(period_s=60.0)),
        (parse_sizes, "lognormal:mu=5.1,sigma=0.2", LogNormal()),
        (parse_sizes, "fixed:size=3", Fixed(size=3)),
        (parse_accesses, "zipf:exponent=1", Zipf(exponent=1.0)),
        (parse_accesses, "stack-distance:new=0.5", StackDistance(new=0.5)),
        (parse_accesses, "replay:path=k.xz,width_bytes=4", ReplayAccess(path="k.xz", width_bytes=4)),
    ],
)
def test_shorthand(parse, flag, expected):
    assert parse(flag) == expected


@pytest.mark.parametrize(
    ("parse", "flag", "says"),
    [
        (parse_arrivals, "poison", "unknown kind `poison`"),
        (parse_arrivals, "", "`kind` is missing"),
        (parse_arrivals, "poisson:rate=3", "unknown field `rate`"),
        (parse_arrivals, "bursty:cv", "`cv` is not name=value"),
        (parse_arrivals, "bursty:=4", "not name=value"),
        (parse_arrivals, "bursty:cv=x", "cv: Expected `float`"),
        (parse_arrivals, "bursty:cv=1,cv=2", "given twice"),
        (parse_arrivals, "bursty:kind=poisson", "given twice"),
        (parse_arrivals, "bursty:cv=nan", "cv must be above zero"),
        (parse_arrivals, "replay", "required field `path`"),
        (parse_sizes, "fixed:size=2.5", "size: Expected `int`"),
        (parse_sizes, "zipf", "unknown kind `zipf`"),
        (parse_accesses, "replay:path=k,width_bytes=5", "width_bytes"),
    ],
)
def test_bad_shorthand_is_refused(parse, flag, says):
    with pytest.raises(BadInputError) as caught:
        parse(flag)
    assert says in caught.value.message
    assert flag in caught.value.message
    assert caught.value.hint

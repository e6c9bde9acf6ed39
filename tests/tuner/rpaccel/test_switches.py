from tailrank.accelerator import bug_names
from tailrank.tuner.rpaccel.switches import bug_effects, combined


def test_every_switch_shows_on_some_design_of_each_mode() -> None:
    rows = bug_effects()
    assert {row["bug"] for row in rows} == set(bug_names())
    for name in bug_names():
        same = [row for row in rows if row["bug"] == name]
        if name == "no_energy":
            assert {row["energy_mj"] > 0 for row in same if row["mode"] == "released"} == {True}
            assert {row["energy_mj"] for row in same if row["mode"] == "corrected"} == {0.0}
        else:
            assert any(abs((row["latency"] or 1.0) - 1) > 1e-5 for row in same), name


def test_what_correcting_several_gives_is_what_was_derived_by_hand() -> None:
    rows = {row["corrected"]: row for row in combined()}
    assert round(rows["link and filter"]["latency_gain"], 2) == 3.81
    assert round(rows["link and filter"]["capacity_qps"]) == 2665
    fair = rows["link, filter, widths, bandwidth of 1/64"]
    assert (round(fair["latency_gain"], 2), round(fair["capacity_gain"], 1)) == (3.34, 6.6)
    assert (round(fair["capacity_qps"]), round(fair["smallest_capacity_qps"])) == (3092, 4522)
    assert round(fair["smallest_latency_ms"], 1) == 12.4

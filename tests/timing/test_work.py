import pytest

from tailrank.timing.work import inputs, intensity, operators
from tailrank.zoo import OPERATORS, get, names

ALL = names()


@pytest.mark.parametrize("name", ALL)
def test_operators_add_up_to_the_network(name: str) -> None:
    network = get(name)
    work = operators(network)
    lookups = [each for each in work if each.kind == "lookup"]
    assert len({each.name for each in work}) == len(work)
    assert sum(each.flops_per_item for each in work) == pytest.approx(network.flops_per_item)
    for operator in OPERATORS:
        theirs = sum(each.flops_per_item for each in work if each.operator == operator)
        assert theirs == pytest.approx(network.operator_flops[operator])
    assert sum(each.weight_bytes for each in work) == 4 * network.fc_parameters
    assert sum(each.rows_per_item for each in lookups) == network.lookups_per_item
    assert sum(each.row_bytes_per_item for each in lookups) == network.embedding_bytes_per_item
    assert sum(each.table_bytes for each in lookups) == network.table_bytes
    assert sum(each.launches_per_table for each in lookups) == len(network.tables)


@pytest.mark.parametrize("name", ALL)
def test_one_launch_for_all_tables_of_a_group_when_fused(name: str) -> None:
    network = get(name)
    lookups = [each for each in operators(network) if each.kind == "lookup"]
    assert sum(each.all_launches(fused_lookup=True) for each in lookups) == len(network.groups)
    assert sum(each.all_launches(fused_lookup=False) for each in lookups) == len(network.tables)
    for each in operators(network):
        assert each.all_launches(fused_lookup=True) <= each.all_launches(fused_lookup=False)


def test_states_of_a_recurrence_follow_one_another_and_its_inputs_do_not() -> None:
    by_name = {each.name: each for each in operators(get("dien-artifact"))}
    assert (by_name["first_state.0"].steps, by_name["first_state.0"].positions) == (40, 1)
    assert (by_name["first_input.0"].steps, by_name["first_input.0"].positions) == (1, 40)
    assert by_name["top.0"].all_launches(fused_lookup=False) == 1
    assert by_name["first_state.0"].all_launches(fused_lookup=False) == 40


def test_every_attention_unit_of_its_own_weights_is_a_launch() -> None:
    one, many = (
        sum(each.all_launches(fused_lookup=False) for each in operators(get(name)) if each.operator == "attention")
        for name in ("din-artifact", "din-artifact-251")
    )
    assert many == 251 * one


def test_inputs_are_ids_lengths_and_dense_numbers() -> None:
    rmc1 = inputs(get("rmc1-artifact"))
    assert (rmc1.ids_per_item, rmc1.bags_per_item, rmc1.dense_per_item, rmc1.tensors) == (640, 8, 128, 17)
    assert rmc1.bytes_per_item(int32_ids=False) == 640 * 8 + 8 * 4 + 128 * 4
    assert rmc1.bytes_per_item(int32_ids=True) == 640 * 4 + 8 * 4 + 128 * 4


def test_tables_that_read_the_ids_of_others_bring_none() -> None:
    network = get("ncf")
    assert network.lookups_per_item == 4
    assert inputs(network).ids_per_item == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rmc2-artifact", (0.39, 0.88, 0.90)), ("rmc3-artifact", (0.50, 28, 168)), ("wnd-artifact", (0.50, 31, 358))],
)
def test_intensity_climbs_with_the_batch_for_wide_layers_and_not_for_lookups(
    name: str, expected: tuple[float, ...]
) -> None:
    network = get(name)
    found = [intensity(network, items) for items in (1, 64, 1024)]
    assert found == pytest.approx(expected, rel=0.08)

import pytest

from tailrank.models import counted_flops, operators
from tailrank.zoo import OPERATORS, names


@pytest.mark.parametrize("name", names())
def test_counted_flops_are_the_zoos(tiny, name):
    """The zoo's arithmetic against what torch dispatches; element-wise work explains the little that lacks."""
    model = tiny(name)
    network = model.network
    products = sum(flops for operator, flops in network.products if operator != "lookup")
    counted = counted_flops(model, 6) / 6
    if network.interaction == "dot":  # torch multiplies all vectors with all, the zoo counts each pair once
        vectors = len(network.tables) + 1
        assert products == vectors * (vectors - 1) // 2 * 2 * network.tables[0].dim
        counted -= vectors**2 * 2 * network.tables[0].dim - products
    assert network.flops_per_item - products <= counted <= network.flops_per_item


@pytest.mark.parametrize("name", names())
def test_shares_sum_to_one_and_name_the_classes_present(tiny, name):
    shares = operators(tiny(name), 4, repeats=3)
    assert tuple(shares) == OPERATORS
    assert sum(shares.values()) == pytest.approx(1.0)
    assert all(share >= 0 for share in shares.values())
    present = {operator for operator, flops in tiny(name).network.operator_flops.items() if flops}
    assert all(shares[operator] > 0 for operator in present | {"lookup", "fc", "interaction"})
    assert shares["recurrent"] == 0 or "recurrent" in present
    assert shares["attention"] == 0 or "attention" in present


def test_hooks_are_gone_afterwards(tiny):
    model = tiny("ncf")
    operators(model, 2, repeats=1)
    counted_flops(model, 2)
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in model.module.modules())

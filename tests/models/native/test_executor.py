"""The native executor against the modules it was made from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank import zoo
from tailrank.core import BadInputError
from tailrank.metrics import fidelity
from tailrank.models.native import lower, native_executor
from tailrank.native import Compiled, available, paths, why_not

pytestmark = pytest.mark.skipif(not available(), reason=f"no native executor: {why_not()}")

FAMILIES = sorted({zoo.get(name).family for name in zoo.names()})
RELATIVE = 1e-5


@pytest.mark.parametrize("path", paths())
@pytest.mark.parametrize("name", zoo.names())
def test_every_network_scores_as_torch_does(tiny, arrays, name, path):
    model = tiny(name)
    compiled = Compiled(lower(model.module, model.network), path=path)
    for items in (1, 2, 15, 70):
        inputs = model.inputs(items, seed=items)
        np.testing.assert_allclose(compiled(arrays(inputs)), model.score(inputs).numpy(), rtol=RELATIVE, atol=1e-7)


@pytest.mark.parametrize("path", paths())
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(data=st.data(), items=st.integers(1, 40), seed=st.integers(0, 1000))
def test_any_network_of_a_family_scores_as_torch_does(models, arrays, family, path, data, items, seed):
    model = data.draw(models(family))
    inputs = model.inputs(items, seed=seed)
    found = Compiled(lower(model.module, model.network), path=path)(arrays(inputs))
    np.testing.assert_allclose(found, model.score(inputs).numpy(), rtol=RELATIVE, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize("name", zoo.names()[:8])
def test_reduced_precision_hardly_changes_the_ranking(tiny, name, precision):
    model = tiny(name)
    inputs = model.inputs(512, seed=5)
    expected = model.score(inputs).numpy()
    found = native_executor(model, precision)(inputs).numpy()
    assert not np.array_equal(found, expected)  # it really is another precision
    assert fidelity(expected, found, 64).ndcg > 0.95


def test_says_what_it_is(tiny):
    facts = native_executor(tiny("rmc1"), "bf16").facts()
    assert facts["executor"] == "native"
    assert facts["precision"] == "bf16"
    assert facts["instructions"] in paths()
    assert facts["own_bytes"] > 0


def test_an_id_beyond_the_tables_is_refused(tiny):
    model = tiny("ncf")
    (ids,) = model.inputs(3)
    ids[1, 2] = 2**30
    with pytest.raises(BadInputError, match="input 0, item 1, column 2"):
        native_executor(model)((ids,))

import pytest

from tailrank.report.study.others import Other, bert_base, others, resnet_50
from tailrank.zoo import get


def test_resnet_50_has_the_published_size() -> None:
    # torchvision's resnet50: 25,557,032 parameters of which 53,120 are of batch norms; 4.09 G multiply-accumulates
    network = resnet_50()
    assert network.parameters == 25_557_032 - 53_120
    assert network.flops / 2 == pytest.approx(4.09e9, rel=0.003)
    assert len(network.layers) == 1 + 16 * 3 + 4 + 1


def test_bert_base_has_the_published_size() -> None:
    # 109,482,240 parameters: embeddings with their norm, twelve layers with two norms each, a pooler
    embeddings, pooler, norms = (30_522 + 512 + 2 + 2) * 768, 769 * 768, 12 * 4 * 768
    assert bert_base().parameters == 109_482_240 - embeddings - pooler - norms
    # 85 M weights of matrices used once a token each, and two products of 128 x 128 x 768 a layer
    assert bert_base().flops == 2 * 128 * 12 * (4 * 768**2 + 2 * 768 * 3072) + 12 * 4 * 128**2 * 768


def test_attention_grows_with_the_square_of_the_sequence() -> None:
    def attention(network: Other) -> int:
        return sum(layer.multiplies for layer in network.layers if layer.parameters == 0)

    assert attention(bert_base(256)) == 4 * attention(bert_base(128))


@pytest.mark.parametrize("network", others(), ids=lambda network: network.name)
def test_intensity_rises_with_the_batch_towards_flops_over_activations(network: Other) -> None:
    found = [network.intensity(batch) for batch in (1, 2, 64, 1024, 10**9)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(network.flops / network.input_bytes, rel=1e-3)
    assert found[0] < network.flops / (4 * network.parameters)


def test_recommenders_do_less_work_for_a_random_row_than_bert() -> None:
    bert = bert_base()
    most = max(get(name).flops_per_item / get(name).lookups_per_item for name in ("rmc1", "rmc2", "rmc3", "ncf", "wnd"))
    assert most < bert.flops / bert.random_reads / 100
    assert resnet_50().random_reads == 0

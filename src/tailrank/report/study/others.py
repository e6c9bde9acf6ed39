"""Two networks that are not recommenders, from their published shapes: what recommendation is compared with.

Conventions as in `zoo`: a multiply-accumulate is two FLOPs, biases, norms and activations count none, numbers are
fp32. Unlike there, what a layer reads and writes beside its weights counts as memory traffic, since it does not stay
in a core's cache: that lowers the intensity shown, so the distance to the recommenders is a lower bound.
"""

from dataclasses import dataclass

__all__ = ["Layer", "Other", "bert_base", "others", "resnet_50"]

FP32_BYTES = 4


@dataclass(frozen=True)
class Layer:
    """One layer for one input: multiply-accumulates, parameters, and numbers read and written beside those."""

    name: str
    multiplies: int
    parameters: int
    activations: int


@dataclass(frozen=True)
class Other:
    """A network that is no recommender; `random_reads` counts table rows that one input reads at random."""

    name: str
    source: str
    layers: tuple[Layer, ...]
    random_reads: int = 0

    @property
    def flops(self) -> int:
        """FLOPs for one input."""
        return 2 * sum(layer.multiplies for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def input_bytes(self) -> int:
        """Bytes read and written for one input, beside the weights."""
        return FP32_BYTES * sum(layer.activations for layer in self.layers)

    def intensity(self, batch: int) -> float:
        """FLOPs per byte of memory at `batch` inputs: weights are read once a batch, all else per input."""
        return batch * self.flops / (FP32_BYTES * self.parameters + batch * self.input_bytes)


def others() -> tuple[Other, ...]:
    """Return ResNet-50 and BERT-base."""
    return resnet_50(), bert_base()


def resnet_50() -> Other:
    """ResNet-50 on 224 x 224 images, strides in the 3 x 3 convolutions; batch norms are folded into the weights."""
    layers = [_convolution("stem", 3, 64, 7, 224, 2)]
    side, width = 56, 64  # behind the 3 x 3 pooling of stride 2
    for stage, (blocks, narrow) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for block in range(blocks):
            stride = 2 if stage > 1 and block == 0 else 1
            name = f"stage {stage} block {block + 1}"
            layers += [
                _convolution(f"{name} 1x1 in", width, narrow, 1, side, 1),
                _convolution(f"{name} 3x3", narrow, narrow, 3, side, stride),
                _convolution(f"{name} 1x1 out", narrow, 4 * narrow, 1, side // stride, 1),
            ]
            if block == 0:
                layers.append(_convolution(f"{name} shortcut", width, 4 * narrow, 1, side, stride))
            side, width = side // stride, 4 * narrow
    layers.append(_dense("classes", 1, width, 1000))
    return Other("ResNet-50", "He et al., CVPR 2016, table 1; strides as in torchvision", tuple(layers))


def bert_base(positions: int = 128) -> Other:
    """BERT-base's encoder over one sequence of `positions` tokens: 12 layers, hidden 768, 12 heads."""
    hidden, inner = 768, 3072
    layers: list[Layer] = [Layer("embeddings", 0, 0, 4 * positions * hidden)]  # word, position, type; and the sum
    for number in range(1, 13):
        name = f"layer {number}"
        layers += [_dense(f"{name} {part}", positions, hidden, hidden) for part in ("query", "key", "value", "output")]
        layers += [
            _attention(f"{name} scores", positions, hidden),
            _attention(f"{name} mixture", positions, hidden),
            _dense(f"{name} inner", positions, hidden, inner),
            _dense(f"{name} outer", positions, inner, hidden),
        ]
    return Other(
        f"BERT-base, {positions} tokens", "Devlin et al., NAACL 2019, section 3", tuple(layers), random_reads=positions
    )


def _convolution(name: str, inputs: int, outputs: int, kernel: int, side: int, stride: int) -> Layer:
    """Return a convolution over `inputs` x `side` x `side`, padded to keep the side but for its `stride`."""
    weights, pixels = inputs * outputs * kernel * kernel, (side // stride) ** 2
    return Layer(name, weights * pixels, weights, inputs * side * side + outputs * pixels)


def _dense(name: str, rows: int, inputs: int, outputs: int) -> Layer:
    return Layer(name, rows * inputs * outputs, (inputs + 1) * outputs, rows * (inputs + outputs))


def _attention(name: str, positions: int, hidden: int) -> Layer:
    """Return one of attention's two products of activations; all 12 heads hold `positions` squared weights each."""
    return Layer(name, positions * positions * hidden, 0, 2 * positions * hidden + 12 * positions * positions)

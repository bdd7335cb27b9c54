"""What style transfer looks at: features of some layers of a network, some for style and some for content."""

from dataclasses import dataclass

import keras
from keras import layers

from .networks import style

VGG19_STYLE = tuple(f"block{index}_conv1" for index in range(1, 6))  # relu1_1 to relu5_1
VGG19_CONTENT = ("block4_conv2",)
LARGE_SIDE = 512  # pixels, at which every network that takes images of any size has features


@dataclass(frozen=True)
class FeatureExtractor:
    """`network`: images float32 in [-1, 1] of any size -> {layer: features (batch, height, width, channels)}.

    `style_layers` and `content_layers` name the layers for either; sides need at least `min_side_pixels`.
    """

    network: keras.Model
    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]
    min_side_pixels: int

    @property
    def n_channels(self) -> int:
        """Of the images that it takes."""
        return self.network.input_shape[-1]


def after_each_block(network: keras.Model) -> FeatureExtractor:
    """Features of a network of layers one after another, such as a classifier, at the end of each convolution block.

    A block ends before the next layer that makes features smaller. All blocks are for style. For content are all but
    the last: deep ones alone leave colours and details of a pixel's size free, which Adam turns into garish dots.
    Raises ValueError for a network with branches, without convolutions, or that takes images of one size only.
    """
    chain = _chain(network)
    ends, convolved = [], False
    for layer, following in zip(chain, [*chain[1:], None], strict=True):
        convolved |= isinstance(layer, layers.Conv2D)
        if convolved and layer.output.ndim == 4 and (following is None or _shrinks(following)):
            ends.append(layer.name)
    if not ends:
        raise ValueError(f"{network.name} has no convolutions, whose features style transfer needs")
    features = _features(network, ends)
    return FeatureExtractor(features, tuple(ends), tuple(ends[:-1] or ends), _min_side_pixels(features))


def of_vgg19(network: keras.Model) -> FeatureExtractor:
    """Those of Gatys et al. 2016, of what `networks.style.vgg19` builds."""
    features = _features(network, {*VGG19_STYLE, *VGG19_CONTENT})
    return FeatureExtractor(features, VGG19_STYLE, VGG19_CONTENT, style.VGG19_MIN_SIDE)


def _features(network, names) -> keras.Model:
    """The network's own layers, applied to images of any size: outputs of those with these names."""
    image = keras.Input((None, None, network.input_shape[-1]))
    features, x = {}, image
    for layer in _chain(network):
        x = layer(x)
        if layer.name in names:
            features[layer.name] = x
        if len(features) == len(names):
            break
    return keras.Model(image, features, name=network.name)


def _min_side_pixels(features) -> int:
    """The shortest side from which something is left at the last layer."""
    if not _takes(features, LARGE_SIDE):
        raise ValueError(f"{features.name} does not take images of other sizes than its own")
    return next(side for side in range(style.MIN_SIDE, LARGE_SIDE + 1) if _takes(features, side))


def _takes(features, side: int) -> bool:
    try:
        features.compute_output_shape((1, side, side, features.input_shape[-1]))
    except ValueError:  # a layer would have less than a pixel, or another size than it was made for
        return False
    return True


def _shrinks(layer) -> bool:
    """Whether features become smaller, or no features at all."""
    if layer.output.ndim != 4:
        return True
    return layer.compute_output_shape((1, LARGE_SIDE, LARGE_SIDE, layer.input.shape[-1]))[1] < LARGE_SIDE


def _chain(network) -> list:
    """The layers between image and output; raises ValueError if any has several inputs."""
    chain = [layer for layer in network.layers if not isinstance(layer, layers.InputLayer)]
    if isinstance(network, keras.Sequential):
        return chain
    inputs = [network.inputs[0], *(layer.output for layer in chain[:-1])]
    if len(network.inputs) > 1 or any(layer.input is not x for layer, x in zip(chain, inputs, strict=True)):
        raise ValueError(f"{network.name} is not one layer after another")
    return chain

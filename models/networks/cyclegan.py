"""CycleGAN's residual generator and patch discriminator (Zhu et al. 2017, appendix 7.2; Isola et al. 2017).

The slides on FER2013 use them with six residual blocks. The defaults are the authors' sizes. Images are float32 in
[-1, 1], of any size from 8 x 8 and any number of channels. All kernels start from N(0, 0.02^2). Instance normalisation
has no weights, as in the authors' code, so every convolution has a bias.
"""

import keras
from keras import layers, ops

from .scaled import Scaled

NEGATIVE_SLOPE = 0.2
MAX_DOWNSAMPLINGS = 2
MIN_SIDE_OF_FEATURES = 3  # before the last two convolutions, which take a pixel each: 4 or more values are normalised


@keras.saving.register_keras_serializable("class_balancing")
class ReflectionPadding2D(layers.ZeroPadding2D):
    """Pads (batch, height, width, channels) by mirroring it at the centres of its border pixels.

    Takes the arguments of Keras' ZeroPadding2D; each side must have more pixels than it is padded with.
    """

    def call(self, inputs):
        return ops.pad(inputs, ((0, 0), *self.padding, (0, 0)), mode="reflect")


def check_sides(image_shape: tuple[int, int, int]) -> None:
    """Raise ValueError if a side has fewer than 8 pixels."""
    Scaled(image_shape)


def residual_generator(image_shape: tuple[int, int, int], n_filters: int = 64, n_blocks: int = 6) -> keras.Model:
    """G or F: image -> image in (-1, 1) of the same shape.

    A 7 x 7 convolution with `n_filters`, two strided ones that double the filters, `n_blocks` residual blocks, and the
    same way back. Images with a side under 32 pixels are halved once instead of twice. A side that cannot be halved so
    often is padded by reflection, and the output is cropped. Raises ValueError if a side has fewer than 8 pixels.
    """
    n_downsamplings = min(MAX_DOWNSAMPLINGS, Scaled(image_shape).n_halvings)
    height, width, n_channels = image_shape
    over = [-side % 2**n_downsamplings for side in (height, width)]
    image = keras.Input(image_shape, name="image")
    x = image
    if any(over):
        x = ReflectionPadding2D(((0, over[0]), (0, over[1])))(x)
    x = ReflectionPadding2D(3)(x)
    x = layers.ReLU()(_normalised(_convolution(n_filters, 7)(x)))
    for index in range(1, n_downsamplings + 1):
        x = layers.ReLU()(_normalised(_convolution(n_filters * 2**index, 3, 2, "same")(x)))
    for _ in range(n_blocks):
        x = _residual_block(x, n_filters * 2**n_downsamplings)
    for index in reversed(range(n_downsamplings)):
        x = layers.Conv2DTranspose(n_filters * 2**index, 3, 2, "same", kernel_initializer=_normal())(x)
        x = layers.ReLU()(_normalised(x))
    x = ReflectionPadding2D(3)(x)
    x = layers.Activation("tanh")(_convolution(n_channels, 7)(x))
    if any(over):
        x = layers.Cropping2D(((0, over[0]), (0, over[1])))(x)
    return keras.Model(image, x, name="residual_generator")


def patch_discriminator(image_shape: tuple[int, int, int], n_filters: int = 64, n_layers: int = 3) -> keras.Model:
    """D, or the critic: image -> scores (batch, n_rows, n_columns, 1), one for each overlapping patch of the image.

    `n_layers` strided convolutions and two with stride 1, all 4 x 4: patches of 16, 34 or 70 pixels with 1, 2 or 3
    layers. There is no sigmoid: least squares and Wasserstein losses take the scores as they are. Small images get
    fewer layers. The layer "features" holds what the last convolution sees. Raises ValueError if a side has fewer than
    8 pixels.
    """
    side = min(Scaled(image_shape).image_shape[:2])
    while side // 2**n_layers < MIN_SIDE_OF_FEATURES:
        n_layers -= 1
    image = keras.Input(image_shape, name="image")
    x = layers.LeakyReLU(NEGATIVE_SLOPE)(_patch_convolution(image, n_filters, strides=2))
    for index in range(1, n_layers + 1):
        x = _patch_convolution(x, n_filters * min(2**index, 8), strides=2 if index < n_layers else 1)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name="features" if index == n_layers else None)(_normalised(x))
    return keras.Model(image, _patch_convolution(x, 1, strides=1), name="patch_discriminator")


def _residual_block(x, n_filters):
    inputs = x
    x = layers.ReLU()(_normalised(_convolution(n_filters, 3)(ReflectionPadding2D(1)(x))))
    x = _normalised(_convolution(n_filters, 3)(ReflectionPadding2D(1)(x)))
    return layers.Add()([inputs, x])


def _patch_convolution(x, n_filters, strides):
    return _convolution(n_filters, 4, strides)(layers.ZeroPadding2D(1)(x))


def _convolution(n_filters, size, strides=1, padding="valid"):
    return layers.Conv2D(n_filters, size, strides, padding, kernel_initializer=_normal())


def _normalised(x):
    """Instance normalisation: each channel of each image to mean 0 and variance 1."""
    return layers.GroupNormalization(groups=-1, epsilon=1e-5, center=False, scale=False)(x)


def _normal():
    return keras.initializers.RandomNormal(stddev=0.02)  # one for each layer: an initializer repeats its values

"""Generator, discriminator and critic after DCGAN (Radford et al. 2016, arXiv:1511.06434), for images of any size.

The slides on FER2013 name DCGAN for "the fake GAN" and print its layers in words: strided transposed convolutions with
batch normalisation and ReLU, strided convolutions with batch normalisation and LeakyReLU. For 48 x 48 x 1 these are
G 6 x 6 x 256-128-64-1 and D 64-128-256. Convolutions have 4 x 4 kernels, no biases where batch normalisation follows,
and weights from N(0, 0.02). Images are float32 in [-1, 1], of any size from 8 x 8 and any number of channels.

Beyond the source the networks know the class. A condition (batch, n_classes) is the one-hot class times a weight in
[0, 1]; with weight 0 they are the source's networks. G moves z by the class's embedding, D adds the inner product of
its features with the class's (Miyato and Koyama 2018, arXiv:1802.05637).
"""

import keras
from keras import layers

from ..layers import BatchNormalization

KERNEL_SIDE = 4
NEGATIVE_SLOPE = 0.2
INITIAL_DEVIATION = 0.02
EMBEDDING_DEVIATION = 0.3  # that of z is 1; with embeddings as long as z G learns one image a class and forgets z
MOMENTUM = 0.9  # of the statistics of batch normalisation, as in the source's code; Keras' 0.99 needs long trainings
MIN_SIDE = 8
MAX_WIDENING = 8  # the widest layer has so many times the filters of the one next to the image


def generator(image_shape: tuple[int, int, int], n_classes: int, latent_size: int, n_filters: int) -> keras.Model:
    """G: [condition (batch, n_classes), z (batch, latent_size)] -> image in (-1, 1).

    `n_filters` is the width of the layer next to the image; inwards widths double as sides halve. Sides that are no
    multiples are rounded up, and what is over is cropped. Raises ValueError if a side is under 8 pixels.
    """
    height, width, n_channels = image_shape
    *outer, innermost = _widths(image_shape, n_filters)
    factor = 2 ** (len(outer) + 1)
    start_height, start_width = -(-height // factor), -(-width // factor)
    condition, latent = keras.Input((n_classes,), name="condition"), keras.Input((latent_size,), name="z")
    embedding = _normal(EMBEDDING_DEVIATION)
    embedded = layers.Dense(latent_size, use_bias=False, kernel_initializer=embedding, name="class_embedding")
    x = layers.Add()([latent, embedded(condition)])
    x = layers.Dense(start_height * start_width * innermost, use_bias=False, kernel_initializer=_normal())(x)
    x = layers.Reshape((start_height, start_width, innermost))(x)
    x = layers.ReLU()(BatchNormalization(momentum=MOMENTUM)(x))
    for n in reversed(outer):
        x = _transposed_convolution(n)(x)
        x = layers.ReLU()(BatchNormalization(momentum=MOMENTUM)(x))
    x = _transposed_convolution(n_channels)(x)
    over = (start_height * factor - height, start_width * factor - width)
    if any(over):
        x = layers.Cropping2D(((0, over[0]), (0, over[1])))(x)
    return keras.Model([condition, latent], layers.Activation("tanh")(x), name="dcgan_generator")


def discriminator(image_shape: tuple[int, int, int], n_classes: int, n_filters: int) -> keras.Model:
    """DCGAN's D: [image, condition (batch, n_classes)] -> logit (batch, 1) of the probability that it is real.

    Its source ends with the sigmoid, which is part of the loss here. Raises ValueError if a side is under 8 pixels.
    """
    image = keras.Input(image_shape, name="image")
    x = image
    for index, n in enumerate(_widths(image_shape, n_filters)):
        x = _convolution(n, use_bias=False)(x)
        x = BatchNormalization(momentum=MOMENTUM)(x) if index else x  # not next to the image
        x = layers.LeakyReLU(NEGATIVE_SLOPE)(x)
    return _judging(image, x, n_classes, "dcgan_discriminator")


def critic(image_shape: tuple[int, int, int], n_classes: int, n_filters: int) -> keras.Model:
    """WGAN-GP's D: [image, condition (batch, n_classes)] -> value (batch, 1), of any size.

    As DCGAN's but with biases instead of batch normalisation, since the penalty is on the gradient of each image by
    itself. Raises ValueError if a side is under 8 pixels.
    """
    image = keras.Input(image_shape, name="image")
    x = image
    for n in _widths(image_shape, n_filters):
        x = layers.LeakyReLU(NEGATIVE_SLOPE)(_convolution(n, use_bias=True)(x))
    return _judging(image, x, n_classes, "wgan_gp_critic")


def _judging(image, x, n_classes: int, name: str) -> keras.Model:
    """From the last features (batch, height, width, n): a linear function of them, and another for each class."""
    condition = keras.Input((n_classes,), name="condition")
    features = layers.Flatten()(x)  # (batch, n_features)
    value = layers.Dense(1, use_bias=False, kernel_initializer=_normal(), name="value")(features)
    of_class = layers.Dense(features.shape[-1], use_bias=False, kernel_initializer=_normal(), name="class_embedding")(
        condition
    )
    value_in_class = layers.Dot(axes=-1)([features, of_class])  # (batch, 1)
    return keras.Model([image, condition], layers.Add()([value, value_in_class]), name=name)


def _widths(image_shape, n_filters: int) -> list[int]:
    """Filters of each halving from the image inwards, to 4 to 7 pixels at the shorter side; at least two halvings."""
    side = min(image_shape[:2])
    if side < MIN_SIDE:
        raise ValueError(
            f"images must have sides of at least {MIN_SIDE} pixels, got {image_shape[0]} x {image_shape[1]}"
        )
    n_halvings = max(2, (side // 4).bit_length() - 1)
    return [n_filters * min(2**index, MAX_WIDENING) for index in range(n_halvings)]


def _convolution(n_filters: int, use_bias: bool):
    return layers.Conv2D(n_filters, KERNEL_SIDE, 2, "same", use_bias=use_bias, kernel_initializer=_normal())


def _transposed_convolution(n_filters: int):
    return layers.Conv2DTranspose(n_filters, KERNEL_SIDE, 2, "same", use_bias=False, kernel_initializer=_normal())


def _normal(deviation: float = INITIAL_DEVIATION):
    return keras.initializers.RandomNormal(stddev=deviation)  # one for each layer, or they would draw the same

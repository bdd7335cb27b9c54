"""Encoders and decoders of autoencoders. Images are float32 in [-1, 1] with any number of channels.

The dense ones are the slides': layers with fewer and fewer nodes down to the code, and their mirror image. The
convolutional ones are DeepSMOTE's (Dablain et al. 2021, arXiv:2105.02340, as in its authors' code) for images of any
size from 8 x 8: 4 x 4 kernels, no biases where batch normalisation follows.
"""

import math

import keras
import numpy as np
from keras import layers

from ..layers import BatchNormalization

KERNEL_SIDE = 4
NEGATIVE_SLOPE = 0.2
MOMENTUM = 0.9  # of the statistics of batch normalisation, as in the source's code
MIN_SIDE = 8
MAX_WIDENING = 8  # the widest layer has so many times the filters of the one next to the image
N_ENCODER_HALVINGS = 4
MAX_ENCODED_SIDE = 4  # of the shorter side where the encoder ends; larger images get further halvings
N_DECODER_DOUBLINGS = 2
MAX_FIRST_DECODED_SIDE = 15  # of the shorter side where the decoder begins; larger images get further doublings


def dense_encoder(image_shape: tuple[int, int, int], code_size: int, hidden_sizes: tuple[int, ...]) -> keras.Model:
    """Image -> code (batch, code_size), linear after the hidden ReLU layers."""
    image = keras.Input(image_shape, name="image")
    x = layers.Flatten()(image)
    for size in hidden_sizes:
        x = layers.Dense(size, "relu")(x)
    return keras.Model(image, layers.Dense(code_size)(x), name="dense_encoder")


def dense_decoder(
    image_shape: tuple[int, int, int], code_size: int, hidden_sizes: tuple[int, ...], output: str
) -> keras.Model:
    """Code -> image: the hidden layers of `dense_encoder` in reverse; `output` is the last layer's activation."""
    code = keras.Input((code_size,), name="code")
    x = code
    for size in reversed(hidden_sizes):
        x = layers.Dense(size, "relu")(x)
    x = layers.Dense(int(np.prod(image_shape)), output)(x)
    return keras.Model(code, layers.Reshape(image_shape)(x), name="dense_decoder")


def convolutional_encoder(image_shape: tuple[int, int, int], code_size: int, n_filters: int) -> keras.Model:
    """Image -> code (batch, code_size): at least four halvings, then a dense layer.

    `n_filters` is the width next to the image; it doubles with each halving, up to eightfold. Raises ValueError if a
    side is under 8 pixels.
    """
    image = keras.Input(image_shape, name="image")
    x = image
    for index in range(_n_halvings(image_shape, N_ENCODER_HALVINGS, MAX_ENCODED_SIDE)):
        width = n_filters * min(2**index, MAX_WIDENING)
        x = layers.Conv2D(width, KERNEL_SIDE, 2, "same", use_bias=False)(x)
        x = BatchNormalization(momentum=MOMENTUM)(x) if index else x  # not next to the image
        x = layers.LeakyReLU(NEGATIVE_SLOPE)(x)
    return keras.Model(image, layers.Dense(code_size)(layers.Flatten()(x)), name="convolutional_encoder")


def convolutional_decoder(image_shape: tuple[int, int, int], code_size: int, n_filters: int) -> keras.Model:
    """Code -> image in (-1, 1): a dense layer to a quarter of the sides (less if these have over 15 pixels), a
    transposed convolution, and one for each doubling; from eight times `n_filters` widths are halved.

    Sides that are no multiples are rounded up, and what is over is cropped. Raises ValueError if a side is under 8
    pixels.
    """
    height, width, n_channels = image_shape
    n_doublings = _n_halvings(image_shape, N_DECODER_DOUBLINGS, MAX_FIRST_DECODED_SIDE)
    factor = 2**n_doublings
    start_height, start_width = -(-height // factor), -(-width // factor)
    n = MAX_WIDENING * n_filters
    code = keras.Input((code_size,), name="code")
    x = layers.Dense(start_height * start_width * n, "relu")(code)
    x = layers.Reshape((start_height, start_width, n))(x)
    for index in range(n_doublings):
        n = max(1, n // 2)
        x = layers.Conv2DTranspose(n, KERNEL_SIDE, 2 if index else 1, "same", use_bias=False)(x)
        x = layers.ReLU()(BatchNormalization(momentum=MOMENTUM)(x))
    x = layers.Conv2DTranspose(n_channels, KERNEL_SIDE, 2, "same")(x)
    over = (start_height * factor - height, start_width * factor - width)
    if any(over):
        x = layers.Cropping2D(((0, over[0]), (0, over[1])))(x)
    return keras.Model(code, layers.Activation("tanh")(x), name="convolutional_decoder")


def _n_halvings(image_shape, least: int, largest_side: int) -> int:
    """How often sides are halved until the shorter one has at most `largest_side` pixels, but at least so often."""
    side = min(image_shape[:2])
    if side < MIN_SIDE:
        raise ValueError(
            f"images must have sides of at least {MIN_SIDE} pixels, got {image_shape[0]} x {image_shape[1]}"
        )
    return max(least, math.ceil(math.log2(side / largest_side)))

"""The evaluation classifiers of Tables B.8-B.10, and the first two for images of any size.

Images are float32 in [-1, 1]; outputs are probabilities (batch, n_classes). Layers carry the printed names.
"""

import pkgutil

import keras
import numpy as np
from keras import layers

from ..layers import BatchNormalization, Dropout

NEGATIVE_SLOPE = 0.3
DROPOUT_RATE = 0.3


def builder(network: str):
    """The function (n_classes, image_shape) of this module that is called `network`, or of a path "module:function"."""
    return pkgutil.resolve_name(network) if ":" in network else globals()[network]


def mnist_classifier(n_classes: int = 10, image_shape=(28, 28, 1)) -> keras.Model:
    """Table B.8, for 28 x 28 x 1."""
    image = keras.Input(image_shape, name="input_2")
    x = _strided_trunk(image, n_filters=(32, 64, 64), first_convolution=3, first_activation=4)
    return keras.Model(image, _head(x, n_classes, activation="re_lu_7"), name="mnist_classifier")


def vehicles_classifier(n_classes: int = 10, image_shape=(64, 64, 3)) -> keras.Model:
    """Table B.9, for 64 x 64 x 3; ten outputs for three classes, as printed."""
    image = keras.Input(image_shape, name="input_2")
    x = _strided_trunk(image, n_filters=(32, 32, 64, 64), first_convolution=4, first_activation=5)
    return keras.Model(image, _head(x, n_classes, activation="re_lu_9"), name="vehicles_classifier")


def cifar10_classifier(n_classes: int = 10, image_shape=(32, 32, 3)) -> keras.Model:
    """Table B.10, for 32 x 32 x 3."""
    image = keras.Input(image_shape, name="input_2")
    x = image
    for index, n_filters in zip((4, 5, 6, 7), (128, 256, 256, 512), strict=True):
        x = layers.Conv2D(n_filters, 3, 2, "same", name=f"conv2d_{index}")(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"leaky_re_lu_{index}")(x)
        x = BatchNormalization(name=f"batch_normalization_{index}")(x)
        x = Dropout(DROPOUT_RATE, name=f"dropout_{index}")(x)
        if index == 5:
            x = layers.MaxPooling2D(2, name="max_pooling2d_1")(x)
    return keras.Model(image, _head(x, n_classes, activation="re_lu_1"), name="cifar10_classifier")


def scaled_classifier(n_classes: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """Tables B.8 and B.9 scaled to images of any size; at the tables' own sizes it gives the same networks.

    The shorter side is halved until about four pixels are left; the first half of the convolutions has 32 filters, the
    others 64.
    """
    image = keras.Input(image_shape)
    n_convolutions = max(1, round(np.log2(min(image_shape[:2]) / 4)))
    n_filters = [32 if index < n_convolutions // 2 else 64 for index in range(n_convolutions)]
    x = _strided_trunk(image, n_filters, first_convolution=1, first_activation=1)
    return keras.Model(image, _head(x, n_classes, activation="features"), name="scaled_classifier")


def _strided_trunk(x, n_filters, first_convolution, first_activation):
    for index, n in enumerate(n_filters):
        x = layers.Conv2D(n, 3, 2, "same", name=f"conv2d_{first_convolution + index}")(x)
        x = layers.ReLU(name=f"re_lu_{first_activation + index}")(x)
    return x


def _head(x, n_classes, activation):
    x = layers.Flatten(name="flatten_1")(x)
    x = layers.Dense(64, name="dense_2")(x)
    x = layers.ReLU(name=activation)(x)
    x = layers.Dense(n_classes, name="dense_3")(x)
    return layers.Activation("softmax", name="activation_1")(x)

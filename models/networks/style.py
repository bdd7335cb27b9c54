"""Networks whose features describe content and style: a classifier, the same filters at random, and VGG19.

Images are float32 in [-1, 1] of any number of channels. The first two pool by averaging, as Gatys et al. 2016 advise.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers

from ...datasets.download import cache_folder, digest

MIN_SIDE = 8
MAX_BLOCKS = 5
VGG19_MIN_SIDE = 32
VGG19_LAST_LAYER = "block5_conv1"
VGG19_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
VGG19_MD5 = "253f8cb515780f3b799900260a226db6"  # as keras.applications publishes it
VGG19_MEANS = (103.939, 116.779, 123.68)  # of blue, green and red in 0..255, which its training subtracted


def style_classifier(n_classes: int, image_shape: tuple[int, int, int]) -> keras.Model:
    """Image -> probabilities (batch, n_classes): convolution blocks, the mean over positions, one dense layer.

    Sides are halved, by blocks of 32, 64 and then 128 filters, until the shorter one has about eight pixels. Raises
    ValueError for sides under 8 pixels.
    """
    image = keras.Input(image_shape, name="image")
    x = layers.GlobalAveragePooling2D()(_blocks(image, image_shape))
    x = layers.Dense(n_classes, name="logits")(x)
    return keras.Model(image, layers.Activation("softmax", name="probabilities")(x), name="style_classifier")


def random_filters(image_shape: tuple[int, int, int]) -> keras.Model:
    """Image -> features of the classifier's last block, whose filters stay as they are drawn.

    Raises ValueError for sides under 8 pixels.
    """
    image = keras.Input(image_shape, name="image")
    return keras.Model(image, _blocks(image, image_shape), name="random_filters")


def vgg19_file() -> Path:
    """Where Keras' cache holds VGG19's weights, if it does."""
    return cache_folder().parent / "models" / VGG19_FILE


def vgg19(image_shape: tuple[int, int, int], weights: str | Path | None = None) -> keras.Model:
    """Image of any size like these -> features of VGG19's first convolution of its fifth block.

    `weights` is the file of the network without its top that keras.applications publishes; None: the one in Keras'
    cache. Nothing is downloaded. The network's own preprocessing is its first layer, which gives grey images three
    equal channels. Raises ValueError if there is no such file, for a file with another hash, and for images with sides
    under 32 pixels or other than one or three channels.
    """
    height, width, n_channels = image_shape
    if min(height, width) < VGG19_MIN_SIDE:
        raise ValueError(f"VGG19 takes images with sides of at least {VGG19_MIN_SIDE} pixels, got {height} x {width}")
    if n_channels not in (1, 3):
        raise ValueError(f"VGG19 takes images of one or three channels, these have {n_channels}")
    path = Path(weights) if weights else vgg19_file()
    _check_weights(path)
    published = keras.applications.VGG19(include_top=False, weights=None)
    published.load_weights(path)
    preprocessing = layers.Conv2D(3, 1, name="preprocessing")
    image = keras.Input((None, None, n_channels), name="image")
    x = preprocessing(image)
    for layer in published.layers[1:]:
        own = type(layer).from_config(layer.get_config())
        x = own(x)
        own.set_weights(layer.get_weights())
        if layer.name == VGG19_LAST_LAYER:
            break
    to_bgr = np.full((1, 3), 127.5) if n_channels == 1 else 127.5 * np.eye(3)[::-1]
    preprocessing.set_weights([to_bgr[None, None], 127.5 - np.array(VGG19_MEANS)])
    return keras.Model(image, x, name="vgg19")


def _blocks(x, image_shape):
    side = min(image_shape[:2])
    if side < MIN_SIDE:
        raise ValueError(
            f"images must have sides of at least {MIN_SIDE} pixels, got {image_shape[0]} x {image_shape[1]}"
        )
    for index in range(min(MAX_BLOCKS, max(2, 1 + round(np.log2(side / MIN_SIDE))))):
        x = layers.AveragePooling2D(2)(x) if index else x
        for number in range(2 if index else 1):
            x = layers.Conv2D(min(32 * 2**index, 128), 3, padding="same", kernel_initializer="he_normal")(x)
            x = layers.ReLU(name=f"block{index + 1}_relu{number + 1}")(x)
    return x


def _check_weights(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"there is no file {path}; VGG19 needs {VGG19_FILE}, which keras.applications publishes")
    if (found := digest(path, "md5")) != VGG19_MD5:
        raise ValueError(f"{path} is not {VGG19_FILE} as keras.applications publishes it: its MD5 is {found}")

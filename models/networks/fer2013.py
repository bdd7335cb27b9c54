"""Classifiers of FER2013's emotions: the two that the slides print, VGG19, and one that two cores can train.

Source: D. Birenbaum, "Data Augmentation Using GANs", slides of project 236754, part B. Images are float32 in [-1, 1];
outputs are probabilities (batch, n_classes). Layers of printed networks carry the printed names.
"""

import keras
from keras import layers

from ..layers import BatchNormalization, Dropout

# The slides print no rates. These are of a public network that has the same layers, in their order:
# https://github.com/gitshanks/fer2013, 66 % on a tenth of all images drawn at random
SLIDES_CONVOLUTION_DROPOUT = 0.5
SLIDES_DENSE = ((512, 0.4), (256, 0.4), (128, 0.5))  # units, dropout
# number of filters of each convolution, block by block; a pooling layer ends each block
SLIDES_BLOCKS = ((64, 64), (128, 128), (256, 256), (512, 512))
VGG19_BLOCKS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
VGG19_DROPOUT = 0.5
SMALL_BLOCKS = (16, 32, 64, 128)
SMALL_DROPOUT = 0.2


def slides_classifier(n_classes: int = 7, image_shape=(48, 48, 1)) -> keras.Model:
    """The slides' "Simple Classifier - Architecture", for 48 x 48 x 1: 5,905,863 parameters.

    The printed shapes and counts say that only the first convolution has valid padding and that the first block
    normalises once. Activations (ReLU) and dropout rates are not printed.
    """
    image = keras.Input(image_shape, name="input_1")
    x, n_convolutions, n_normalisations = image, 0, 0
    for block, filters in enumerate(SLIDES_BLOCKS, start=1):
        for n_filters in filters:
            n_convolutions += 1
            padding = "same" if n_convolutions > 1 else "valid"
            x = layers.Conv2D(n_filters, 3, 1, padding, activation="relu", name=f"conv2d_{n_convolutions}")(x)
            if n_convolutions > 1:
                n_normalisations += 1
                x = BatchNormalization(name=f"batch_normalization_{n_normalisations}")(x)
        x = layers.MaxPooling2D(2, name=f"max_pooling2d_{block}")(x)
        x = Dropout(SLIDES_CONVOLUTION_DROPOUT, name=f"dropout_{block}")(x)
    x = layers.Flatten(name="flatten_1")(x)  # (batch, 2048)
    for index, (n_units, rate) in enumerate(SLIDES_DENSE, start=1):
        x = layers.Dense(n_units, "relu", name=f"dense_{index}")(x)
        x = Dropout(rate, name=f"dropout_{len(SLIDES_BLOCKS) + index}")(x)
    x = layers.Dense(n_classes, "softmax", name=f"dense_{len(SLIDES_DENSE) + 1}")(x)
    return keras.Model(image, x, name="slides_classifier")


def paper_classifier(n_classes: int = 7, image_shape=(48, 48, 1)) -> keras.Model:
    """The slides' "Surreal (Paper) Classifier - Architecture", which "doesn't work": 4,861,703 parameters.

    Printed are kernels, strides, filters and two fully connected layers of 256; not printed are paddings ("same" here,
    for convolutions and pooling), the kind of normalisation (batch normalisation here) and the activation of the dense
    layers (ReLU here).
    """
    image = keras.Input(image_shape, name="input_1")
    x = image
    for index, n_filters in enumerate((64, 128), start=1):
        x = layers.Conv2D(n_filters, 3, 1, "same", activation="relu", name=f"conv2d_{index}")(x)
        x = layers.MaxPooling2D(3, 2, "same", name=f"max_pooling2d_{index}")(x)
        x = BatchNormalization(name=f"batch_normalization_{index}")(x)
    x = layers.Flatten(name="flatten_1")(x)  # (batch, 18432) for 48 x 48
    for index in (1, 2):
        x = layers.Dense(256, "relu", name=f"dense_{index}")(x)
    return keras.Model(image, layers.Dense(n_classes, "softmax", name="dense_3")(x), name="paper_classifier")


def vgg19_classifier(n_classes: int = 7, image_shape=(48, 48, 1)) -> keras.Model:
    """VGG19 (Simonyan, Zisserman 2015) with batch normalisation and one linear layer: 20,038,983 weights learn.

    The slides' "Current State of the art (73%)" without a table; the layers are those of
    https://github.com/WuJie1010/Facial-Expression-Recognition.Pytorch. Grey images are repeated to three channels.
    Raises ValueError where a side is under 32 pixels.
    """
    if min(image_shape[:2]) < 2 ** len(VGG19_BLOCKS):
        raise ValueError(f"VGG19 needs sides of at least 32 pixels, got {image_shape[0]} x {image_shape[1]}")
    image = keras.Input(image_shape, name="input_1")
    x = image if image_shape[2] == 3 else layers.Concatenate(name="repeated")([image] * 3)
    for block, filters in enumerate(VGG19_BLOCKS, start=1):
        for index, n_filters in enumerate(filters, start=1):
            x = layers.Conv2D(n_filters, 3, 1, "same", name=f"block{block}_conv{index}")(x)
            x = BatchNormalization(name=f"block{block}_norm{index}")(x)
            x = layers.ReLU(name=f"block{block}_relu{index}")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)  # (batch, 512) for 48 x 48
    x = Dropout(VGG19_DROPOUT, name="dropout")(x)
    return keras.Model(image, layers.Dense(n_classes, "softmax", name="predictions")(x), name="vgg19_classifier")


def small_classifier(n_classes: int = 7, image_shape=(48, 48, 1)) -> keras.Model:
    """Ours, for comparing many methods on two cores: 8.3 million multiplications for an image of 48 x 48 x 1.

    Four blocks of a convolution, batch normalisation, ReLU and pooling, then the mean over all places. Sides must have
    at least 16 pixels.
    """
    image = keras.Input(image_shape, name="input_1")
    x = image
    for index, n_filters in enumerate(SMALL_BLOCKS, start=1):
        x = layers.Conv2D(n_filters, 3, 1, "same", use_bias=False, name=f"conv2d_{index}")(x)
        x = BatchNormalization(name=f"batch_normalization_{index}")(x)
        x = layers.ReLU(name=f"re_lu_{index}")(x)
        x = layers.MaxPooling2D(2, name=f"max_pooling2d_{index}")(x)
    x = layers.GlobalAveragePooling2D(name="global_average_pooling2d_1")(x)  # (batch, 128)
    x = Dropout(SMALL_DROPOUT, name="dropout_1")(x)
    return keras.Model(image, layers.Dense(n_classes, "softmax", name="dense_1")(x), name="small_classifier")

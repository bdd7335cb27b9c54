"""Tables B.1-B.7 of the thesis, layer by layer.

Layers carry the names that the tables print, so `reports.architecture` can be compared with the print cell
by cell. Images are 28 x 28 x 1 float32 in [-1, 1]. The tables do not print paddings; the printed output
shapes leave one choice each, which is made here.
"""

import keras
from keras import layers

from ..layers import BatchNormalization, Dropout

IMAGE_SHAPE = (28, 28, 1)
NEGATIVE_SLOPE = 0.3
DROPOUT_RATE = 0.3


def _named(kind: str, index: int) -> str:
    """Keras' automatic name of the index-th layer of a kind: `conv2d`, `conv2d_1`, ..."""
    return f"{kind}_{index}" if index else kind


def _upsampling_trunk(x, dense: int, reshape: int):
    """(batch, features) -> image (batch, 28, 28, 1) in (-1, 1); shared by Tables B.1 and B.5."""
    x = layers.Dense(7 * 7 * 64, name=_named("dense", dense))(x)
    x = layers.ReLU(name="re_lu")(x)
    x = layers.Reshape((7, 7, 64), name=_named("reshape", reshape))(x)  # (batch, 7, 7, 64)
    for index, (n_filters, stride) in enumerate([(64, 1), (32, 2), (16, 2)]):
        x = layers.Conv2DTranspose(n_filters, 3, stride, "same", name=_named("conv2d_transpose", index))(x)
        x = layers.ReLU(name=_named("re_lu", index + 1))(x)
    return layers.Conv2DTranspose(1, 5, 1, "same", activation="tanh", name="conv2d_transpose_3")(x)


def _vgg_trunk(x, first: int, pooling: int, activation):
    """Image -> features (batch, 1, 1, 128); shared by Tables B.3 and B.4.

    `first` and `pooling` are the indices of the first convolution and pooling layer, `activation(index)` makes the
    index-th activation layer.
    """
    for index, n_filters in enumerate([32, 32, 64, 64, 128, 128, 128]):
        padding = "same" if index >= 5 else "valid"
        x = layers.Conv2D(n_filters, 3, 1, padding, name=_named("conv2d", first + index))(x)
        x = activation(index)(x)
        x = BatchNormalization(name=_named("batch_normalization", first + index))(x)
        if index in (1, 3, 6):
            x = layers.MaxPooling2D(2, name=_named("max_pooling2d", pooling))(x)
            pooling += 1
    return x


def cvae_gan_generator(n_classes: int = 10, latent_size: int = 55) -> keras.Model:
    """Table B.1, G: ([label (batch, 1) int, z (batch, latent_size)]) -> image in (-1, 1)."""
    label = keras.Input((1,), dtype="int32", name="input_3")
    embedded = layers.Embedding(n_classes, latent_size, name="embedding_1")(label)  # (batch, 1, latent_size)
    embedded = layers.Reshape((latent_size,), name="reshape_2")(embedded)  # (batch, latent_size)
    latent = keras.Input((latent_size,), name="input_4")
    x = layers.Concatenate(name="concatenate_1")([embedded, latent])
    x = layers.Flatten(name="flatten_1")(x)
    return keras.Model([label, latent], _upsampling_trunk(x, dense=2, reshape=3), name="cvae_gan_generator")


def cvae_gan_discriminator() -> keras.Model:
    """Table B.2, D: image -> probability (batch, 1) that it is real. All paddings are valid."""
    image = keras.Input(IMAGE_SHAPE, name="input_5")
    x = image
    for index, n_filters in zip((7, 8, 9), (64, 128, 256), strict=True):
        x = layers.Conv2D(n_filters, 3, 2, "valid", name=f"conv2d_{index}")(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name=f"leaky_re_lu_{index}")(x)
        x = BatchNormalization(name=f"batch_normalization_{index}")(x)
    x = layers.MaxPooling2D(2, name="max_pooling2d_3")(x)
    x = layers.Flatten(name="flatten_2")(x)  # (batch, 256)
    x = Dropout(DROPOUT_RATE, name="dropout")(x)
    return keras.Model(image, layers.Dense(1, "sigmoid", name="dense_3")(x), name="cvae_gan_discriminator")


def cvae_gan_classifier(n_classes: int = 10) -> keras.Model:
    """Table B.3, C: image -> probabilities (batch, n_classes)."""
    image = keras.Input(IMAGE_SHAPE, name="input_6")
    x = _vgg_trunk(image, 10, 4, lambda index: layers.ReLU(name=f"re_lu_{index + 4}"))
    x = layers.Flatten(name="flatten_3")(x)  # (batch, 128)
    x = Dropout(DROPOUT_RATE, name="dropout_1")(x)
    x = layers.Dense(n_classes, name="dense_4")(x)
    return keras.Model(image, layers.Activation("softmax", name="activation")(x), name="cvae_gan_classifier")


def cvae_gan_encoder(n_classes: int = 10, latent_size: int = 55) -> keras.Model:
    """Table B.4, E: [image, label (batch, 1) int] -> [mean, log variance], each (batch, latent_size).

    Section 1.4 calls the two linear heads mu and sigma; here they are mu and log sigma^2 (DEVIATIONS.md).
    """
    image = keras.Input(IMAGE_SHAPE, name="input_1")
    x = _vgg_trunk(image, 0, 0, lambda index: layers.LeakyReLU(NEGATIVE_SLOPE, name=_named("leaky_re_lu", index)))
    label = keras.Input((1,), dtype="int32", name="input_2")
    embedded = layers.Embedding(n_classes, 128, name="embedding")(label)  # (batch, 1, 128)
    embedded = layers.Reshape((128, 1), name="reshape")(embedded)
    x = layers.Reshape((128, 1), name="reshape_1")(x)
    x = layers.Concatenate(name="concatenate")([embedded, x])  # (batch, 128, 2)
    x = layers.Flatten(name="flatten")(x)  # (batch, 256)
    mean = layers.Dense(latent_size, name="dense")(x)
    log_variance = layers.Dense(latent_size, name="dense_1")(x)
    return keras.Model([image, label], [mean, log_variance], name="cvae_gan_encoder")


def _bagan_trunk(image, first: int, flatten: int):
    """Image -> features (batch, 1024); the part that D shares with E (Tables B.6 and B.7)."""
    x = image
    for index, n_filters in enumerate([32, 64, 128, 256], start=first):
        x = layers.Conv2D(n_filters, 3, 2, "same", name=_named("conv2d", index))(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE, name=_named("leaky_re_lu", index))(x)
        x = Dropout(DROPOUT_RATE, name=_named("dropout", index))(x)
    return layers.Flatten(name=_named("flatten", flatten))(x)


def bagan_generator(latent_size: int = 10) -> keras.Model:
    """Table B.5, G and decoder Delta: z (batch, latent_size) -> image in (-1, 1)."""
    latent = keras.Input((latent_size,), name="input_1")
    return keras.Model(latent, _upsampling_trunk(latent, dense=0, reshape=0), name="bagan_generator")


def bagan_discriminator(n_classes: int = 10, head: str = "sigmoid") -> keras.Model:
    """Table B.6, D: image -> (batch, n_classes + 1); the last column stands for "fake".

    `head` is the last activation: "sigmoid" as the table prints, "softmax" as section 4.3 says.
    """
    image = keras.Input(IMAGE_SHAPE, name="input_2")
    x = _bagan_trunk(image, first=4, flatten=1)
    return keras.Model(image, layers.Dense(n_classes + 1, head, name="dense_1")(x), name="bagan_discriminator")


def bagan_encoder(latent_size: int = 10) -> keras.Model:
    """Table B.7, E: image -> z (batch, latent_size)."""
    image = keras.Input(IMAGE_SHAPE, name="input_1")
    x = _bagan_trunk(image, first=0, flatten=0)
    return keras.Model(image, layers.Dense(latent_size, name="dense")(x), name="bagan_encoder")

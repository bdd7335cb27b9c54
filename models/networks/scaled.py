"""The MNIST networks of Tables B.1-B.7 scaled to other images.

The thesis does not print the networks that it "tailored" to CIFAR-10 and Vehicles (section 4.2). These follow its words
and the printed tables: no dense hidden layers except the generator's first, strided convolutions, and dropout in the
discriminator. Images are float32 in [-1, 1], of any size from 8 x 8 and any number of channels.
"""

import keras
from keras import layers

from ..layers import BatchNormalization, Dropout

NEGATIVE_SLOPE = 0.3
DROPOUT_RATE = 0.3
MIN_SIDE = 8
MIN_SIDE_FOR_VALID_PADDING = 28
MAX_FILTERS = 256
CIFAR10_SHAPE = (32, 32, 3)


class Scaled:
    """The builders of `models.networks.thesis_mnist` for images (height, width, channels).

    Raises ValueError if a side has fewer than 8 pixels.
    """

    def __init__(self, image_shape: tuple[int, int, int]):
        side = min(image_shape[:2])
        if side < MIN_SIDE:
            raise ValueError(
                f"images must have sides of at least {MIN_SIDE} pixels, got {image_shape[0]} x {image_shape[1]}"
            )
        self.image_shape = tuple(image_shape)
        self.n_halvings = max(1, (side // MIN_SIDE).bit_length() - 1)  # of the shorter side, see _upsampled

    def cvae_gan_generator(self, n_classes: int, latent_size: int) -> keras.Model:
        """After Table B.1, G: ([label (batch, 1) int, z (batch, latent_size)]) -> image in (-1, 1)."""
        label = keras.Input((1,), dtype="int32", name="label")
        embedded = layers.Flatten()(layers.Embedding(n_classes, latent_size)(label))  # (batch, latent_size)
        latent = keras.Input((latent_size,), name="z")
        x = layers.Concatenate()([embedded, latent])
        return keras.Model([label, latent], self._upsampled(x), name="cvae_gan_generator")

    def cvae_gan_discriminator(self) -> keras.Model:
        """After Table B.2, D: image -> probability (batch, 1) that it is real, with dropout between the layers."""
        image = keras.Input(self.image_shape, name="image")
        x = image
        for index in range(self.n_halvings + 2):
            x = Dropout(DROPOUT_RATE)(x) if index else x
            x = layers.Conv2D(min(64 * 2**index, MAX_FILTERS), 3, 2, "same")(x)
            x = layers.LeakyReLU(NEGATIVE_SLOPE)(x)
            x = BatchNormalization()(x)
        if min(x.shape[1:3]) > 1:
            x = layers.MaxPooling2D(2)(x)
        x = layers.Flatten(name="flatten_2")(x)
        x = Dropout(DROPOUT_RATE)(x)
        return keras.Model(image, layers.Dense(1, "sigmoid")(x), name="cvae_gan_discriminator")

    def cvae_gan_classifier(self, n_classes: int) -> keras.Model:
        """C: image -> probabilities (batch, n_classes).

        For 32 x 32 x 3 after Table B.10, which is "based on" it (section 5.3), for others after Table B.3.
        """
        image = keras.Input(self.image_shape, name="image")
        trunk = _strided_trunk(image) if self.image_shape == CIFAR10_SHAPE else vgg_trunk(image, layers.ReLU)
        return classifier_after(image, trunk, n_classes)

    def cvae_gan_encoder(self, n_classes: int, latent_size: int) -> keras.Model:
        """After Table B.4, E: [image, label (batch, 1) int] -> [mean, log variance], each (batch, latent_size)."""
        image = keras.Input(self.image_shape, name="image")
        x = layers.Flatten()(vgg_trunk(image, lambda: layers.LeakyReLU(NEGATIVE_SLOPE)))
        label = keras.Input((1,), dtype="int32", name="label")
        embedded = layers.Flatten()(layers.Embedding(n_classes, 128)(label))  # (batch, 128)
        x = layers.Concatenate()([embedded, x])
        mean, log_variance = layers.Dense(latent_size)(x), layers.Dense(latent_size)(x)
        return keras.Model([image, label], [mean, log_variance], name="cvae_gan_encoder")

    def bagan_generator(self, latent_size: int) -> keras.Model:
        """After Table B.5, G and decoder Delta: z (batch, latent_size) -> image in (-1, 1)."""
        latent = keras.Input((latent_size,), name="z")
        return keras.Model(latent, self._upsampled(latent), name="bagan_generator")

    def bagan_discriminator(self, n_classes: int, head: str) -> keras.Model:
        """After Table B.6, D: image -> (batch, n_classes + 1); the last column stands for "fake"."""
        image = keras.Input(self.image_shape, name="image")
        x = _bagan_trunk(image)
        return keras.Model(image, layers.Dense(n_classes + 1, head)(x), name="bagan_discriminator")

    def bagan_encoder(self, latent_size: int) -> keras.Model:
        """After Table B.7, E: image -> z (batch, latent_size)."""
        image = keras.Input(self.image_shape, name="image")
        return keras.Model(image, layers.Dense(latent_size)(_bagan_trunk(image)), name="bagan_encoder")

    def _upsampled(self, x):
        """(batch, features) -> image: the shorter side starts at 8 to 16 pixels (at half, if under 16), then doubles.

        Halves are rounded up, and the excess is cropped. Filters halve with every doubling down to 16, as in Tables B.1
        and B.5.
        """
        height, width, n_channels = self.image_shape
        factor = 2**self.n_halvings
        start_height, start_width = -(-height // factor), -(-width // factor)
        n_filters = min(MAX_FILTERS, max(64, 16 * factor))
        x = layers.Dense(start_height * start_width * n_filters, "relu")(x)
        x = layers.Reshape((start_height, start_width, n_filters))(x)
        x = layers.Conv2DTranspose(n_filters, 3, 1, "same", activation="relu")(x)
        for index in reversed(range(self.n_halvings)):
            x = layers.Conv2DTranspose(min(MAX_FILTERS, 16 * 2**index), 3, 2, "same", activation="relu")(x)
        over = (start_height * factor - height, start_width * factor - width)
        if any(over):
            x = layers.Cropping2D(((0, over[0]), (0, over[1])))(x)
        return layers.Conv2DTranspose(n_channels, 5, 1, "same", activation="tanh")(x)


def classifier_after(image, trunk, n_classes: int) -> keras.Model:
    """C: image -> probabilities (batch, n_classes), from the features of a trunk (batch, height, width, n_filters)."""
    x = layers.Flatten(name="flatten_3")(trunk)
    x = Dropout(DROPOUT_RATE)(x)
    return keras.Model(image, layers.Dense(n_classes, "softmax")(x), name="cvae_gan_classifier")


def vgg_trunk(x, activation):
    """Image -> features (batch, height, width, 128): blocks of convolutions with a pooling layer after each.

    Tables B.3 and B.4 with their paddings, for 32 x 32 down to (1, 1); larger images get a further convolution and
    pooling as long as both sides have at least 4 pixels. Images under 28 pixels keep their size in the convolutions.
    """
    valid = "valid" if min(x.shape[1:3]) >= MIN_SIDE_FOR_VALID_PADDING else "same"
    for block in (((32, valid), (32, valid)), ((64, valid), (64, valid)), ((128, valid), (128, "same"), (128, "same"))):
        for n_filters, padding in block:
            x = _vgg_convolution(x, n_filters, padding, activation)
        x = layers.MaxPooling2D(2)(x)
    while min(x.shape[1:3]) >= 4:
        x = layers.MaxPooling2D(2)(_vgg_convolution(x, 128, valid, activation))
    return x


def _vgg_convolution(x, n_filters, padding, activation):
    x = layers.Conv2D(n_filters, 3, 1, padding)(x)
    return BatchNormalization()(activation()(x))


def _strided_trunk(x):
    """Image (batch, 32, 32, 3) -> features (batch, 1, 1, 512): the convolutions of Table B.10."""
    for index, n_filters in enumerate((128, 256, 256, 512)):
        x = Dropout(DROPOUT_RATE)(x) if index else x
        x = layers.MaxPooling2D(2)(x) if index == 2 else x
        x = layers.Conv2D(n_filters, 3, 2, "same")(x)
        x = BatchNormalization()(layers.LeakyReLU(NEGATIVE_SLOPE)(x))
    return x


def _bagan_trunk(x):
    """Image -> features (batch, n); the part that D shares with E, as in Tables B.6 and B.7."""
    for n_filters in (32, 64, 128, 256):
        x = layers.Conv2D(n_filters, 3, 2, "same")(x)
        x = layers.LeakyReLU(NEGATIVE_SLOPE)(x)
        x = Dropout(DROPOUT_RATE)(x)
    return layers.Flatten()(x)

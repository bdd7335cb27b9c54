"""Autoencoders (slides on autoencoders): networks that make images from short codes of them."""

import numbers
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from ..datasets.batches import batches_in_order, shuffled_batches
from ..datasets.pixels import to_network
from .inputs import checked_images, seed_of, to_uint8
from .networks import autoencoders
from .saving import Saveable
from .training.fit import Stage, TrainingModel
from .training.prediction import PREDICTION_BATCH_SIZE, predict, predict_images, prediction_batch_size
from .training.replicas import batch_mean
from .training.trained import Trained

DISTANCES = {"absolute": abs, "squared": lambda differences: differences * differences}  # of arrays and tensors


def encoded(encoder: keras.Model, images: np.ndarray) -> np.ndarray:
    """Codes float32 (n, code_size) of uint8 images (n, height, width, channels)."""
    return predict(encoder, batches_in_order(images, PREDICTION_BATCH_SIZE))[0]


def decoded(decoder: keras.Model, codes: np.ndarray) -> np.ndarray:
    """uint8 images (n, height, width, channels) from codes (n, code_size)."""
    size = prediction_batch_size(decoder.output_shape[1:])
    return predict_images(decoder, tf.data.Dataset.from_tensor_slices((codes,)).batch(size))


@dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(Saveable, Trained):
    """What both kinds of autoencoders share: an encoder to codes of `code_size` numbers, and a decoder.

    Trained to make of each image itself or, as `fit(poor, good)`, a better one. The loss is the mean over pixels of
    |x - x'| or, with `distance` "squared", of (x - x')^2. With `noise` it learns to remove Gaussian noise: this is its
    standard deviation in pixel values 0..255, drawn anew at every step and clipped with the image as in stored pixels.

    Images (n, height, width, channels) are uint8 in 0..255 or floating numbers in [0, 1], rounded to 8 bits; returned
    ones are uint8. `folder` keeps checkpoints and `history.csv`, and a fit with the same arguments and images continues
    from them; `verbose=1` shows progress. `history_` has a row for each epoch.
    """

    code_size: int = 32
    distance: str = "absolute"
    noise: float = 0.0
    random_state: int | np.random.RandomState | None = 0

    choices = {"distance": tuple(DISTANCES)}
    weights = ("noise",)

    def fit(self, images: np.ndarray, targets: np.ndarray | None = None) -> Self:
        """Learn to make `targets` of the images, of the same shape; None: the images themselves.

        Sets `encoder_`, `decoder_`, `image_shape_` and `seed_`. Raises ValueError for other shapes and values, for no
        images, and for arguments that are not valid.
        """
        images = _pixels(images)
        targets = images if targets is None else _pixels(targets)
        if targets.shape != images.shape:
            raise ValueError(f"targets must have the shape of the images, {images.shape}, got {targets.shape}")
        self._forget_fit()
        self.seed_ = seed_of(self.random_state)
        self._train(images, targets)
        self.image_shape_ = images.shape[1:]
        return self

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes float32 (n, code_size)."""
        images = self._fitting(images)
        return encoded(self.encoder_, images)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """uint8 images (n, height, width, channels) from codes (n, code_size)."""
        self._check_fitted()
        codes = np.asarray(codes, np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.code_size or len(codes) == 0:
            raise ValueError(f"codes must have the shape (n, {self.code_size}) with n at least 1, got {codes.shape}")
        return decoded(self.decoder_, codes)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """What becomes of images when they are encoded and decoded, uint8 (n, height, width, channels)."""
        return self.decode(self.encode(images))

    def errors(self, images: np.ndarray) -> np.ndarray:
        """Each image's mean distance to its reconstruction, float64 (n,), in pixel values 0..255 or their squares.

        Images unlike the fitted ones have larger errors, so they tell whether an image is one of a class.
        """
        images = self._fitting(images)
        errors, size = np.empty(len(images)), prediction_batch_size(self.image_shape_)
        for start in range(0, len(images), size):
            part = slice(start, start + size)
            differences = images[part].astype(np.int32) - self.reconstruct(images[part])
            errors[part] = DISTANCES[self.distance](differences).mean(axis=(1, 2, 3))
        return errors

    def _fitting(self, images) -> np.ndarray:
        """Images of the fitted shape as uint8."""
        self._check_fitted()
        images = _pixels(images)
        if images.shape[1:] != self.image_shape_:
            raise ValueError(f"images must have the fitted shape {self.image_shape_}, got {images.shape[1:]}")
        return images

    @abstractmethod
    def _builders(self, image_shape):
        """ "encoder" and "decoder" -> what builds it."""

    def _stages(self, images, targets):
        model = AutoencoderTraining(self.encoder_, self.decoder_, float(self.learning_rate), self.distance)
        batch_size = min(self.batch_size, len(images))
        steps_per_epoch, batches = shuffled_batches(images, np.arange(len(images)), batch_size, self.seed_)
        all_targets = tf.constant(targets)

        def prepared(batch):
            seed = tf.stack([tf.cast(self.seed_, tf.int64), batch["step"]])
            noise = self.noise / 127.5 * tf.random.stateless_normal(tf.shape(batch["images"]), seed)
            return {
                "step": batch["step"],
                "images": tf.clip_by_value(batch["images"] + noise, -1.0, 1.0),
                "targets": to_network(tf.gather(all_targets, batch["labels"])),
            }

        yield Stage(model, steps_per_epoch, lambda first_step: batches(first_step).map(prepared))


@dataclass(kw_only=True, eq=False, repr=False)
class DenseAutoencoder(Autoencoder):
    """Dense layers of `hidden_sizes` nodes down to the code, and their mirror image; images of any size.

    ReLU follows each hidden layer. `output` is the last activation: "tanh" or "linear". With `hidden_sizes=()` and
    "linear" it is a linear map, which with squared distance learns what PCA does. The learning rate is half of the
    usual one: with 1e-3 and |x - x'| most pixels of MNIST end where tanh is flat, and all images become the same one.
    """

    learning_rate: float = 5e-4
    hidden_sizes: tuple[int, ...] = (512, 128)
    output: str = "tanh"

    choices = Autoencoder.choices | {"output": ("tanh", "linear")}

    def _check_numbers(self):
        super()._check_numbers()
        sizes = self.hidden_sizes
        is_list = isinstance(sizes, Sequence) and not isinstance(sizes, str)
        if not is_list or any(not isinstance(size, numbers.Integral) or size < 1 for size in sizes):
            raise ValueError(f"hidden_sizes must be whole numbers of at least 1, got {sizes!r}")

    def _builders(self, image_shape):
        sizes = image_shape, self.code_size, tuple(self.hidden_sizes)
        return {
            "encoder": partial(autoencoders.dense_encoder, *sizes),
            "decoder": partial(autoencoders.dense_decoder, *sizes, self.output),
        }


@dataclass(kw_only=True, eq=False, repr=False)
class ConvolutionalAutoencoder(Autoencoder):
    """The convolutions of DeepSMOTE, `n_filters` wide next to the image; images with sides of at least 8 pixels."""

    n_filters: int = 32

    smallest_numbers = {"n_filters": 1}

    def _builders(self, image_shape):
        sizes = image_shape, self.code_size, self.n_filters
        return {
            "encoder": partial(autoencoders.convolutional_encoder, *sizes),
            "decoder": partial(autoencoders.convolutional_decoder, *sizes),
        }


class AutoencoderTraining(TrainingModel):
    """One step of encoder and decoder together, by one Adam."""

    def __init__(self, encoder, decoder, learning_rate, distance):
        super().__init__(("L",), {"both": (keras.optimizers.Adam(learning_rate), [encoder, decoder])})
        self.encoder = encoder
        self.decoder = decoder
        self.distance = DISTANCES[distance]

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            made = self.decoder(self.encoder(batch["images"], training=True), training=True)
            loss = batch_mean(self.distance(batch["targets"] - made))
        self.minimise("both", tape, (loss, [self.encoder, self.decoder]))
        return self.recorded(loss)


def _pixels(images) -> np.ndarray:
    images = to_uint8(checked_images(images))
    if len(images) == 0:
        raise ValueError("there are no images")
    return images

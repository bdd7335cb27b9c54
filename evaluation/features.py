"""Extractors of the features by which sets of images are compared."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..datasets.download import cache_folder

INCEPTION_WEIGHTS = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
INCEPTION_SIDE_PIXELS = 299
BATCH_SIZE = 50


def inception_weights_path() -> Path:
    """Where Keras keeps InceptionV3's weights without its top."""
    return cache_folder().parent / "models" / INCEPTION_WEIGHTS


def inception_features(weights: Path):
    """An extractor: uint8 images (n, height, width, channels) to pooled features float32 (n, 2048) of InceptionV3.

    Images are resized to 299 x 299 (bilinear), grey ones repeated over three channels. Raises ValueError if the
    weights are not those of the network.
    """
    network = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    try:
        network.load_weights(weights)
    except (OSError, ValueError) as error:
        raise ValueError(f"{weights} holds no weights of InceptionV3 without its top") from error

    def prepared(images):
        colour = tf.image.grayscale_to_rgb(images) if images.shape[-1] == 1 else images
        resized = tf.image.resize(tf.cast(colour, tf.float32), (INCEPTION_SIDE_PIXELS, INCEPTION_SIDE_PIXELS))
        return keras.applications.inception_v3.preprocess_input(resized)

    def extract(images: np.ndarray) -> np.ndarray:
        batches = tf.data.Dataset.from_tensor_slices(images).batch(BATCH_SIZE).map(prepared)
        return network.predict(batches, verbose=0)

    return extract

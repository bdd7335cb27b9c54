"""Encoders of (image, label) and generators of (label, latent), as in CVAE and CVAE-GAN, applied to one class."""

import keras
import numpy as np
import tensorflow as tf

from datasets.pixels import to_network
from models.training import PREDICTION_BATCH_SIZE, predict, predict_images


def latent_means(encoder: keras.Model, images: np.ndarray, class_index: int) -> np.ndarray:
    """Latent means float32 (n, latent_size) of uint8 images (n, height, width, channels)."""
    batches = tf.data.Dataset.from_tensor_slices(images).batch(PREDICTION_BATCH_SIZE)
    return predict(encoder, batches.map(lambda part: (to_network(part), _labels(part, class_index))))[0]


def generated_images(generator: keras.Model, latents: np.ndarray, class_index: int) -> np.ndarray:
    """uint8 images (n, height, width, channels) from latents float32 (n, latent_size)."""
    batches = tf.data.Dataset.from_tensor_slices(latents).batch(PREDICTION_BATCH_SIZE)
    return predict_images(generator, batches.map(lambda part: (_labels(part, class_index), part)))


def _labels(part, class_index: int):
    return tf.fill((tf.shape(part)[0], 1), class_index)  # (batch, 1) int32

"""Keras layers that deform images: the new image at a point p is the old one at T(p), with a T of its own an image.

Jaderberg et al. 2015. Parameters are tangent vectors: T = exp(theta), so 0 is the identity and -theta the inverse.
Points are (x, y) in the unit square, which the image fills; pixel (row i, column j) has its centre at
((j + 1/2) / width, (i + 1/2) / height).
"""

from abc import abstractmethod

import keras
import numpy as np
import tensorflow as tf


def pixel_centres(height: int, width: int) -> np.ndarray:
    """The points (height * width, 2) float32 of an image's pixels, row by row."""
    y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)


def values_at(images, points):
    """Values (n, n_points, channels) of float images (n, height, width, channels) at points (n, n_points, 2).

    Bilinear between the centres of pixels; outside of the image its edges are repeated.
    """
    n_channels = images.shape[-1]
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    largest = tf.cast([width - 1, height - 1], points.dtype)  # as x and y
    positions = tf.clip_by_value(points * (largest + 1.0) - 0.5, 0.0, largest)
    first = tf.floor(positions)
    right, down = tf.split(positions - first, 2, axis=-1)  # each (n, n_points, 1), how far it is to the next pixel
    (x, y), (next_x, next_y) = (
        tf.unstack(tf.cast(p, tf.int32), axis=-1) for p in (first, tf.minimum(first + 1, largest))
    )
    flat = tf.reshape(images, (tf.shape(images)[0], height * width, n_channels))

    def pixel(row, column):
        return tf.gather(flat, row * width + column, batch_dims=1)

    upper = pixel(y, x) * (1.0 - right) + pixel(y, next_x) * right
    lower = pixel(next_y, x) * (1.0 - right) + pixel(next_y, next_x) * right
    return upper * (1.0 - down) + lower * down


class SpatialTransformer(keras.layers.Layer):
    """Deforms images (n, height, width, channels) by theta (n, n_parameters), both float32, of any size.

    A subclass sets `n_parameters` and implements `transform` and `prior_covariance`.
    """

    n_parameters: int

    def call(self, images, theta):
        """The deformed images (n, height, width, channels), float32; theta of 0 leaves them as they are.

        Images of whole numbers are cast. Raises ValueError if theta has another shape than (n, n_parameters).
        """
        counts = {n for n in (theta.shape[0], images.shape[0]) if n is not None}
        if tuple(theta.shape[1:]) != (self.n_parameters,) or len(counts) > 1:
            raise ValueError(
                f"theta must have the shape (n, {self.n_parameters}) for n images, got {tuple(theta.shape)} for images "
                f"{tuple(images.shape)}"
            )
        images = tf.cast(images, tf.float32)
        height, width = images.shape[1:3]
        points = tf.broadcast_to(pixel_centres(height, width), (tf.shape(images)[0], height * width, 2))
        return tf.reshape(values_at(images, self.transform(theta, points)), tf.shape(images))

    @abstractmethod
    def transform(self, theta, points):
        """T(points), float32 like the points (n, n_points, 2), for theta (n, n_parameters)."""

    @abstractmethod
    def prior_covariance(self) -> np.ndarray:
        """How far deformations are expected to go: a covariance (n_parameters, n_parameters) of theta."""


@keras.saving.register_keras_serializable("class_balancing")
class AffineTransformer(SpatialTransformer):
    """T is the matrix exponential of [[a, b, c], [d, e, f], [0, 0, 0]] about the centre of the image.

    theta is (a, b, c, d, e, f). The unit of length is half a side of a square image, so c = 0.1 moves a picture of 28
    pixels by 1.4; `aspect` is width / height, and in an image that is not square the unit is half of its shorter side,
    so that rotations stay rotations.
    """

    n_parameters = 6

    def __init__(self, aspect: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 < aspect < np.inf:
            raise ValueError(f"aspect must be a positive number, got {aspect}")
        self.aspect = aspect

    def get_config(self):
        return super().get_config() | {"aspect": self.aspect}

    def transform(self, theta, points):
        generator = tf.pad(tf.reshape(theta, (-1, 2, 3)), [[0, 0], [0, 1], [0, 0]])  # (n, 3, 3)
        matrix = tf.linalg.expm(generator)[:, :2]
        half_sides = tf.constant([max(self.aspect, 1.0), max(1.0 / self.aspect, 1.0)], points.dtype) * 2.0
        centred = (points - 0.5) * half_sides
        moved = tf.matmul(centred, matrix[:, :, :2], transpose_b=True) + matrix[:, None, :, 2]
        return moved / half_sides + 0.5

    def prior_covariance(self):
        return np.diag(np.square([0.2, 0.2, 0.1] * 2))

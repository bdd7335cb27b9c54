"""Layers that give the same result however many devices share a batch: batch normalisation and dropout.

Batch normalisation also uses TensorFlow's fused kernel.
"""

import math

import keras
import tensorflow as tf
from keras import ops

from .training.replicas import all_sum, n_replicas, replica_index


@keras.saving.register_keras_serializable("class_balancing")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, whose training pass over (batch, height, width, channels) is one kernel instead of several.

    Weights, defaults and, to rounding, results are the same, except that the moving variance takes the unbiased batch
    variance, as Keras 2 did on TensorFlow. With several replicas the statistics are those of the whole batch.
    """

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        if n_replicas() == 1 and inputs.dtype == "float32":  # the kernel has no float64
            outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
            )
        else:
            outputs, mean, variance = self._normalised_together(inputs)
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1.0 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1.0 - self.momentum))
        return outputs

    def _normalised_together(self, inputs):
        """Outputs, and the whole batch's means and unbiased variances (channels,)."""
        n_values = all_sum(ops.cast(tf.size(inputs) // inputs.shape[-1], inputs.dtype))  # per channel
        mean = all_sum(ops.sum(inputs, axis=(0, 1, 2))) / n_values
        variance = all_sum(ops.sum(ops.square(inputs - mean), axis=(0, 1, 2))) / n_values
        outputs = tf.nn.batch_normalization(
            inputs, mean, variance, self.beta.value, self.gamma.value, self.epsilon
        )  # (batch, height, width, channels)
        return outputs, mean, variance * n_values / (n_values - 1.0)


@keras.saving.register_keras_serializable("class_balancing")
class Dropout(keras.layers.Dropout):
    """Keras' layer; with several replicas each draws the whole batch's mask and takes the rows of its own images.

    Keras' own layer would drop the same units on every replica.
    """

    def call(self, inputs, training=False):
        if not training or n_replicas() == 1 or self.rate == 0:
            return super().call(inputs, training=training)
        n_here = tf.shape(inputs)[0]
        # where replicas cannot share a batch evenly, some need one more row
        n_images = tf.cast(all_sum(tf.cast(n_here, tf.float32)), tf.int32)
        n_rows = tf.maximum(n_images, replica_index() + 1 + n_replicas() * (n_here - 1))
        shape = tf.concat([[n_rows], tf.shape(inputs)[1:]], 0)
        scales = keras.random.dropout(ops.ones(shape, inputs.dtype), self.rate, seed=self.seed_generator)
        return inputs * scales[replica_index() :: n_replicas()][:n_here]


@keras.saving.register_keras_serializable("class_balancing")
class SinusoidalEmbedding(keras.layers.Layer):
    """Times (batch, 1) in [0, 1] as cosines and sines (batch, n_features) of n_features / 2 frequencies, 1 to 100."""

    def __init__(self, n_features: int, **kwargs):
        super().__init__(**kwargs)
        self.n_features = n_features

    def call(self, inputs):
        frequencies = ops.exp(ops.linspace(0.0, math.log(100.0), self.n_features // 2))
        angles = inputs * frequencies  # (batch, n_features / 2)
        return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n_features)

    def get_config(self):
        return super().get_config() | {"n_features": self.n_features}


@keras.saving.register_keras_serializable("class_balancing")
class Modulation(keras.layers.Layer):
    """[x (batch, ..., n), embedding (batch, m)] -> x (1 + scale) + shift, both a dense layer of the embedding.

    They start at 0, so that x is left as it is.
    """

    def build(self, input_shape):
        (*_, n_features), (_, n_embedded) = input_shape
        self.kernel = self.add_weight((n_embedded, 2 * n_features), initializer="zeros", name="kernel")
        self.bias = self.add_weight((2 * n_features,), initializer="zeros", name="bias")

    def call(self, inputs):
        x, embedding = inputs
        scale, shift = ops.split(ops.matmul(embedding, self.kernel) + self.bias, 2, axis=-1)  # (batch, n) each
        for _ in range(len(x.shape) - 2):
            scale, shift = scale[:, None], shift[:, None]  # (batch, 1, ..., n)
        return x * (1.0 + scale) + shift

    def compute_output_shape(self, input_shape):
        return input_shape[0]


class _OfGaussianData(keras.layers.Layer):
    """Knows the standard deviations of the features (n,) of independent Gaussian data of mean 0; at first all are 1."""

    def build(self, input_shape):
        n_features = input_shape[0][-1]
        self.deviations = self.add_weight((n_features,), initializer="ones", trainable=False, name="deviations")

    def variances(self, x, times):
        """v = (1 - t)^2 + t^2 s^2, (batch, ..., n), of x_t = (1 - t) x_0 + t x_1; then t with as many axes as x."""
        times = ops.reshape(times, (-1, *[1] * (len(x.shape) - 1)))
        return ops.square(1.0 - times) + ops.square(times * self.deviations), times

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("class_balancing")
class UnitVariance(_OfGaussianData):
    """[x_t (batch, ..., n), t (batch, 1)] -> x_t with each feature divided by its standard deviation at that time."""

    def call(self, inputs):
        x, times = inputs
        variances, _ = self.variances(x, times)
        return x / ops.sqrt(variances)


@keras.saving.register_keras_serializable("class_balancing")
class AroundGaussianVelocity(_OfGaussianData):
    """[x_t (batch, ..., n), t (batch, 1), y (batch, ..., n)] -> (t s^2 - (1 - t)) / v x_t + s / sqrt(v) y, v as above.

    The first term is flow matching's exact velocity of Gaussian data; y, which has variance 1 where nothing else is
    known, is what other data add to it. So a network that gives y need not carry its input's noise through its layers,
    and features that vary little get little from its errors (Karras et al. 2022, arXiv:2206.00364, for one s).
    """

    def call(self, inputs):
        x, times, departure = inputs
        variances, times = self.variances(x, times)
        exact = (times * ops.square(self.deviations) - (1.0 - times)) / variances * x
        return exact + self.deviations / ops.sqrt(variances) * departure

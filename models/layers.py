"""Layers that give the same result however many devices share a batch: batch normalisation and dropout.

Batch normalisation also uses TensorFlow's fused kernel.
"""

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

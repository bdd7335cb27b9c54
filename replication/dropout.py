"""Dropout that drops the same things however many replicas share a batch."""

import keras
import tensorflow as tf
from keras import ops

from replication.collectives import all_sum, n_replicas, replica_index


@keras.saving.register_keras_serializable("class_balancing")
class Dropout(keras.layers.Dropout):
    """Keras' layer; with several replicas each draws the whole batch's mask and takes the rows of its own images.

    Keras' own layer would drop the same units on every replica.
    """

    def call(self, inputs, training=False):
        if not training or n_replicas() == 1 or self.rate == 0:
            return super().call(inputs, training=training)
        n_here = tf.shape(inputs)[0]
        # parts of batches that the replicas cannot share evenly may need a row more
        n_images = tf.cast(all_sum(tf.cast(n_here, tf.float32)), tf.int32)
        n_rows = tf.maximum(n_images, replica_index() + 1 + n_replicas() * (n_here - 1))
        shape = tf.concat([[n_rows], tf.shape(inputs)[1:]], 0)
        scales = keras.random.dropout(ops.ones(shape, inputs.dtype), self.rate, seed=self.seed_generator)
        return inputs * scales[replica_index() :: n_replicas()][:n_here]

"""Batch normalisation with TensorFlow's fused kernel."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("class_balancing")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, whose training pass over (batch, height, width, channels) is one kernel instead of several.

    Same weights, defaults and result to rounding, except that the moving variance takes the unbiased batch
    variance, as Keras did with TensorFlow 2.1, the thesis's version.
    """

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon, is_training=True
        )
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1.0 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1.0 - self.momentum))
        return outputs

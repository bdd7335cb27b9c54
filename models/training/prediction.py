"""What networks give for batches, outside of training; each network is traced once."""

import weakref

import keras
import numpy as np
import tensorflow as tf

from ...datasets.pixels import to_pixels

PREDICTION_BATCH_SIZE = 500


def predict(network: keras.Model, batches) -> list[np.ndarray]:
    """Each output of the network for a tf.data.Dataset of tuples of its inputs, computed on this machine alone."""
    return [np.concatenate(parts) for parts in zip(*_predicted_batches(network, batches), strict=True)]


def predict_images(network: keras.Model, batches) -> np.ndarray:
    """Like `predict`, for a network whose only output is images: uint8 (n, height, width, channels)."""
    return np.concatenate([to_pixels(images) for (images,) in _predicted_batches(network, batches)])


def predict_arrays(network: keras.Model, *inputs: np.ndarray) -> np.ndarray:
    """The only output of the network for arrays that are one batch."""
    return _traced(network)(*map(tf.constant, inputs))[0].numpy()


def _predicted_batches(network, batches):
    forward_pass = _traced(network)
    return (forward_pass(*inputs) for inputs in batches)


def _traced(network):
    if network not in _forward_passes:
        _forward_passes[network] = _forward_pass(weakref.ref(network))
    return _forward_passes[network]


_forward_passes = weakref.WeakKeyDictionary()


def _forward_pass(network):
    @tf.function(reduce_retracing=True)
    def forward_pass(*inputs):
        return tf.nest.flatten(network()(inputs if len(inputs) > 1 else inputs[0], training=False))

    return forward_pass

"""What networks give for batches, outside of training; each network is traced once."""

import weakref

import keras
import numpy as np
import tensorflow as tf

from ...datasets.pixels import n_at_once, to_pixels

PREDICTION_BATCH_SIZE = 500


def prediction_batch_size(image_shape: tuple[int, int, int]) -> int:
    """How many images of this shape networks take or give together."""
    return n_at_once(PREDICTION_BATCH_SIZE, image_shape)


def predict(network: keras.Model, batches) -> list[np.ndarray]:
    """Each output of the network for a tf.data.Dataset of tuples of its inputs, computed on this machine alone."""
    parts = list(_predicted_batches(network, batches))
    if not parts:
        return [np.empty((0, *output.shape[1:]), output.dtype) for output in network.outputs]
    return [np.concatenate(of_output) for of_output in zip(*parts, strict=True)]


def predict_images(network: keras.Model, batches) -> np.ndarray:
    """Like `predict`, for a network whose only output is images: uint8 (n, height, width, channels)."""
    none = np.empty((0, *network.output_shape[1:]), np.uint8)
    return np.concatenate([none, *(to_pixels(images) for (images,) in _predicted_batches(network, batches))])


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

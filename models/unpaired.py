"""Images of two classes as CycleGANs see and translate them: without brightness and contrast (`models.intensities`)."""

import keras
import numpy as np
import tensorflow as tf

from ..datasets.batches import shuffled_batches
from ..datasets.pixels import n_at_once, to_network, to_pixels
from .intensities import standardised
from .movements import moved
from .training.prediction import predict

TRANSLATION_BATCH_SIZE = 100
IMAGES_AT_ONCE = 2000


def unpaired_batches(sources, targets, batch_size: int, random_states, shift_fraction: float, horizontal_flip: bool):
    """Like `shuffled_batches`, but of {"step": (), "source": images (batch_size, ...), "target": as many}.

    `random_states` are those of the order of `sources`, of the order of `targets`, and of how both are `moved`. An
    epoch shows each image of the smaller class once, and as many of the other.
    """
    source_seed, target_seed, movement_seed = random_states
    n_a, batches_a = shuffled_batches(sources, np.zeros(len(sources)), batch_size, source_seed)
    n_b, batches_b = shuffled_batches(targets, np.zeros(len(targets)), batch_size, target_seed)

    def move(a, b):
        seed = tf.stack([movement_seed, a["step"]])
        uniform = tf.unstack(tf.random.stateless_uniform((2, batch_size, 3), seed))
        source, target = (
            standardised(moved(batch["images"], each, shift_fraction, horizontal_flip))[0]
            for batch, each in zip((a, b), uniform, strict=True)
        )
        return {"step": a["step"], "source": source, "target": target}

    return min(n_a, n_b), lambda first_step: tf.data.Dataset.zip(batches_a(first_step), batches_b(first_step)).map(move)


def translated(generator: keras.Model, images: np.ndarray) -> np.ndarray:
    """uint8 images through a generator, with the brightness and contrast that they had."""
    size, batch_size = (n_at_once(n, images.shape[1:]) for n in (IMAGES_AT_ONCE, TRANSLATION_BATCH_SIZE))
    made = [images[:0]]
    for start in range(0, len(images), size):
        inputs, means, deviations = standardised(to_network(images[start : start + size]))
        batches = tf.data.Dataset.from_tensor_slices((inputs,)).batch(batch_size)
        (outputs,) = predict(generator, batches)
        made.append(to_pixels(means + deviations * outputs))
    return np.concatenate(made)

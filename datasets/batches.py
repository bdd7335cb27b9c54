"""Images on their way into a network."""

import numpy as np

from .pixels import check_pixels, n_at_once, to_network
from .stored_images import StoredImages

FIRST_OF_KEY = 498247692


def shuffled_batches(images: np.ndarray, labels: np.ndarray, batch_size: int, random_state: int):
    """Batches of whole epochs, each epoch in its own order; images that do not fill a batch are left out.

    Takes uint8 images (n, height, width, channels), in memory or stored, and labels (n,), batch_size <= n. Returns
    (steps_per_epoch, batches), where `batches(first_step)` is an endless tf.data.Dataset that starts at a global
    step and yields {"step": (), "images": (batch_size, ...) float32 in [-1, 1], "labels": (batch_size,) int32}.
    """
    import tensorflow as tf

    n_images = len(images)
    steps_per_epoch = n_images // batch_size
    images_at, labels = rows_of(images), tf.constant(labels, tf.int32)

    def load(step):
        positions = (step % steps_per_epoch) * batch_size + tf.range(batch_size, dtype=tf.int64)
        chosen = _shuffled(positions, n_images, random_state, step // steps_per_epoch)
        return {
            "step": step,
            "images": to_network(images_at(chosen)),
            "labels": tf.gather(labels, chosen),
        }

    def batches(first_step: int):
        return tf.data.Dataset.range(first_step, np.iinfo(np.int64).max).map(load)

    return steps_per_epoch, batches


def class_balanced_batches(images, class_indices, batch_size: int, random_state: int):
    """Like `shuffled_batches`, but with every class equally often; each pass over a class has its own order."""
    import tensorflow as tf

    order = tf.constant(np.argsort(class_indices, kind="stable"), tf.int64)
    counts = np.bincount(class_indices)
    starts = tf.constant(np.cumsum(counts) - counts, tf.int64)
    n_classes, counts = len(counts), tf.constant(counts, tf.int64)
    images_at = rows_of(images)

    def load(step):
        labels = rotating_labels(step, batch_size, n_classes)
        draws = (step * batch_size + tf.range(batch_size, dtype=tf.int64)) // n_classes  # earlier draws of the class
        sizes = tf.gather(counts, labels)
        within_class = _shuffled(draws % sizes, sizes, random_state, draws // sizes, labels)
        chosen = tf.gather(order, tf.gather(starts, labels) + within_class)
        return {
            "step": step,
            "images": to_network(images_at(chosen)),
            "labels": tf.cast(labels, tf.int32),
        }

    def batches(first_step: int):
        return tf.data.Dataset.range(first_step, np.iinfo(np.int64).max).map(load)

    return max(1, len(images) // batch_size), batches


def _shuffled(positions, sizes, random_state: int, passes, labels=0):
    """Where each of `positions`, int64 (batch,), lies in a random order of 0..sizes-1, one for each pass and label.

    A key of three small numbers hardly shuffles, so that the first is large, as TensorFlow's own `index_shuffle` has
    it. Of each number only the last 8 bits count for up to 65,000 images: those above are added to the first.
    """
    import tensorflow as tf

    numbers = (random_state, passes, labels, sizes)
    state, passes, labels, sizes = (tf.broadcast_to(tf.cast(n, tf.int64), tf.shape(positions)) for n in numbers)
    key = tf.stack([FIRST_OF_KEY + labels + 7 * (state // 256) + 31 * (passes // 256), state, passes], axis=1)
    return tf.raw_ops.RandomIndexShuffle(index=positions, seed=key, max_index=sizes - 1)


def rotating_labels(step, n: int, n_classes: int):
    """`n` labels that cycle through the classes from where the previous step stopped, so that counts are exact."""
    import tensorflow as tf

    return (step * n + tf.range(n, dtype=tf.int64)) % n_classes


def batches_in_order(images, batch_size: int, labels: np.ndarray | None = None):
    """uint8 images as a tf.data.Dataset of float32 batches in [-1, 1], with their labels if these are given.

    The last batch may be smaller, and of large images all are (`pixels.n_at_once`). Raises ValueError for other images.
    """
    import tensorflow as tf

    check_pixels(images)
    batch_size = n_at_once(batch_size, images.shape[1:])
    others = () if labels is None else (labels,)
    if isinstance(images, StoredImages):
        images_at = rows_of(images)
        parts = tf.data.Dataset.from_tensor_slices((np.arange(len(images)), *others)).batch(batch_size)
        return parts.map(lambda chosen, *rest: (to_network(images_at(chosen)), *rest))
    parts = tf.data.Dataset.from_tensor_slices((images, *others)).batch(batch_size)
    return parts.map(lambda images, *rest: (to_network(images), *rest))


def rows_of(images: np.ndarray | StoredImages):
    """Function of positions, an int64 tensor (batch,), that gives the uint8 images there as a tensor; for `tf.data`."""
    import tensorflow as tf

    if not isinstance(images, StoredImages):
        pixels = tf.constant(images)
        return lambda chosen: tf.gather(pixels, chosen)

    def read(chosen):
        rows = tf.numpy_function(images.__getitem__, [chosen], tf.uint8)
        return tf.ensure_shape(rows, (*chosen.shape, *images.shape[1:]))

    return read


def prompt(batches):
    """The same tf.data.Dataset, with prefetching and without autotuning.

    Closing an iterator waits for the tuner's next turn, which comes after 10 ms, 20 ms, 40 ms, ..., and so can take as
    long as the iterator was in use.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.prefetch(2).with_options(options)


def drawn_equally(n_images: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """int64 (n,) in 0..n_images-1, each equally often except in the last round; all in random order."""
    rounds = [rng.permutation(n_images) for _ in range(-(-n // n_images))]
    return np.concatenate([np.empty(0, np.int64), *rounds])[:n]

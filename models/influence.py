"""Which pixels decide about a class: maps of influence of any Keras classifier of images in [-1, 1].

They look at the class's logit s_y, the output before the last softmax or sigmoid. Images are uint8 (n, height, width,
channels), `class_indices` (n,) say which output is looked at, maps are float32 (n, height, width). They raise
ValueError for other images than the classifier takes, and for indices that it has no output for.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ..datasets.pixels import to_network

IMAGES_AT_ONCE = 50
WINDOW_FRACTION = 7  # windows per side
INFLUENTIAL_SHARE = 0.25
PROBABILITIES = ("softmax", "sigmoid")
RECTIFIERS = ("relu", "leaky_relu")


def gradient_map(classifier: keras.Model, images: np.ndarray, class_indices: np.ndarray) -> np.ndarray:
    """Largest |ds_y / dx| over the channels of each pixel x in [-1, 1] (Simonyan et al. 2013)."""
    _check(classifier, images, class_indices)
    return _gradients(with_logits(classifier), images, class_indices)


def guided_backpropagation_map(classifier: keras.Model, images: np.ndarray, class_indices: np.ndarray) -> np.ndarray:
    """The same where rectifiers pass back positive gradients only (Springenberg et al. 2014).

    It shows edges more than what is special to a class (Adebayo et al. 2018). Raises ValueError for a classifier
    without ReLU or leaky ReLU.
    """
    _check(classifier, images, class_indices)
    return _gradients(with_guided_rectifiers(with_logits(classifier)), images, class_indices)


def occlusion_map(
    classifier: keras.Model, images: np.ndarray, class_indices: np.ndarray, window: int | None = None
) -> np.ndarray:
    """Mean fall of s_y over the windows that cover a pixel, as `occlusion_falls` finds them."""
    falls, rows, columns, window = occlusion_falls(classifier, images, class_indices, window)
    height, width = images.shape[1:3]
    total, count = np.zeros(images.shape[:3], np.float32), np.zeros((height, width), np.float32)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            part = np.s_[top : top + window, left : left + window]
            total[:, *part] += falls[:, i, j, None, None]
            count[part] += 1.0
    return total / count


def occlusion_falls(
    classifier: keras.Model, images: np.ndarray, class_indices: np.ndarray, window: int | None = None
) -> tuple[np.ndarray, list[int], list[int], int]:
    """By how much s_y falls when a square window shows the image's mean colour (Zeiler and Fergus 2014).

    Returns float32 (n, rows, columns), the first row and column of each window, and its side in pixels: by default a
    seventh of the image's shorter side, and at least 2. Windows are half of their side apart, the last ones at the
    border.
    """
    _check(classifier, images, class_indices)
    height, width = images.shape[1:3]
    window = max(2, round(min(height, width) / WINDOW_FRACTION)) if window is None else window
    if not 1 <= window <= min(height, width):
        raise ValueError(f"windows must have 1 to {min(height, width)} pixels, got {window}")
    rows, columns = (sorted({*range(0, side - window, max(1, window // 2)), side - window}) for side in (height, width))
    logits = tf.function(with_logits(classifier), reduce_retracing=True)
    falls = np.empty((len(images), len(rows), len(columns)), np.float32)
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = np.s_[start : start + IMAGES_AT_ONCE]
        whole, chosen = to_network(images[part]).numpy(), class_indices[part, None]
        fill = whole.mean(axis=(1, 2), keepdims=True)
        of_whole = np.take_along_axis(logits(whole).numpy(), chosen, 1)[:, 0]
        for i, top in enumerate(rows):
            for j, left in enumerate(columns):
                occluded = whole.copy()
                occluded[:, top : top + window, left : left + window] = fill
                falls[part, i, j] = of_whole - np.take_along_axis(logits(occluded).numpy(), chosen, 1)[:, 0]
    return falls, rows, columns, window


MAPS = {
    "gradient": gradient_map,
    "occlusion": occlusion_map,
    "guided backpropagation": guided_backpropagation_map,
}


def guide(influence: np.ndarray, shape: tuple[int, int], share: float = INFLUENTIAL_SHARE) -> np.ndarray:
    """T for a guided Gram matrix of features of `shape` (height, width): float32 (n, height, width), mean T^2 of 1.

    It has one value at the `share` of positions with the most influence, at least one, and 0 elsewhere. Positions with
    as much as the last of them count too, so all do where all are alike.
    """
    shrunk = tf.image.resize(influence[..., None], shape, "area").numpy()[..., 0].reshape(len(influence), -1)
    n_chosen = max(1, round(share * shrunk.shape[1]))
    least = np.partition(shrunk, -n_chosen, axis=1)[:, -n_chosen, None]
    is_chosen = shrunk >= least
    values = is_chosen / np.sqrt(is_chosen.mean(axis=1, keepdims=True))
    return values.reshape(len(influence), *shape).astype(np.float32)


def with_logits(classifier: keras.Model) -> keras.Model:
    """The classifier without its last softmax or sigmoid; raises ValueError if it ends in something else."""
    last = classifier.layers[-1]
    ends_in = "softmax" if isinstance(last, layers.Softmax) else _activation(last)
    if isinstance(last, layers.Activation | layers.Softmax) and ends_in in PROBABILITIES:
        return keras.Model(classifier.inputs[0], last.input)
    if isinstance(last, layers.Dense) and ends_in in (*PROBABILITIES, "linear"):
        dense = layers.Dense(last.units, use_bias=last.use_bias, name=f"{last.name}_logits")
        logits = keras.Model(classifier.inputs[0], dense(last.input))
        dense.set_weights(last.get_weights())
        return logits
    raise ValueError(f"{classifier.name} does not end in a softmax or sigmoid, so its logits are not known")


def with_guided_rectifiers(network: keras.Model) -> keras.Model:
    """A copy that gives the same outputs, and whose rectifiers pass back positive gradients only."""
    n_guided = 0

    def copy(layer):
        nonlocal n_guided
        config = layer.get_config()
        if isinstance(layer, layers.ReLU | layers.LeakyReLU):
            n_guided += 1
            return layers.Activation(_guided(layer), name=layer.name)
        if _activation(layer) in RECTIFIERS:
            n_guided += 1
            config["activation"] = _guided(layer.activation)
        return type(layer).from_config(config)

    guided = keras.models.clone_model(network, clone_function=copy)
    if not n_guided:
        raise ValueError(f"{network.name} has no ReLU, so nothing guides its backpropagation")
    guided.set_weights(network.get_weights())
    return guided


def _check(classifier: keras.Model, images: np.ndarray, class_indices: np.ndarray) -> None:
    """Raise ValueError for images that the classifier does not take, or class indices that do not go with them."""
    wanted, n_outputs = classifier.input_shape[1:], classifier.output_shape[-1]
    fits = images.ndim == 4 and all(side in (None, own) for side, own in zip(wanted, images.shape[1:], strict=True))
    if images.dtype != np.uint8 or not fits:
        shape = ", ".join("any" if side is None else str(side) for side in wanted)
        raise ValueError(f"images must be uint8 (n, {shape}), got {images.dtype} {images.shape}")
    indices = np.asarray(class_indices)
    if indices.shape != (len(images),) or indices.dtype.kind not in "iu":
        raise ValueError(f"class_indices must be {len(images)} whole numbers, got {indices.dtype} {indices.shape}")
    if len(indices) and not 0 <= indices.min() <= indices.max() < n_outputs:
        raise ValueError(f"class_indices must lie in 0..{n_outputs - 1}, got {indices.min()} to {indices.max()}")


def _activation(layer) -> str | None:
    return getattr(getattr(layer, "activation", None), "__name__", None)


def _guided(rectifier):
    @tf.custom_gradient
    def guided(values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = rectifier(values)
        return outputs, lambda gradient: tape.gradient(outputs, values, tf.nn.relu(gradient))

    return guided


def _gradients(logits, images, class_indices) -> np.ndarray:
    @tf.function(reduce_retracing=True)
    def gradients(images, chosen):
        with tf.GradientTape() as tape:
            tape.watch(images)
            scores = tf.gather(logits(images, training=False), chosen, axis=1, batch_dims=1)
        return tf.reduce_max(tf.abs(tape.gradient(scores, images)), axis=-1)

    found = []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = np.s_[start : start + IMAGES_AT_ONCE]
        found.append(gradients(to_network(images[part]), tf.constant(class_indices[part], tf.int32)).numpy())
    return np.concatenate(found)

"""Differentiable augmentation for GANs that see few images (Zhao et al. 2020, arXiv:2006.10738).

The discriminator sees real and generated images through the same random changes, so that it cannot learn the real ones
by heart, and the generator's gradient goes back through them, so that it does not learn to make changed images.
Nothing here draws anything: all changes are functions of numbers that the input pipeline has drawn.
"""

import tensorflow as tf
from keras import ops

N_NUMBERS = 7  # brightness, saturation, contrast, two of the translation, two of the cutout

BRIGHTNESS = 0.5  # at strength 1, in a range of 2
SATURATION = 1.0  # relative
CONTRAST = 0.5  # relative
TRANSLATION = 0.125  # of height and width
CUTOUT = 0.5  # of height and width


def augmented(images, numbers, strength: float = 1.0):
    """Images (batch, height, width, channels) float in [-1, 1] with all changes one after the other, same shape.

    `numbers` (batch, 7) are uniform in [0, 1); the same numbers change different images in the same way. `strength` 0
    leaves the images as they are, 1 is the paper's full set: brightness, saturation, contrast, translation and cutout.
    Values may leave [-1, 1].
    """
    if strength == 0:
        return images
    brightness, saturation, contrast, down, right, row, column = tf.unstack(numbers, axis=-1)  # (batch,) each
    images = brightened(images, strength * BRIGHTNESS * (2.0 * brightness - 1.0))
    images = saturated(images, 1.0 + strength * SATURATION * (2.0 * saturation - 1.0))
    images = contrasted(images, 1.0 + strength * CONTRAST * (2.0 * contrast - 1.0))
    height, width = images.shape[1:3]
    down, right = (_shift(number, strength * TRANSLATION, side) for number, side in ((down, height), (right, width)))
    images = translated(images, down, right)
    centre = (_whole(row, height), _whole(column, width))
    sides = (round(strength * CUTOUT * height), round(strength * CUTOUT * width))
    return cut_out(images, centre, sides)


def brightened(images, added):
    """x + added, one number (batch,) for each image."""
    return images + _of_images(added)


def saturated(images, factor):
    """m + factor (x - m) with m the mean over the pixel's channels; factor (batch,). Leaves grey images as they are."""
    mean = ops.mean(images, axis=-1, keepdims=True)  # (batch, height, width, 1)
    return mean + _of_images(factor) * (images - mean)


def contrasted(images, factor):
    """m + factor (x - m) with m the image's mean; factor (batch,)."""
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)  # (batch, 1, 1, 1)
    return mean + _of_images(factor) * (images - mean)


def translated(images, down, right):
    """Images moved by whole pixels, int32 (batch,) each; what enters from outside is 0, a middle grey."""
    height, width = images.shape[1:3]
    rows = _selection(height, down, images.dtype)
    columns = _selection(width, right, images.dtype)
    # products with matrices of ones and zeros, whose gradients are sums in a fixed order, unlike those of gathering
    images = tf.einsum("bij,bjkc->bikc", rows, images)
    return tf.einsum("blk,bikc->bilc", columns, images)


def cut_out(images, centre, sides: tuple[int, int]):
    """Images with a rectangle of `sides` (height, width) pixels set to 0, a middle grey.

    `centre` are its row and column, int32 (batch,) each; what would lie outside is left out.
    """
    if 0 in sides:
        return images
    height, width = images.shape[1:3]
    in_rows = _within(height, centre[0], sides[0], images.dtype)[:, :, None]  # (batch, height, 1)
    in_columns = _within(width, centre[1], sides[1], images.dtype)[:, None, :]  # (batch, 1, width)
    return images * (1.0 - in_rows * in_columns)[..., None]


def _of_images(values):
    return values[:, None, None, None]


def _whole(number, n: int):
    """int32 in 0..n-1 from a uniform number in [0, 1)."""
    return tf.minimum(tf.cast(number * n, tf.int32), n - 1)


def _shift(number, fraction: float, side: int):
    """Whole pixels, each as likely, up to the fraction of the side in both directions."""
    largest = round(fraction * side)
    return _whole(number, 2 * largest + 1) - largest


def _selection(n: int, shift, dtype):
    """(batch, n, n) with a one where row i of the result takes row i - shift of the source."""
    return tf.one_hot(tf.range(n) - shift[:, None], n, dtype=dtype)  # rows from outside have no one


def _within(n: int, centre, side: int, dtype):
    """(batch, n) with ones at the `side` positions around the centre."""
    offset = tf.range(n) - centre[:, None] + side // 2
    return tf.cast((offset >= 0) & (offset < side), dtype)

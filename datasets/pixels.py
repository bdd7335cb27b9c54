"""Conversion between stored pixels and network values; the only place that scales, and how many at once."""

import numpy as np


def to_network(images):
    """uint8 0..255 (numpy array or tensor, any shape) -> float32 tensor in [-1, 1]."""
    from keras import ops

    return ops.cast(images, "float32") / 127.5 - 1.0


def to_pixels(values) -> np.ndarray:
    """Float array or tensor in [-1, 1] -> uint8 array in 0..255, rounded; values outside are clipped."""
    return np.clip(np.rint((np.asarray(values) + 1.0) * 127.5), 0, 255).astype(np.uint8)


def n_at_once(n_small: int, image_shape: tuple[int, int, int]) -> int:
    """How many images (height, width, channels) are in memory as network values together.

    `n_small` of up to 64 x 64 pixels, and of larger ones as many as have no more pixels than these, at least one.
    """
    height, width, _ = image_shape
    return max(1, min(n_small, n_small * 64 * 64 // (height * width)))

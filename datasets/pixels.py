"""Conversion between stored pixels and network values; the only place that scales, and how many at once."""

import numpy as np


def to_network(images):
    """uint8 0..255 (numpy array or tensor, any shape) -> float32 tensor in [-1, 1]."""
    from keras import ops

    return ops.cast(images, "float32") / 127.5 - 1.0


def to_pixels(values) -> np.ndarray:
    """Float array or tensor in [-1, 1] -> uint8 array in 0..255, rounded; values outside are clipped."""
    return np.clip(np.rint((np.asarray(values) + 1.0) * 127.5), 0, 255).astype(np.uint8)


def check_pixels(*sets: np.ndarray) -> None:
    """Raise ValueError unless all are uint8 images (n, height, width, channels)."""
    for images in sets:
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(
                f"images must be uint8 (n, height, width, channels), got {images.dtype} {images.shape}; floating ones "
                "become so by np.uint8(np.rint(255 * images))"
            )


def n_at_once(n_small: int, image_shape: tuple[int, int, int]) -> int:
    """How many images (height, width, channels) are in memory as network values together.

    `n_small` of up to 64 x 64 pixels, and of larger ones as many as have no more pixels than these, at least one.
    """
    height, width, _ = image_shape
    return max(1, min(n_small, n_small * 64 * 64 // (height * width)))

"""How near images come to those that they should show: of each pair its errors, PSNR and SSIM."""

import numpy as np

from ..datasets.pixels import check_pixels, n_at_once

BATCH_SIZE = 1000
MIN_SIDE_PIXELS = 11


def squared_error(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Mean over the values of each image of the squared difference, in squared pixel values; (n,)."""
    return np.square(_difference(images, originals)).mean(axis=(1, 2, 3))


def absolute_error(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Mean over the values of each image of the absolute difference, in pixel values; (n,)."""
    return np.abs(_difference(images, originals)).mean(axis=(1, 2, 3))


def psnr(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each uint8 image (n, height, width, channels), in dB; (n,).

    It is 10 log10(255^2 / squared error). An image without any error counts as if one value were off by 1.
    """
    least = 1.0 / np.prod(images.shape[1:])
    return 10.0 * np.log10(255.0**2 / np.maximum(squared_error(images, originals), least))


def ssim(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """`tf.image.ssim` of each uint8 image (n, height, width, channels) on 0..255; (n,).

    Raises ValueError for a side under 11 pixels.
    """
    import tensorflow as tf

    check_pixels(images, originals)
    if min(images.shape[1:3]) < MIN_SIDE_PIXELS:
        raise ValueError(f"SSIM needs sides of at least {MIN_SIDE_PIXELS} pixels, got {images.shape[1:3]}")
    size = n_at_once(BATCH_SIZE, images.shape[1:])
    starts = range(0, len(images), size)
    batches = [(images[start : start + size], originals[start : start + size]) for start in starts]
    return np.concatenate([tf.image.ssim(*map(tf.constant, batch), max_val=255).numpy() for batch in batches])


def _difference(images, originals) -> np.ndarray:
    check_pixels(images, originals)
    if images.shape != originals.shape:
        raise ValueError(f"images {images.shape} and originals {originals.shape} must have the same shape")
    return images.astype(np.float32) - originals.astype(np.float32)

"""Diversity of a set of images: structural similarity of random pairs (thesis section 5.3, eq. 5.1-5.3)."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

BATCH_SIZE = 1000
MIN_SIDE_PIXELS = 11
DEFAULT_RANGE = (-1.0, 1.0)


@dataclass(frozen=True)
class SSIM:
    """Mean over pairs, its standard error, and the number of pairs."""

    mean: float
    standard_error: float
    n_pairs: int


def pairwise_ssim(images: np.ndarray, random_state: int, value_range=DEFAULT_RANGE) -> SSIM:
    """Pair uint8 images (n, height, width, channels) at random, each at most once, and average `tf.image.ssim`.

    Images are scaled to `value_range`, whose width is `max_val`. Its position matters: the term for the means compares
    values, so that a dark and a bright image differ more around zero. Lower means more diverse. The "+" in the
    thesis's eq. 5.3 is a misprint for a product (DEVIATIONS.md). Raises ValueError for fewer than four images or a
    side under 11 pixels.
    """
    if len(images) < 4:
        raise ValueError(f"SSIM needs at least two pairs, got {len(images)} images")
    if min(images.shape[1:3]) < MIN_SIDE_PIXELS:
        raise ValueError(f"SSIM needs sides of at least {MIN_SIDE_PIXELS} pixels, got {images.shape[1:3]}")
    order = np.random.default_rng(random_state).permutation(len(images))
    n_pairs = len(images) // 2
    first, second = order[:n_pairs], order[n_pairs : 2 * n_pairs]
    low, high = value_range
    values = []
    for start in range(0, n_pairs, BATCH_SIZE):
        pairs = [images[part[start : start + BATCH_SIZE]] for part in (first, second)]
        scaled = [pixels.astype(np.float32) / 255 * (high - low) + low for pixels in pairs]
        values.append(tf.image.ssim(*scaled, max_val=high - low).numpy())
    values = np.concatenate(values).astype(np.float64)
    return SSIM(float(values.mean()), float(values.std(ddof=1) / np.sqrt(n_pairs)), n_pairs)

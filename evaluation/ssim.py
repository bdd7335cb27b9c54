"""Structural similarity of random pairs of images (thesis section 5.3, eq. 5.1-5.3).

Of pairs of one set it says how diverse the set is, of pairs of a new and an original image how close the new ones are.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ..datasets.batches import drawn_equally
from ..datasets.pixels import check_pixels, n_at_once

PAIRING = 1  # of the seed: which originals new images are paired with
BATCH_SIZE = 1000
MIN_IMAGES = 4  # two pairs
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
    _check(images, MIN_IMAGES)
    order = np.random.default_rng(random_state).permutation(len(images))
    n_pairs = len(images) // 2
    return _mean_ssim(images[order[:n_pairs]], images[order[n_pairs : 2 * n_pairs]], value_range)


def ssim_to_originals(images: np.ndarray, originals: np.ndarray, random_state: int, value_range=DEFAULT_RANGE) -> SSIM:
    """Pair each uint8 image (n, height, width, channels) with one of the originals (m, ...) and average as above.

    Originals are drawn at random and equally often, by other numbers than those by which a method that samples with
    the same `random_state` draws what it makes images of. Compare with `pairwise_ssim` of the originals: a higher value
    says that new images are closer to originals than those are to each other. Raises ValueError for fewer than two
    images, no original, or a side under 11 pixels.
    """
    _check(images, 2)
    check_pixels(originals)
    if not len(originals):
        raise ValueError("SSIM to originals needs at least one original")
    chosen = drawn_equally(len(originals), len(images), np.random.default_rng([random_state, PAIRING]))
    return _mean_ssim(images, originals[chosen], value_range)


def mean_over_classes(measured: list[SSIM]) -> dict[str, float]:
    """The mean of the means of each class, "value", and its "standard_error"."""
    n = len(measured)
    return {
        "value": sum(each.mean for each in measured) / n,
        "standard_error": float(np.sqrt(sum(each.standard_error**2 for each in measured))) / n,
    }


def _check(images, least: int) -> None:
    check_pixels(images)
    if len(images) < least:
        raise ValueError(f"SSIM needs at least two pairs, got {len(images)} images")
    if min(images.shape[1:3]) < MIN_SIDE_PIXELS:
        raise ValueError(f"SSIM needs sides of at least {MIN_SIDE_PIXELS} pixels, got {images.shape[1:3]}")


def _mean_ssim(first, second, value_range) -> SSIM:
    low, high = value_range
    n_pairs, values, size = len(first), [], n_at_once(BATCH_SIZE, first.shape[1:])
    for start in range(0, n_pairs, size):
        pairs = [images[start : start + size] for images in (first, second)]
        scaled = [pixels.astype(np.float32) / 255 * (high - low) + low for pixels in pairs]
        values.append(tf.image.ssim(*scaled, max_val=high - low).numpy())
    values = np.concatenate(values).astype(np.float64)
    return SSIM(float(values.mean()), float(values.std(ddof=1) / np.sqrt(n_pairs)), n_pairs)

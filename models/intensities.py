"""Brightness and contrast of images, which networks with instance normalisation cannot see."""

import numpy as np
from keras import ops

from ..datasets.stored_images import in_parts

SMALLEST_DEVIATION = 1e-3  # of images in [-1, 1]; less than between two of 256 values


def standardised(images):
    """Float images (n, height, width, channels) as (x - m) / d, their means m and largest deviations d from it.

    m and d are (n, 1, 1, 1), the results lie in [-1, 1]. A generator with instance normalisation gives the same for x
    and a x + b, so it could never recover brightness and contrast: on faces its cycle loss stops at .19, with m and d
    put aside it falls below .06. Channels share m and d, so that a cast of colour images stays unseen.
    """
    means = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    deviations = ops.max(ops.abs(images - means), axis=(1, 2, 3), keepdims=True)
    deviations = ops.maximum(deviations, SMALLEST_DEVIATION)
    return (images - means) / deviations, means, deviations


def is_plain(images: np.ndarray) -> np.ndarray:
    """Which images (n, height, width, channels) have one colour everywhere, bool (n,).

    An instance normalisation leaves nothing of them and multiplies the gradients at such an image by some hundreds, so
    that one of them in a batch ends a training with infinite weights.
    """
    parts = ((part == part[:, :1, :1]).all(axis=(1, 2, 3)) for part in in_parts(images))
    return np.concatenate([np.zeros(0, bool), *parts])

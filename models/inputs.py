"""What callers give: images as uint8 or floating numbers, labels as integers, booleans or strings, random states."""

import numbers
from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from ..datasets.pixels import n_at_once
from ..datasets.stored_images import StoredImages

IMAGES_AT_ONCE = 1000
STRATEGIES = ("auto", "minority", "not minority", "not majority", "all")


def checked(images, labels) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, height, width, channels) and labels (n,) as arrays, not copied if they are arrays already.

    Images are those of `checked_images`. Labels are integers, booleans or strings, which may be in an object array.
    Raises ValueError for anything else.
    """
    images, labels = checked_images(images), np.asarray(labels)
    if labels.ndim != 1 or not (labels.dtype.kind in "biuU" or _holds_strings(labels)):
        raise ValueError(
            f"labels must be integers, booleans or strings of shape (n,), got {labels.dtype} {labels.shape}"
        )
    if len(images) != len(labels):
        raise ValueError(f"there are {len(images)} images but {len(labels)} labels")
    return images, labels


def checked_images(images) -> np.ndarray:
    """Images (n, height, width, channels) as an array, uint8 in 0..255 or float16, float32 or float64 in [0, 1].

    Stored images stay stored. Raises ValueError for anything else.
    """
    if isinstance(images, StoredImages):
        return images
    images = np.asarray(images)
    is_float = images.dtype.kind == "f" and images.dtype.itemsize <= 8
    if images.ndim != 4 or not (is_float or images.dtype == np.uint8):
        raise ValueError(
            "images must be uint8 in 0..255 or floating numbers in [0, 1], of shape (n, height, width, channels), "
            f"got {images.dtype} {images.shape}"
        )
    if 0 in images.shape[1:]:
        raise ValueError(f"images must have pixels and channels, got {images.shape}")
    if is_float and images.size:
        smallest, largest = images.min(), images.max()  # both are NaN if any value is
        if not (smallest >= 0 and largest <= 1):
            raise ValueError(f"floating images must lie in [0, 1], found values from {smallest} to {largest}")
    return images


def check_like_fitted(images: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Raise ValueError unless images are uint8 (n, *image_shape)."""
    found = f"{images.dtype} {images.shape}" if hasattr(images, "dtype") else f"a {type(images).__name__}"
    if getattr(images, "dtype", None) != np.uint8 or images.shape[1:] != image_shape:
        raise ValueError(f"images must be uint8 {('n', *image_shape)}, got {found}")


def checked_latents(latents, latent_size: int) -> np.ndarray:
    """Latents float32 (n, latent_size); raises ValueError for another shape."""
    latents = np.asarray(latents, np.float32)
    if latents.ndim != 2 or latents.shape[1] != latent_size:
        raise ValueError(f"latents must have the shape (n, {latent_size}), got {latents.shape}")
    return latents


def check_strategy(sampling_strategy) -> None:
    """Raise ValueError unless it is of a kind that imbalanced-learn takes, which then looks at its classes."""
    is_word = isinstance(sampling_strategy, str) and sampling_strategy in STRATEGIES
    is_dict = isinstance(sampling_strategy, Mapping) and all(
        isinstance(n, numbers.Integral) for n in sampling_strategy.values()
    )
    if not (is_word or is_dict or isinstance(sampling_strategy, numbers.Real) or callable(sampling_strategy)):
        raise ValueError(
            f"sampling_strategy must be one of {', '.join(STRATEGIES)}, a ratio of two classes, a function of labels "
            f"or a dictionary of each class's whole number of images, got {sampling_strategy!r}"
        )


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Checked images as uint8; floating ones are rounded to the nearest multiple of 1/255."""
    if images.dtype == np.uint8:
        return images
    pixels = np.empty(images.shape, np.uint8)
    size = n_at_once(IMAGES_AT_ONCE, images.shape[1:])
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        pixels[part] = np.rint(images[part] * 255)
    return pixels


def from_uint8(pixels: np.ndarray, dtype) -> np.ndarray:
    """uint8 images in a dtype that `checked` accepts; floating ones are multiples of 1/255."""
    dtype = np.dtype(dtype)
    if dtype == np.uint8:
        return pixels
    return np.divide(pixels, 255, dtype=dtype.newbyteorder("=")).astype(dtype, copy=False)


def seed_of(random_state) -> int:
    """A whole number as it is; for None or a numpy RandomState, a number drawn from it."""
    if isinstance(random_state, numbers.Integral):
        if not 0 <= random_state < 2**32:
            raise ValueError(f"random_state must lie in 0..4294967295, got {random_state}")
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def check_resumable(estimator: BaseEstimator) -> None:
    """Raise ValueError if it keeps checkpoints in `folder` but has no `random_state` with which it could go on."""
    if estimator.folder is not None and not isinstance(estimator.random_state, numbers.Integral):
        raise ValueError(
            "a stopped fit continues from the checkpoints in folder with the same random_state, which must be a whole "
            f"number then, got {estimator.random_state!r}"
        )


def _holds_strings(labels: np.ndarray) -> bool:
    return labels.dtype == object and all(isinstance(label, str) for label in labels)

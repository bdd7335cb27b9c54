"""What callers give: images as uint8 or floating numbers, labels as integers, booleans or strings, random states."""

import numbers

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from ..datasets.stored_images import StoredImages

IMAGES_AT_ONCE = 1000


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
    if is_float and images.size:
        smallest, largest = images.min(), images.max()  # both are NaN if any value is
        if not (smallest >= 0 and largest <= 1):
            raise ValueError(f"floating images must lie in [0, 1], found values from {smallest} to {largest}")
    return images


def check_like_fitted(images: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Raise ValueError unless images are uint8 (n, *image_shape)."""
    if images.dtype != np.uint8 or images.shape[1:] != image_shape:
        raise ValueError(f"images must be uint8 {('n', *image_shape)}, got {images.dtype} {images.shape}")


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Checked images as uint8; floating ones are rounded to the nearest multiple of 1/255."""
    if images.dtype == np.uint8:
        return images
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = slice(start, start + IMAGES_AT_ONCE)
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
        if random_state < 0:
            raise ValueError(f"random_state must not be negative, got {random_state}")
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

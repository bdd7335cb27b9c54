"""Which images a balancer sees, which a classifier trains and validates on, and which only test it.

Both protocols split 70:30 into training and test images, then drop a part of the minority class from the training
images. Test images are real and reach nothing but the final scores.

"thesis" (sections 5.2 and 5.3): the balancer sees all remaining training images; a quarter of the *balanced* training
images, synthetic ones among them, is cut off for validation. "clean": a quarter of the remaining real training images
is cut off first; neither the balancer nor the classifier's training sees it, and no synthetic image reaches it.
"""

from dataclasses import dataclass

import numpy as np

from datasets.image_dataset import ImageDataset
from datasets.imbalance import drop_fraction
from datasets.split import split

PROTOCOLS = ("thesis", "clean")


@dataclass(frozen=True)
class Folds:
    """`train` is all that a balancer sees; `validation` is None under "thesis", where it is cut later.

    `n_missing` minority images restore the balance that `train` had before the drop.
    """

    train: ImageDataset
    validation: ImageDataset | None
    test: ImageDataset
    n_missing: int


def prepare(
    dataset: ImageDataset,
    *,
    minority: int,
    dropped_percent: int,
    protocol: str,
    test_fraction: float,
    validation_fraction: float,
    random_state: int,
) -> Folds:
    """Split, drop (`dropped_percent` 0 drops nothing) and, under "clean", cut off the validation images.

    Raises ValueError where a class is too small for that.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    train_indices, test_indices = split(dataset.labels, test_fraction, random_state)
    train, test = dataset.take(train_indices), dataset.take(test_indices)
    n_missing = 0
    if dropped_percent:
        kept = drop_fraction(train.labels, minority, dropped_percent, random_state)
        n_missing = len(train.labels) - len(kept)
        train = train.take(kept)
    if protocol == "thesis":
        return Folds(train, None, test, n_missing)
    train_indices, validation_indices = split(train.labels, validation_fraction, random_state)
    n_missing = round(n_missing * (1.0 - validation_fraction))
    return Folds(train.take(train_indices), train.take(validation_indices), test, n_missing)


def with_new_images(
    folds: Folds, new_images: np.ndarray, *, minority: int, validation_fraction: float, random_state: int
) -> tuple[ImageDataset, ImageDataset]:
    """Training and validation images of a classifier, `new_images` (n, height, width, channels) added to the class."""
    real = folds.train
    balanced = ImageDataset(
        real.name,
        np.concatenate([real.images, new_images]),
        np.concatenate([real.labels, np.full(len(new_images), minority, np.int64)]),
        real.class_names,
    )
    if folds.validation is not None:
        return balanced, folds.validation
    train_indices, validation_indices = split(balanced.labels, validation_fraction, random_state)
    return balanced.take(train_indices), balanced.take(validation_indices)

"""The one form in which datasets are passed around."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .stored_images import StoredImages, in_parts, taken


class DatasetError(ValueError):
    """A dataset is missing, damaged or malformed; the message says which file and what to do."""


@dataclass(frozen=True)
class ImageDataset:
    """Labelled images: `images` uint8 (n, height, width, channels) in 0..255, `labels` int64 (n,) in 0..n_classes-1.

    Images are an array or, where they need not all be in memory, stored ones. `official_parts` (n,) names the part of
    each image, "train", "validation" or "test", if the dataset comes split. Raises DatasetError if the arrays do not
    have these shapes and types.
    """

    name: str
    images: np.ndarray | StoredImages
    labels: np.ndarray
    class_names: tuple[str, ...]
    official_parts: np.ndarray | None = None

    def __post_init__(self):
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise DatasetError(
                f"{self.name}: images must be uint8 (n, height, width, channels), "
                f"got {self.images.dtype} {self.images.shape}"
            )
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int64:
            raise DatasetError(
                f"{self.name}: labels must be int64 {self.images.shape[:1]}, "
                f"got {self.labels.dtype} {self.labels.shape}"
            )
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DatasetError(f"{self.name}: labels must lie in 0..{len(self.class_names) - 1}")

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def counts(self) -> dict[str, int]:
        """How many images each class has, by its name."""
        numbers = np.bincount(self.labels, minlength=self.n_classes)
        return dict(zip(self.class_names, numbers.tolist(), strict=True))

    @cached_property
    def digest(self) -> str:
        """Hexadecimal hash of all images and labels."""
        found = hashlib.sha256(repr(self.images.shape).encode())
        for part in in_parts(self.images, f"hashing {self.name}"):
            found.update(np.ascontiguousarray(part))
        found.update(np.ascontiguousarray(self.labels))
        return found.hexdigest()[:16]

    def take(self, indices: np.ndarray) -> "ImageDataset":
        """The images at `indices`, in their order."""
        parts = None if self.official_parts is None else self.official_parts[indices]
        return ImageDataset(self.name, taken(self.images, indices), self.labels[indices], self.class_names, parts)

"""The interface of every method."""

import numbers
from abc import ABC, abstractmethod

import numpy as np
from imblearn.utils import check_sampling_strategy
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

MIN_IMAGES_COMPARED = 16  # fewer may be alike by chance
MAX_IMAGES_COMPARED = 1000
COLLAPSED_VARIATION = 0.01


class ModeCollapseError(RuntimeError):
    """A method's images of a class are nearly all the same."""


class Balancer(BaseEstimator, ABC):
    """Learns from labelled images and makes new ones of a class.

    Follows imbalanced-learn: constructors only store keyword arguments (so that `get_params` and `clone` work),
    `sampling_strategy` has its grammar, fitted state ends in an underscore. Images are uint8 (n, height, width,
    channels) in 0..255, labels integers (n,).

    A subclass writes two hooks: `_fit(images, class_indices)` with indices 0..n_classes-1, and
    `_sample(class_index, n, random_state)`, which returns uint8 images (n, height, width, channels).
    """

    def fit(self, images: np.ndarray, labels: np.ndarray) -> "Balancer":
        """Learn from images and labels; sets `classes_`, `image_shape_`, `sampling_strategy_` and `seed_`.

        `sampling_strategy_` maps each class to the number of images that `fit_resample` adds. Raises ValueError
        where images or labels are not of the shapes and types above or have no two classes.
        """
        images, labels = _checked(images, labels)
        _check_counts(self.get_params())
        self.classes_, class_indices = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"balancing needs at least two classes, found only {self.classes_.tolist()}")
        self.image_shape_ = images.shape[1:]
        self.variations_ = np.array([_variation(images[class_indices == i]) for i in range(len(self.classes_))])
        wanted = check_sampling_strategy(self.sampling_strategy, labels, "over-sampling")
        self.sampling_strategy_ = {int(label): int(n) for label, n in wanted.items()}
        self.seed_ = _seed(self.random_state)
        self._fit(images, class_indices)
        return self

    def sample(self, label, n: int, random_state=None) -> np.ndarray:
        """`n` new uint8 images of one class; the same arguments give the same images.

        `random_state` None stands for the one that was fitted with. Raises ValueError for a class that was not fitted,
        ModeCollapseError where 16 or more images differ from each other by less than a hundredth of what originals do.
        """
        if not hasattr(self, "classes_"):
            raise ValueError(f"this {type(self).__name__} is not fitted yet; call fit first")
        if label not in self.classes_:
            raise ValueError(f"class {label} was not among the fitted classes {self.classes_.tolist()}")
        if n < 0:
            raise ValueError(f"cannot make {n} images")
        if n == 0:
            return np.empty((0, *self.image_shape_), np.uint8)
        seed = self.seed_ if random_state is None else _seed(random_state)
        class_index = int(np.searchsorted(self.classes_, label))
        images = self._sample(class_index, n, seed)
        variation = _variation(images)
        if n >= MIN_IMAGES_COMPARED and variation < COLLAPSED_VARIATION * self.variations_[class_index]:
            raise ModeCollapseError(
                f"{type(self).__name__}'s images of class {label} are nearly all alike: their pixels differ by "
                f"{variation:.2f} of 255 on average, the originals' by {self.variations_[class_index]:.1f}. "
                "Train it longer or with another learning rate"
            )
        return images

    def fit_resample(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit, then return the given images and labels, unchanged and in order, followed by the new ones."""
        self.fit(images, labels)
        new = [self.sample(label, n) for label, n in self.sampling_strategy_.items()]
        new_labels = [np.full(n, label, np.asarray(labels).dtype) for label, n in self.sampling_strategy_.items()]
        return np.concatenate([images, *new]), np.concatenate([labels, *new_labels])

    @abstractmethod
    def _fit(self, images: np.ndarray, class_indices: np.ndarray) -> None: ...

    @abstractmethod
    def _sample(self, class_index: int, n: int, random_state: int) -> np.ndarray: ...


def _seed(random_state) -> int:
    """A whole number for itself; None or a numpy RandomState for one that it draws."""
    if isinstance(random_state, numbers.Integral):
        if random_state < 0:
            raise ValueError(f"random_state must not be negative, got {random_state}")
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _variation(images: np.ndarray) -> float:
    """Mean absolute difference of the first half's images to the second half's; of the first thousand."""
    images = images[:MAX_IMAGES_COMPARED]
    half = len(images) // 2
    if half == 0:
        return 0.0
    return float(np.abs(images[:half].astype(np.int16) - images[half : 2 * half]).mean())


def _check_counts(parameters: dict) -> None:
    """Raise ValueError where a number of epochs, a batch size or a latent size is none."""
    smallest = {"n_epochs": 0, "n_autoencoder_epochs": 0, "batch_size": 1, "latent_size": 1}
    for name in smallest.keys() & parameters.keys():
        value = parameters[name]
        if not isinstance(value, numbers.Integral) or value < smallest[name]:
            raise ValueError(f"{name} must be a whole number of at least {smallest[name]}, got {value!r}")


def _checked(images, labels):
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 4 or images.dtype != np.uint8:
        raise ValueError(
            f"images must be uint8 of shape (n, height, width, channels), got {images.dtype} {images.shape}"
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers of shape (n,), got {labels.dtype} {labels.shape}")
    if len(images) != len(labels):
        raise ValueError(f"there are {len(images)} images but {len(labels)} labels")
    return images, labels

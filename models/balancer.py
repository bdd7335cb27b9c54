"""The interface of every method that makes images."""

import contextlib
import numbers
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from imblearn.utils import check_sampling_strategy
from sklearn.base import BaseEstimator

from ..datasets.pixels import n_at_once
from .inputs import check_like_fitted, check_strategy, checked, from_uint8, seed_of, to_uint8
from .saving import Saveable

MIN_IMAGES_COMPARED = 16  # fewer may be alike by chance
MAX_IMAGES_COMPARED = 1000
COLLAPSED_VARIATION = 0.01


class ModeCollapseError(RuntimeError):
    """A method's images of a class are nearly all the same."""


_collapse_is_tolerated: ContextVar[bool] = ContextVar("collapse_is_tolerated", default=False)


@contextlib.contextmanager
def collapse_tolerated(tolerated: bool = True):
    """Within the block, `sample` warns of images that are nearly all the same, instead of raising ModeCollapseError."""
    token = _collapse_is_tolerated.set(tolerated)
    try:
        yield
    finally:
        _collapse_is_tolerated.reset(token)


class HasParents(ABC):
    """A balancer each of whose new images is made from one original."""

    @abstractmethod
    def parents(self, label, n: int, random_state=None) -> np.ndarray:
        """Index of the fitted image that each image of `sample` with the same arguments is made from.

        int64 (n,), -1 where an image is made from none. Raises ValueError for a class that was not fitted.
        """


class HasStyles(ABC):
    """A balancer each of whose new images has the style of one or several other images."""

    @abstractmethod
    def styles(self, label, n: int, random_state=None) -> np.ndarray:
        """Whose styles each image of `sample` with the same arguments has, (n, n_styles).

        int64 indices of fitted images, or names of files. Raises ValueError for a class that was not fitted. One that
        also HasTransform has `styles_of_transformed` with the same arguments, for `n` images given to `transform`.
        """


class HasTransform(ABC):
    """A balancer that can make its new images from given images instead of originals."""

    def transform(self, images: np.ndarray, label, random_state=None) -> np.ndarray:
        """A new image of class `label` from each image; both uint8 (n, height, width, channels) of the fitted shape.

        The images should be of class `label` or, for a balancer that HasSourceClass, of the source class. The same
        arguments give the same images. Raises ValueError for a class that was not fitted, and for other images.
        """
        class_index, n, seed = self._asked(label, len(images), random_state)
        check_like_fitted(images, self.image_shape_)
        return self._transform(images, class_index, seed) if n else images.copy()

    @abstractmethod
    def _transform(self, images: np.ndarray, class_index: int, random_state: int) -> np.ndarray: ...


class HasLatents(ABC):
    """A balancer that finds the latents of images and makes images from latents."""

    @abstractmethod
    def encode(self, images: np.ndarray, label) -> np.ndarray:
        """Latents float32 (n, latent_size) of uint8 images (n, height, width, channels) of one class.

        Raises ValueError for a class that was not fitted, and for images of another kind than the fitted ones.
        """

    @abstractmethod
    def decode(self, latent: np.ndarray, label) -> np.ndarray:
        """uint8 images (n, height, width, channels) of one class from latents float32 (n, latent_size).

        Raises ValueError for a class that was not fitted.
        """


class HasSourceClass(ABC):
    """A balancer that makes images of every class but this one, whose images it translates into the others'.

    `source_class` is its label, or None for the largest of the fitted classes; `source_label_` is the fitted one.
    """

    source_class: str | int | None
    source_label_: str | int

    @abstractmethod
    def translate(self, images: np.ndarray, label) -> np.ndarray:
        """Images of the source class as images of class `label`; both uint8 (n, height, width, channels).

        Raises ValueError for a class that was not fitted or gets no new images, and for images of another kind.
        """

    @abstractmethod
    def recover(self, images: np.ndarray, label) -> np.ndarray:
        """Images of class `label` as images of the source class; both uint8 (n, height, width, channels).

        Of translated images it makes about those that they were. Raises ValueError for a class that was not fitted or
        gets no new images.
        """


@dataclass(kw_only=True, eq=False, repr=False)
class Balancer(Saveable, BaseEstimator, ABC):
    """Learns from labelled images and makes new ones of a class.

    Follows imbalanced-learn: constructors only store keyword arguments (so that `get_params` and `clone` work),
    `sampling_strategy` takes the same values, names of fitted state end in an underscore. Images (n, height, width,
    channels) are uint8 in 0..255 or floating numbers in [0, 1], labels (n,) integers, booleans or strings. New images
    have the originals' dtype and 8-bit precision: floating ones are multiples of 1/255. `fit` also takes
    more images than memory holds, as `datasets.stored_images.StoredImages`.

    A subclass is a dataclass whose fields are its parameters. It implements two hooks, in which all images are uint8:
    `_fit(images, class_indices)` with indices 0..n_classes-1, and `_sample(class_index, n, random_state)`, which
    returns images (n, height, width, channels). The images of `_fit` may be stored: read few at a time, and choose some
    with `taken`, which reads none. What else it can or cannot do is declared by the bases HasParents,
    HasStyles, HasTransform, HasLatents and HasSourceClass. `check_balancer` checks whether it follows the rules.
    """

    sampling_strategy: str | float | dict | Callable = "auto"
    random_state: int | np.random.RandomState | None = 0

    min_side_pixels: ClassVar[int] = 1
    makes_copies: ClassVar[bool] = False  # whether new images are unchanged originals

    @classmethod
    def arguments(cls, schedule: str, n_images: int, flip: bool) -> dict:
        """Constructor arguments for any `n_images` training images under a schedule: smoke, quick or thesis.

        `flip` says whether a mirrored image is an image of the same class.
        """
        return {}

    def recorded_parameters(self) -> dict:
        """The parameters that records of a run name, by which they are told apart."""
        return self.get_params()

    @property
    def min_images(self) -> int:
        """How many images a class needs to get new ones."""
        return 1

    @property
    def source_classes(self) -> tuple:
        """Classes, None for the largest one, of which it makes no images since it translates theirs into others'."""
        return (self.source_class,) if isinstance(self, HasSourceClass) else ()

    def fit_seconds(self, n_images: int, image_shape: tuple[int, ...], n_classes: int, n_small_classes: int) -> float:
        """Estimate of how long `fit` takes on two cores like the reference machine's, 0 where nobody needs to know.

        Of `n_classes` so many `n_small_classes` get new images. What checkpoints hold already does not count.
        """
        return 0.0

    def sample_seconds(self, n: int, image_shape: tuple[int, ...]) -> float:
        """The same for `sample`, beside what writing and measuring images takes."""
        return 0.0

    def n_bytes_held(self, n_images: int, n_of_class: int, image_shape: tuple[int, ...]) -> int:
        """Estimate of the memory that `fit` and `sample` take for stored images, if it grows with them; else 0.

        Of `n_images` the largest class that gets new ones has `n_of_class`.
        """
        return 0

    def fit(self, images: np.ndarray, labels: np.ndarray) -> Self:
        """Learn from images and labels; sets `classes_`, `image_shape_`, `image_dtype_`, `sampling_strategy_`, `seed_`.

        `sampling_strategy_` maps each class, as a Python number or string, to the number of images that `fit_resample`
        adds. uint8 images are not copied, so they must not be changed in place afterwards. Raises ValueError if images
        or labels do not have the shapes and types above, or two classes.
        """
        images, labels = checked(images, labels)
        self._forget_fit()
        self.classes_, class_indices = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"balancing needs at least two classes, found only {self.classes_.tolist()}")
        check_strategy(self.sampling_strategy)
        wanted = check_sampling_strategy(self.sampling_strategy, labels, "over-sampling")
        if any(n != int(n) for n in wanted.values()):
            raise ValueError(f"sampling_strategy asks for numbers of images that are not whole: {dict(wanted)}")
        self.sampling_strategy_ = {label: int(wanted[label]) for label in self.classes_.tolist() if label in wanted}
        self.seed_ = seed_of(self.random_state)
        pixels = to_uint8(images)
        n_compared = _n_compared(images.shape[1:])
        firsts = [np.flatnonzero(class_indices == i)[:n_compared] for i in range(len(self.classes_))]
        self.variations_ = np.array([_variation(pixels[first]) for first in firsts])
        self.image_shape_, self.image_dtype_ = images.shape[1:], images.dtype.str
        try:
            self._fit(pixels, class_indices)
        except BaseException:
            del self.image_shape_  # by which a balancer that is fitted is known
            raise
        return self

    def sample(self, label, n: int, random_state=None) -> np.ndarray:
        """`n` new images of one class, of the fitted dtype; the same arguments give the same images.

        `random_state` None means the one of the fit, with which images may be those that `fit_resample` has added: give
        another for more. Raises ValueError for a class that was not fitted, or an `n` that is no whole number, and
        ModeCollapseError (see `collapse_tolerated`) if 16 or more images differ from each other by less than a
        hundredth of what originals do.
        """
        class_index, n, seed = self._asked(label, n, random_state)
        if n == 0:
            return np.empty((0, *self.image_shape_), self.image_dtype_)
        images = self._sample(class_index, n, seed)
        if images.dtype != np.uint8 or images.shape != (n, *self.image_shape_):
            wanted = f"uint8 {(n, *self.image_shape_)}"
            raise TypeError(f"{type(self).__name__}._sample must return {wanted}, not {images.dtype} {images.shape}")
        variation = _variation(images)
        if n >= MIN_IMAGES_COMPARED and variation < COLLAPSED_VARIATION * self.variations_[class_index]:
            message = (
                f"{type(self).__name__}'s images of class {label} are nearly all alike: their pixels differ by "
                f"{variation:.2f} of 255 on average, the originals' by {self.variations_[class_index]:.1f}. "
                "Train it longer or with another learning rate"
            )
            if not _collapse_is_tolerated.get():
                raise ModeCollapseError(message)
            warnings.warn(message, stacklevel=2)
        return from_uint8(images, self.image_dtype_)

    def fit_resample(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fit, then return the given images and labels, unchanged and in order, followed by the new ones."""
        self.fit(images, labels)
        images, labels = np.asarray(images), np.asarray(labels)
        new = [self.sample(label, n) for label, n in self.sampling_strategy_.items()]
        new_labels = [np.full(n, label, labels.dtype) for label, n in self.sampling_strategy_.items()]
        return (
            np.concatenate([images, *new], dtype=images.dtype),
            np.concatenate([labels, *new_labels], dtype=labels.dtype),
        )

    def _asked(self, label, n: int, random_state) -> tuple[int, int, int]:
        """Class index, number of images and seed for the arguments of `sample`."""
        class_index = self._class_index(label)
        if not isinstance(n, numbers.Integral) or n < 0:
            raise ValueError(f"n must be a whole number of at least 0, got {n!r}")
        return class_index, n, self.seed_ if random_state is None else seed_of(random_state)

    def _class_index(self, label) -> int:
        """Index of a class in `classes_`; raises ValueError for one that was not fitted."""
        self._check_fitted()
        classes = self.classes_.tolist()
        if np.ndim(label) or label not in classes:
            raise ValueError(f"class {label!r} was not among the fitted classes {classes}")
        return classes.index(label)

    @abstractmethod
    def _fit(self, images: np.ndarray, class_indices: np.ndarray) -> None: ...

    @abstractmethod
    def _sample(self, class_index: int, n: int, random_state: int) -> np.ndarray: ...


def _n_compared(image_shape: tuple[int, int, int]) -> int:
    """How many images of a class are compared: a thousand, of large ones fewer."""
    return max(MIN_IMAGES_COMPARED, n_at_once(MAX_IMAGES_COMPARED, image_shape))


def _variation(images: np.ndarray) -> float:
    """Mean absolute difference of the first images' first and second half and of neighbours among them.

    Of few different images the halves may be the same by chance; it is 0 only if all are.
    """
    images = images[: _n_compared(images.shape[1:])]
    half = len(images) // 2
    if half == 0:
        return 0.0
    pairs = (images[:half], images[half : 2 * half]), (images[1:], images[:-1])
    return float(np.mean([(np.maximum(one, other) - np.minimum(one, other)).mean() for one, other in pairs]))

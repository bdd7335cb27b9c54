"""Random oversampling, SMOTE and ADASYN (thesis section 1.2) with imbalanced-learn, on pixels."""

import numbers
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from imblearn import over_sampling

from ..datasets.pixels import to_network, to_pixels
from ..datasets.stored_images import StoredImages, in_parts, taken
from .balancer import Balancer, HasParents

ADASYN_TRIES = 10
EVERY_SHARE_IS_NONE = "No samples will be generated"  # imbalanced-learn's words if ADASYN rounds all to 0
MAX_IMAGES_AT_ONCE = 10_000  # of 64 x 64 x 3; SMOTE holds them as floats, several times
LARGE_IMAGES_AT_ONCE = 1000  # at least, of any size
MAX_VALUES_AT_ONCE = 10_000_000  # which imbalanced-learn holds as float64, several times
N_TIMES_HELD = 4  # the originals, by imbalanced-learn
N_TIMES_MADE = 2  # the new ones


class RandomOversampling(Balancer, HasParents):
    """New images are copies of originals, drawn with replacement."""

    makes_copies = True

    def _fit(self, images, class_indices):
        self.images_, self.class_indices_ = images, class_indices

    def _sample(self, class_index, n, random_state):
        return self.images_[self._drawn(class_index, n, random_state)]

    def parents(self, label, n: int, random_state=None):
        return self._drawn(*self._asked(label, n, random_state))

    def _drawn(self, class_index, n, random_state):
        count = int((self.class_indices_ == class_index).sum())
        sampler = over_sampling.RandomOverSampler(sampling_strategy={class_index: count + n}, random_state=random_state)
        positions = np.arange(len(self.images_), dtype=np.int64)[:, None]  # (n, 1)
        resampled, _ = sampler.fit_resample(positions, self.class_indices_)
        return resampled[len(self.images_) :, 0]


@dataclass(kw_only=True, eq=False, repr=False)
class _Neighbours(Balancer):
    """What SMOTE and ADASYN share: images are interpolated between an original and its `n_neighbors` nearest ones."""

    n_neighbors: int = 5

    @property
    def min_images(self):
        return self.n_neighbors + 1

    def _fit(self, images, class_indices):
        if not isinstance(self.n_neighbors, numbers.Integral) or self.n_neighbors < 1:
            raise ValueError(f"n_neighbors must be a whole number of at least 1, got {self.n_neighbors!r}")
        for class_index, label in enumerate(self.classes_.tolist()):
            if self.sampling_strategy_.get(label):
                self._check_count(class_index, int((class_indices == class_index).sum()))
        self.images_, self.class_indices_ = images, class_indices

    def _n_bytes_of(self, n_points, image_shape):
        n_features = int(np.prod(image_shape))
        return 4 * n_features * (N_TIMES_HELD * n_points + N_TIMES_MADE * _n_at_once(n_features))

    def _check_count(self, class_index, count) -> None:
        if count < self.min_images:
            raise ValueError(
                f"class {self.classes_[class_index]} has {count} images; {type(self).__name__} needs more than "
                f"n_neighbors, {self.n_neighbors}"
            )


class SMOTE(_Neighbours):
    """New images are points between an original and one of its `n_neighbors` nearest neighbours of the same class.

    Chawla et al. 2002. A class needs more than `n_neighbors` images.
    """

    def n_bytes_held(self, n_images, n_of_class, image_shape):
        return self._n_bytes_of(n_of_class, image_shape)

    def _sample(self, class_index, n, random_state):
        images = taken(self.images_, self.class_indices_ == class_index)
        self._check_count(class_index, len(images))
        parts = smote_parts(_points(images), n, self.n_neighbors, random_state)
        return np.concatenate([_images(part, images.shape[1:]) for part in parts])


def _n_at_once(n_features: int) -> int:
    """How many new images are made together."""
    return min(MAX_IMAGES_AT_ONCE, max(LARGE_IMAGES_AT_ONCE, MAX_IMAGES_AT_ONCE * 64 * 64 * 3 // n_features))


def smote_parts(points: np.ndarray, n: int, n_neighbors: int, random_state: int) -> Iterator[np.ndarray]:
    """SMOTE's `n` new points, some thousands at a time, (n_part, n_features) each, of the dtype of the points.

    Each lies between one of `points` (n_points, n_features) and one of its `n_neighbors` nearest neighbours.
    """
    n_points, n_at_once = len(points), _n_at_once(points.shape[1])
    points = np.concatenate([points, points[:1]])  # imbalanced-learn needs a second class
    class_indices = np.arange(len(points)) == n_points
    for start in range(0, n, n_at_once):
        sampler = _FrugalSMOTE(
            sampling_strategy={False: n_points + min(n_at_once, n - start)},
            random_state=np.random.RandomState([random_state, start]) if start else random_state,
            k_neighbors=n_neighbors,
        )
        resampled, _ = sampler.fit_resample(points, class_indices)
        yield resampled[len(points) :]


class _FrugalSMOTE(over_sampling.SMOTE):
    """The same points, made some at a time, as they take five times the memory while they are made."""

    def _generate_samples(self, X, nn_data, nn_num, rows, cols, steps, *rest):  # noqa: N803, imbalanced-learn's names
        made, size = np.empty((len(rows), X.shape[1]), X.dtype), max(1, MAX_VALUES_AT_ONCE // X.shape[1])
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            made[part] = super()._generate_samples(X, nn_data, nn_num, rows[part], cols[part], steps[part], *rest)
        return made


class ADASYN(_Neighbours):
    """Like SMOTE, but originals with more neighbours of other classes get more new images.

    He et al. 2008. A class needs more than `n_neighbors` images, and `sample` raises ValueError if none of them has
    a neighbour of another class. ADASYN rounds the number of images for each original, so it is asked for twice as many
    until there are enough, and `n` of them are drawn.
    """

    def n_bytes_held(self, n_images, n_of_class, image_shape):
        return self._n_bytes_of(n_images, image_shape)

    def _sample(self, class_index, n, random_state):
        count = int((self.class_indices_ == class_index).sum())
        self._check_count(class_index, count)
        points = _points(self.images_)
        for attempt in range(ADASYN_TRIES):
            sampler = over_sampling.ADASYN(
                sampling_strategy={class_index: count + n * 2**attempt},
                random_state=random_state,
                n_neighbors=self.n_neighbors,
            )
            try:
                resampled, _ = sampler.fit_resample(points, self.class_indices_)
            except RuntimeError as error:
                label = self.classes_[class_index]
                raise ValueError(f"no image of class {label} has a neighbour of another class; use SMOTE") from error
            except ValueError as error:
                if EVERY_SHARE_IS_NONE not in str(error):
                    raise
                continue
            new = resampled[len(points) :]
            if len(new) >= n:
                return _images(np.random.default_rng(random_state).permutation(new)[:n], self.image_shape_)
        raise ValueError(f"ADASYN makes fewer than {n} images of class {self.classes_[class_index]}; use SMOTE")


def _points(images: np.ndarray | StoredImages) -> np.ndarray:
    """uint8 images as points of a space, float32 (n, height * width * channels)."""
    points, start = np.empty((len(images), int(np.prod(images.shape[1:]))), np.float32), 0
    for part in in_parts(images):
        points[start : start + len(part)] = np.asarray(to_network(part)).reshape(len(part), -1)
        start += len(part)
    return points


def _images(points: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    parts = [to_pixels(part).reshape(-1, *image_shape) for part in in_parts(points)]
    return np.concatenate([np.empty((0, *image_shape), np.uint8), *parts])

"""Random oversampling, SMOTE and ADASYN (thesis section 1.2) through imbalanced-learn, on pixels."""

import numpy as np
from imblearn import over_sampling

from datasets.pixels import to_network, to_pixels
from models.balancer import Balancer

ADASYN_TRIES = 10
EVERY_SHARE_IS_NONE = "No samples will be generated"  # imbalanced-learn's words for ADASYN's rounding to 0 everywhere
MAX_IMAGES_AT_ONCE = 10_000  # which SMOTE holds as floats, several times


class RandomOversampling(Balancer):
    """New images are copies of originals, drawn with replacement."""

    def __init__(self, *, sampling_strategy="auto", random_state=0):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def _fit(self, images, class_indices):
        self.images_, self.class_indices_ = images, class_indices

    def _sample(self, class_index, n, random_state):
        return self.images_[self._drawn(class_index, n, random_state)]

    def parents(self, label, n: int, random_state=None) -> np.ndarray:
        """Of each image of `sample` with the same arguments, the index of the fitted image that it copies.

        int64 (n,). Raises ValueError for a class that was not fitted.
        """
        return self._drawn(*self._asked(label, n, random_state))

    def _drawn(self, class_index, n, random_state):
        count = int((self.class_indices_ == class_index).sum())
        sampler = over_sampling.RandomOverSampler(sampling_strategy={class_index: count + n}, random_state=random_state)
        positions = np.arange(len(self.images_), dtype=np.int64)[:, None]  # (n, 1)
        resampled, _ = sampler.fit_resample(positions, self.class_indices_)
        return resampled[len(self.images_) :, 0]


class SMOTE(Balancer):
    """New images are points between an original and one of its `n_neighbors` nearest neighbours of the same class.

    Chawla et al. 2002. A class needs more than `n_neighbors` images.
    """

    def __init__(self, *, sampling_strategy="auto", random_state=0, n_neighbors=5):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.n_neighbors = n_neighbors

    def _fit(self, images, class_indices):
        _check_counts(self, class_indices)
        self.images_, self.class_indices_ = images, class_indices

    def _sample(self, class_index, n, random_state):
        members = np.flatnonzero(self.class_indices_ == class_index)
        _check_count(self, class_index, len(members))
        other = np.flatnonzero(self.class_indices_ != class_index)[:1]  # imbalanced-learn wants a second class
        chosen = np.concatenate([members, other])
        parts = []
        for start in range(0, n, MAX_IMAGES_AT_ONCE):
            sampler = over_sampling.SMOTE(
                sampling_strategy={class_index: len(members) + min(MAX_IMAGES_AT_ONCE, n - start)},
                random_state=np.random.RandomState([random_state, start]) if start else random_state,
                k_neighbors=self.n_neighbors,
            )
            parts.append(_resampled(sampler, self.images_[chosen], self.class_indices_[chosen]))
        return np.concatenate(parts)


class ADASYN(Balancer):
    """Like SMOTE, but an original gets the more new images, the more of its neighbours are of other classes.

    He et al. 2008. A class needs more than `n_neighbors` images, and `sample` raises ValueError where none of them has
    a neighbour of another class. ADASYN rounds the number of images at every original; it is asked for twice as many
    until there are enough, and of those `n` are drawn.
    """

    def __init__(self, *, sampling_strategy="auto", random_state=0, n_neighbors=5):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.n_neighbors = n_neighbors

    def _fit(self, images, class_indices):
        _check_counts(self, class_indices)
        self.images_, self.class_indices_ = images, class_indices

    def _sample(self, class_index, n, random_state):
        count = int((self.class_indices_ == class_index).sum())
        _check_count(self, class_index, count)
        for attempt in range(ADASYN_TRIES):
            sampler = over_sampling.ADASYN(
                sampling_strategy={class_index: count + n * 2**attempt},
                random_state=random_state,
                n_neighbors=self.n_neighbors,
            )
            try:
                new = _resampled(sampler, self.images_, self.class_indices_)
            except RuntimeError as error:
                label = self.classes_[class_index]
                raise ValueError(f"no image of class {label} has a neighbour of another class; use SMOTE") from error
            except ValueError as error:
                if EVERY_SHARE_IS_NONE not in str(error):
                    raise
                continue
            if len(new) >= n:
                return np.random.default_rng(random_state).permutation(new)[:n]
        raise ValueError(f"ADASYN makes too few of {n} images of class {self.classes_[class_index]}; use SMOTE")


def _check_counts(balancer, class_indices) -> None:
    """Raise ValueError where a class that `fit_resample` adds images to has too few for their neighbours."""
    for class_index, label in enumerate(balancer.classes_.tolist()):
        if balancer.sampling_strategy_.get(label):
            _check_count(balancer, class_index, int((class_indices == class_index).sum()))


def _check_count(balancer, class_index, count) -> None:
    if count <= balancer.n_neighbors:
        raise ValueError(
            f"class {balancer.classes_[class_index]} has {count} images; {type(balancer).__name__} needs more than "
            f"n_neighbors, {balancer.n_neighbors}"
        )


def _resampled(sampler, images, class_indices) -> np.ndarray:
    """The new images, uint8 (n, height, width, channels), that an imbalanced-learn sampler appends."""
    flat = np.asarray(to_network(images)).reshape(len(images), -1)  # (n, height * width * channels)
    resampled, _ = sampler.fit_resample(flat, class_indices)
    return to_pixels(resampled[len(images) :]).reshape(-1, *images.shape[1:])

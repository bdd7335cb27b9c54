"""Flow matching between noise and principal components of images, in minutes."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from ..datasets.pixels import to_network
from .flows import SMALLEST_DEVIATION, Flow, some
from .movements import moved
from .networks import flows

MAX_ANALYSED = 10_000 * 32 * 32 * 3  # numbers of all images together that the space is learned from
N_MOVED = 10  # times that it sees each image of a small class
N_TIMES_HELD = 5  # in memory, while the space is learned
SMALLEST_SHARE = 0.02  # of the largest deviation of a class's Gaussian; what is smaller is taken for 0


@dataclass(kw_only=True, eq=False, repr=False)
class LatentFlow(Flow):
    """`Flow` in the space of the principal components of the images, at most `n_components`; all classes count alike.

    x is what is left of an image's components when its class's Gaussian is taken off: without training, new images are
    drawn from that Gaussian, but for directions in which it deviates by less than a fiftieth of what it does at most;
    there x is 0, and u is told so if it is in every class. The Gaussian has no variance but that of the class's own
    images, moved and mirrored as in training, so that new images of a small class show nothing of the others. Since
    each class has coordinates of its own, there is no velocity of all classes together, and so no guidance: ValueError
    if it is not 1. u has `n_blocks` residual blocks of dense layers of `width` units. What the components do not hold
    is missing from new images, which are smooth.
    """

    n_epochs: int = 400
    batch_size: int = 256
    n_components: int = 160
    label_dropout: float = 0.0
    guidance: float = 1.0
    width: int = 256
    n_blocks: int = 4

    training_revision = 1  # the network is told which directions have no variance
    smallest_numbers = Flow.smallest_numbers | {"n_components": 1, "width": 1, "n_blocks": 1}
    schedules = {
        "smoke": {"width": 64, "n_sampling_steps": 5, "steps": {"n_epochs": 50}},
        "quick": {"steps": {"n_epochs": 8000}},
        "thesis": {"steps": {"n_epochs": 40_000}},
    }
    seconds_per_1000_images = {"": {28: 0.12, 64: 0.13}}
    seconds_per_new_image = 0.004

    def networks(self, image_shape, n_classes):
        build = partial(flows.dense, self._n_features(image_shape), n_classes, self.width, self.n_blocks)
        return {"velocity": build, "average_velocity": build}

    def _n_features(self, image_shape) -> int:
        return min(self.n_components, int(np.prod(image_shape)))

    def n_bytes_held(self, n_images, n_of_class, image_shape):
        n_values = int(np.prod(image_shape))
        return 4 * N_TIMES_HELD * n_values * min(N_MOVED * n_images, _n_analysed(n_values))

    def _check_numbers(self):
        super()._check_numbers()
        if self.guidance != 1:
            raise ValueError(f"{type(self).__name__} has no velocity to guide from, so guidance must be 1")

    def _learn_space(self, images, class_indices):
        chosen = self._analysed(class_indices, int(np.prod(images.shape[1:])))
        indices, uniform = class_indices[chosen], np.random.default_rng(self.seed_).random((len(chosen), 3), np.float32)
        seen = moved(images[chosen], uniform, self.shift_fraction, self.horizontal_flip)
        pixels = to_network(seen).numpy().reshape(len(chosen), -1)
        n_features = self._n_features(images.shape[1:])
        self._analyse(pixels, n_features, 1.0 / np.bincount(indices)[indices])
        components = self._to_components(pixels).numpy()
        of_classes = [components[indices == index] for index in range(len(self.classes_))]
        self.class_means_ = np.stack([of_class.mean(axis=0) for of_class in of_classes])
        self.class_factors_ = np.stack([_factor(of_class) for of_class in of_classes])  # (classes, n, n)
        self.class_inverses_ = np.linalg.pinv(self.class_factors_, rcond=SMALLEST_SHARE)
        self.deviations_ = np.where(self._has_variance(), 1.0, SMALLEST_DEVIATION).astype(np.float32)
        return (n_features,)

    def _has_variance(self) -> np.ndarray:
        """Which columns of the factors, bool (n,), `class_inverses_` does not take for 0 in every class."""
        sizes = np.linalg.norm(self.class_factors_, axis=1)  # (classes, n), the singular values of each factor
        return (sizes > SMALLEST_SHARE * sizes.max(axis=1, keepdims=True)).any(axis=0)

    def _analysed(self, class_indices, n_values: int) -> np.ndarray:
        """Indices of images of `n_values`: of each class as many, its images alike, each up to N_MOVED times."""
        n = max(2, _n_analysed(n_values) // len(self.classes_))
        members = [np.flatnonzero(class_indices == index) for index in range(len(self.classes_))]
        of_classes = [np.resize(own[some(len(own), n, self.seed_)], min(n, N_MOVED * len(own))) for own in members]
        return np.concatenate(of_classes)

    def _to_space(self, images, class_indices):
        components = self._to_components(tf.reshape(images, (-1, len(self.means_))))
        centred = components - tf.gather(self.class_means_, class_indices)
        return tf.linalg.matvec(tf.gather(self.class_inverses_, class_indices), centred)

    def _from_space(self, x, class_index):
        components = self.class_means_[class_index] + x @ self.class_factors_[class_index].T
        return self._from_components(components).reshape(-1, *self.image_shape_)


def _n_analysed(n_values: int) -> int:
    """How many images of so many values the space is learned from, at most."""
    return max(500, MAX_ANALYSED // n_values)


def _factor(components: np.ndarray) -> np.ndarray:
    """Float32 (n_components, n_components) with the sample covariance of rows (n, n_components) as F F'."""
    eigenvalues, eigenvectors = np.linalg.eigh(np.atleast_2d(np.cov(components.T, dtype=np.float64)))
    return (eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))).astype(np.float32)

"""Flow matching between noise and principal components of images, in minutes."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from ..datasets.pixels import to_network
from .flows import Flow, some
from .networks import flows

MAX_IMAGES_ANALYSED = 10_000
SMALLEST_SHARE = 1e-4  # of the largest deviation of a class's Gaussian; what is smaller is left as it is


@dataclass(kw_only=True, eq=False, repr=False)
class LatentFlow(Flow):
    """`Flow` in the space of the principal components of the images, at most `n_components`; all classes count alike.

    x is what is left of an image's components when its class's Gaussian is taken off: without training, new images are
    drawn from that Gaussian. It has no variance but that of the class's own images, so that new images of a small class
    show nothing of the others. Since each class has coordinates of its own, there is no velocity of all classes
    together, and so no guidance. u has `n_blocks` residual blocks of dense layers of `width` units. What the components
    do not hold is missing from new images, which are smooth.
    """

    n_epochs: int = 400
    batch_size: int = 256
    n_components: int = 160
    label_dropout: float = 0.0
    guidance: float = 1.0
    width: int = 256
    n_blocks: int = 4

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

    def _learn_space(self, images, class_indices):
        chosen = self._analysed(class_indices)
        pixels = to_network(images[chosen]).numpy().reshape(len(chosen), -1)
        indices = class_indices[chosen]
        n_features = self._n_features(images.shape[1:])
        self._analyse(pixels, n_features, 1.0 / np.bincount(indices)[indices])
        components = self._to_components(pixels).numpy()
        of_classes = [components[indices == index] for index in range(len(self.classes_))]
        self.class_means_ = np.stack([of_class.mean(axis=0) for of_class in of_classes])
        self.class_factors_ = np.stack([_factor(of_class) for of_class in of_classes])  # (classes, n, n)
        self.class_inverses_ = np.linalg.pinv(self.class_factors_, rcond=SMALLEST_SHARE)
        self.deviations_ = np.ones(n_features, np.float32)
        return (n_features,)

    def _analysed(self, class_indices) -> np.ndarray:
        """Indices of at most MAX_IMAGES_ANALYSED images; where there are more, as many of each class as it has."""
        if len(class_indices) <= MAX_IMAGES_ANALYSED:
            return np.arange(len(class_indices))
        n = max(2, MAX_IMAGES_ANALYSED // len(self.classes_))
        of_classes = [np.flatnonzero(class_indices == index) for index in range(len(self.classes_))]
        return np.sort(np.concatenate([members[some(len(members), n, self.seed_)] for members in of_classes]))

    def _to_space(self, images, class_indices):
        components = self._to_components(tf.reshape(images, (-1, len(self.means_))))
        centred = components - tf.gather(self.class_means_, class_indices)
        return tf.linalg.matvec(tf.gather(self.class_inverses_, class_indices), centred)

    def _from_space(self, x, class_index):
        components = self.class_means_[class_index] + x @ self.class_factors_[class_index].T
        return self._from_components(components).reshape(-1, *self.image_shape_)


def _factor(components: np.ndarray) -> np.ndarray:
    """Float32 (n_components, n_components) with the sample covariance of rows (n, n_components) as F F'."""
    eigenvalues, eigenvectors = np.linalg.eigh(np.atleast_2d(np.cov(components.T, dtype=np.float64)))
    return (eigenvectors * np.sqrt(np.maximum(eigenvalues, 0.0))).astype(np.float32)

"""Flow matching between noise and principal components of images, in minutes."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from ..datasets.pixels import to_network
from .flows import Flow, some
from .networks import flows

MAX_IMAGES_ANALYSED = 10_000


@dataclass(kw_only=True, eq=False, repr=False)
class LatentFlow(Flow):
    """`Flow` in the space of the principal components of the images, at most `n_components`; all classes count alike.

    u has `n_blocks` residual blocks of dense layers of `width` units. What the components do not hold is missing from
    new images, which are smooth.
    """

    n_epochs: int = 400
    batch_size: int = 256
    n_components: int = 256
    width: int = 256
    n_blocks: int = 4

    smallest_numbers = Flow.smallest_numbers | {"n_components": 1, "width": 1, "n_blocks": 1}
    schedules = {
        "smoke": {"width": 64, "n_sampling_steps": 5, "steps": {"n_epochs": 50}},
        "quick": {"steps": {"n_epochs": 8000}},
        "thesis": {"steps": {"n_epochs": 40_000}},
    }
    seconds_per_1000_images = {"": {28: 0.12, 64: 0.13}}
    seconds_per_new_image = 0.01

    def networks(self, image_shape, n_classes):
        build = partial(flows.dense, self._n_features(image_shape), n_classes, self.width, self.n_blocks)
        return {"velocity": build, "average_velocity": build}

    def _n_features(self, image_shape) -> int:
        return min(self.n_components, int(np.prod(image_shape)))

    def _learn_space(self, images, class_indices):
        chosen = some(len(images), MAX_IMAGES_ANALYSED, self.seed_)
        pixels = to_network(images[chosen]).numpy().reshape(len(chosen), -1)
        weights = 1.0 / np.bincount(class_indices[chosen])[class_indices[chosen]]
        n_features = self._n_features(images.shape[1:])
        self._analyse(pixels, n_features, weights)
        return (n_features,)

    def _to_space(self, images):
        return self._to_components(tf.reshape(images, (-1, len(self.means_))))

    def _from_space(self, x):
        return self._from_components(x).reshape(-1, *self.image_shape_)

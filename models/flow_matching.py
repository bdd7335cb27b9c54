"""Flow matching between noise and images (Lipman et al. 2023, arXiv:2210.02747), for all classes by one U-Net."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import tensorflow as tf

from ..datasets.pixels import to_network
from .flows import Flow, some
from .networks import flows
from .training.trained import check_optional
from .training.trained_balancer import cost_of_filters

MAX_PATCHES_ANALYSED = 200_000
MAX_VALUES_ANALYSED = 40_000_000  # of the patches of images above 128 pixels


@dataclass(kw_only=True, eq=False, repr=False)
class FlowMatching(Flow):
    """`Flow` in the space of whole images, patch by patch.

    x has a position for each patch of `patch_pixels` x `patch_pixels` pixels (None: by the size of the images, so that
    there are about 16 a side) and as many features as a patch has values: its principal components, scaled together.
    That is a rotation of pixels, so nothing is lost, and u knows how much less fine structure varies than coarse one.
    `widths` are the U-Net's features at each resolution.
    """

    n_epochs: int = 400
    widths: tuple[int, ...] = (64, 128)
    patch_pixels: int | None = None

    schedules = {
        "smoke": {"widths": (8, 16), "n_sampling_steps": 5, "steps": {"n_epochs": 30}},
        "quick": {"steps": {"n_epochs": 2800}},
        "thesis": {"steps": {"n_epochs": 20_000}},
    }
    seconds_per_1000_images = {"": {28: 4.8, 32: 4.9, 64: 5.1}}
    seconds_per_new_image = 0.048

    def _check_numbers(self):
        super()._check_numbers()
        widths = self.widths if isinstance(self.widths, Sequence) else ()
        if not widths or not all(isinstance(width, numbers.Integral) and width >= 1 for width in widths):
            raise ValueError(f"widths must be whole numbers of at least 1, got {self.widths!r}")
        check_optional(self, "patch_pixels")

    def n_images_seen(self, *asked):
        return super().n_images_seen(*asked) * cost_of_filters(self.widths[0], type(self).widths[0])

    def networks(self, image_shape, n_classes):
        build = partial(flows.unet, self._space_shape(image_shape), n_classes, tuple(self.widths))
        return {"velocity": build, "average_velocity": build}

    def _patch(self, image_shape) -> int:
        return flows.usual_patch_pixels(image_shape) if self.patch_pixels is None else self.patch_pixels

    def _space_shape(self, image_shape):
        height, width, n_channels = image_shape
        patch = self._patch(image_shape)
        return -(-height // patch), -(-width // patch), patch * patch * n_channels

    def _learn_space(self, images, class_indices):
        if self._patch(images.shape[1:]) > min(images.shape[1:3]):
            raise ValueError(f"patch_pixels is {self.patch_pixels}, but images have {images.shape[1:3]} pixels")
        shape = self._space_shape(images.shape[1:])
        n_patches = min(MAX_PATCHES_ANALYSED, MAX_VALUES_ANALYSED // shape[2])
        chosen = some(len(images), max(1, n_patches // (shape[0] * shape[1])), self.seed_)
        self._analyse(self._patches(to_network(images[chosen])).numpy().reshape(-1, shape[2]), shape[2])
        return shape

    def _to_space(self, images, class_indices):
        return self._to_components(self._patches(images))

    def _from_space(self, x, class_index):
        height, width, _ = self.image_shape_
        images, patch = tf.constant(self._from_components(x)), self._patch(self.image_shape_)
        images = images if patch == 1 else tf.nn.depth_to_space(images, patch)
        return images[:, :height, :width].numpy()

    def _patches(self, images):
        """(batch, height, width, channels) -> (batch, rows, columns, n); edges are repeated to whole patches."""
        height, width = images.shape[1:3]
        patch = self._patch(images.shape[1:])
        if patch == 1:
            return images
        padding = ((0, 0), (0, -height % patch), (0, -width % patch), (0, 0))
        return tf.nn.space_to_depth(tf.pad(images, padding, "SYMMETRIC"), patch)

"""Geometric transformations, colour scaling and noise (thesis section 1.1)."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from ..datasets.batches import drawn_equally
from ..datasets.pixels import to_network, to_pixels
from .balancer import Balancer, HasParents

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
BATCH_SIZE = 1000


@dataclass(kw_only=True, eq=False, repr=False)
class Geometric(Balancer, HasParents):
    """Each new image is one transformed original of its class; originals are used equally often.

    `rotation_degrees` and `shift_fraction` (of height and width) are the largest absolute values of a uniform draw,
    `brightness` and `colour` those of a relative change of all or of each channel's values, `noise` the standard
    deviation of Gaussian noise in pixel values 0..255. Half of the images are flipped. `fill_mode` says what comes in
    from outside (section 1.1.7): "constant" (with `fill_value`, 0..255), "nearest", "reflect" or "wrap".

    The thesis prints no ranges; the defaults are ours for digits (DEVIATIONS.md).
    """

    rotation_degrees: float = 15.0
    shift_fraction: float = 0.15
    brightness: float = 0.0
    colour: float = 0.0
    noise: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: str = "constant"
    fill_value: float = 0

    @classmethod
    def arguments(cls, schedule, n_images, flip):
        return {"brightness": 0.2, "horizontal_flip": flip, "fill_mode": "nearest"}

    def _fit(self, images, class_indices):
        if self.fill_mode not in FILL_MODES:
            raise ValueError(f"fill_mode must be one of {', '.join(FILL_MODES)}, got {self.fill_mode!r}")
        for name in ("rotation_degrees", "shift_fraction", "brightness", "colour", "noise"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        self.positions_of_class_ = [np.flatnonzero(class_indices == index) for index in range(len(self.classes_))]
        self.images_of_class_ = [images[positions] for positions in self.positions_of_class_]

    def _sample(self, class_index, n, random_state):
        originals = self.images_of_class_[class_index]
        rng = np.random.default_rng(random_state)
        parts = np.split(drawn_equally(len(originals), n, rng), range(BATCH_SIZE, n, BATCH_SIZE))
        return np.concatenate([self._transform(originals[part], rng) for part in parts])

    def parents(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        positions = self.positions_of_class_[class_index]
        return positions[drawn_equally(len(positions), n, np.random.default_rng(seed))]

    def _transform(self, images, rng):
        """uint8 images (n, height, width, channels), each transformed at random."""
        n, height, width, n_channels = images.shape
        moved = ops.image.affine_transform(
            to_network(images),
            self._affine(rng, n, height, width),
            interpolation="bilinear",
            fill_mode=self.fill_mode,
            fill_value=self.fill_value / 127.5 - 1.0,
            data_format="channels_last",
        )
        values = (np.array(moved) + 1.0) * 127.5
        values *= 1.0 + rng.uniform(-self.brightness, self.brightness, (n, 1, 1, 1))
        values *= 1.0 + rng.uniform(-self.colour, self.colour, (n, 1, 1, n_channels))
        values += self.noise * rng.standard_normal(values.shape)
        return to_pixels(values / 127.5 - 1.0)

    def _affine(self, rng, n, height, width):
        """Maps (n, 8) from output to input pixels: rotation about the centre, then shift, then flips."""
        angle = np.deg2rad(rng.uniform(-self.rotation_degrees, self.rotation_degrees, n))
        shift_x = rng.uniform(-self.shift_fraction, self.shift_fraction, n) * width
        shift_y = rng.uniform(-self.shift_fraction, self.shift_fraction, n) * height
        flip_x = np.where(self.horizontal_flip & (rng.random(n) < 0.5), -1.0, 1.0)
        flip_y = np.where(self.vertical_flip & (rng.random(n) < 0.5), -1.0, 1.0)
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        a, b = flip_x * np.cos(angle), -flip_y * np.sin(angle)
        c, d = flip_x * np.sin(angle), flip_y * np.cos(angle)
        offset_x = centre_x + shift_x - a * centre_x - b * centre_y
        offset_y = centre_y + shift_y - c * centre_x - d * centre_y
        zero = np.zeros(n)
        return np.stack([a, b, offset_x, c, d, offset_y, zero, zero], axis=1).astype(np.float32)

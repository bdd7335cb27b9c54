"""Geometric transformations, changes of colour, and noise (thesis section 1.1; Keras' ImageDataGenerator)."""

import math
import numbers
from dataclasses import dataclass

import numpy as np
from keras import ops

from ..datasets.batches import drawn_equally
from ..datasets.pixels import n_at_once, to_network, to_pixels
from ..datasets.stored_images import taken
from .balancer import Balancer, HasParents, HasTransform

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
# argument -> what it must be less than
LIMITS = {
    "rotation_degrees": math.inf,
    "shift_fraction": math.inf,
    "shear_degrees": 90,
    "zoom_fraction": 1,
    "brightness": math.inf,
    "colour": math.inf,
    "channel_shift": math.inf,
    "noise": math.inf,
}
BATCH_SIZE = 1000


@dataclass(kw_only=True, eq=False, repr=False)
class Geometric(Balancer, HasParents, HasTransform):
    """Each new image is one transformed original of its class; originals are used equally often.

    Ranges are the largest absolute values of a uniform draw. Images are shifted, half of them flipped, then rotated,
    sheared and zoomed about their centre, with a single interpolation:

    - `zoom_fraction`, less than 1: height and width are each divided by a draw of their own from 1 - z to 1 + z.
    - `shear_degrees`, less than 90: columns are tilted by so much, rows stay level.
    - `rotation_degrees`.
    - `shift_fraction` of height and width, a number or a pair (of height, of width).
    - `fill_mode` says what comes in from outside (section 1.1.7): "constant" (with `fill_value`, 0..255), "nearest"
      (aaaa|abcd|dddd), "reflect" (dcba|abcd|dcba) or "wrap" (abcd|abcd|abcd).

    `brightness` and `colour` are relative changes of all or of each channel's values, `channel_shift` is added to each
    channel, in pixel values 0..255, and `noise` is the standard deviation of Gaussian noise in pixel values.
    `models/geometric.md` says which argument stands for which of ImageDataGenerator.

    The thesis prints no ranges; the defaults are ours for digits (DEVIATIONS.md). `fit` raises ValueError for a
    negative, too large or not finite argument.
    """

    rotation_degrees: float = 15.0
    shift_fraction: float | tuple[float, float] = 0.15
    shear_degrees: float = 0.0
    zoom_fraction: float = 0.0
    brightness: float = 0.0
    colour: float = 0.0
    channel_shift: float = 0.0
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
        if not isinstance(self.fill_value, numbers.Real) or not 0 <= self.fill_value <= 255:
            raise ValueError(f"fill_value must lie in 0..255, got {self.fill_value!r}")
        for name in ("horizontal_flip", "vertical_flip"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if np.shape(self.shift_fraction) not in ((), (2,)) or np.asarray(self.shift_fraction).dtype.kind not in "iuf":
            raise ValueError(f"shift_fraction must be a number or a pair (height, width), got {self.shift_fraction!r}")
        for name, limit in LIMITS.items():
            value = getattr(self, name)
            if name != "shift_fraction" and not isinstance(value, numbers.Real):
                raise ValueError(f"{name} must be a number, the largest change either way, got {value!r}")
            if not all(0 <= each < limit for each in np.ravel(value)):
                raise ValueError(f"{name} must be at least 0 and less than {limit}, got {value}")
        self.positions_of_class_ = [np.flatnonzero(class_indices == index) for index in range(len(self.classes_))]
        self.images_of_class_ = [taken(images, positions) for positions in self.positions_of_class_]

    def _sample(self, class_index, n, random_state):
        originals = self.images_of_class_[class_index]
        rng = np.random.default_rng(random_state)
        return self._in_parts(originals[drawn_equally(len(originals), n, rng)], rng)

    def _transform(self, images, class_index, random_state):
        return self._in_parts(images, np.random.default_rng(random_state))

    def parents(self, label, n: int, random_state=None):
        class_index, n, seed = self._asked(label, n, random_state)
        positions = self.positions_of_class_[class_index]
        return positions[drawn_equally(len(positions), n, np.random.default_rng(seed))]

    def _in_parts(self, images, rng):
        size = n_at_once(BATCH_SIZE, images.shape[1:])
        parts = np.split(images, range(size, len(images), size))
        return np.concatenate([self._moved(part, rng) for part in parts])

    def _moved(self, images, rng):
        """uint8 images (n, height, width, channels), each transformed at random."""
        n, height, width, n_channels = images.shape
        (later_rng,) = rng.spawn(1)  # of arguments that came later, which leave the draws of the others as they were
        moved = ops.image.affine_transform(
            to_network(images),
            self._affine(rng, later_rng, n, height, width),
            interpolation="bilinear",
            fill_mode=self.fill_mode,
            fill_value=self.fill_value / 127.5 - 1.0,
            data_format="channels_last",
        )
        values = (np.array(moved) + 1.0) * 127.5
        values *= 1.0 + rng.uniform(-self.brightness, self.brightness, (n, 1, 1, 1))
        values *= 1.0 + rng.uniform(-self.colour, self.colour, (n, 1, 1, n_channels))
        values += later_rng.uniform(-self.channel_shift, self.channel_shift, (n, 1, 1, n_channels))
        values += self.noise * rng.standard_normal(values.shape)
        return to_pixels(values / 127.5 - 1.0)

    def _affine(self, rng, later_rng, n, height, width):
        """Maps (n, 8) from output to input pixels: zoom, shear, rotation about the centre, then shift, then flips."""
        angle = np.deg2rad(rng.uniform(-self.rotation_degrees, self.rotation_degrees, n))
        shift_fraction_y, shift_fraction_x = np.broadcast_to(self.shift_fraction, 2)
        shift_x = rng.uniform(-shift_fraction_x, shift_fraction_x, n) * width
        shift_y = rng.uniform(-shift_fraction_y, shift_fraction_y, n) * height
        flip_x = np.where(self.horizontal_flip & (rng.random(n) < 0.5), -1.0, 1.0)
        flip_y = np.where(self.vertical_flip & (rng.random(n) < 0.5), -1.0, 1.0)
        shear = np.deg2rad(later_rng.uniform(-self.shear_degrees, self.shear_degrees, n))
        zoom_x, zoom_y = 1.0 + later_rng.uniform(-self.zoom_fraction, self.zoom_fraction, (2, n))
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        # rotation @ flips, times shear [[1, -sin], [0, cos]], times zoom
        a, b = flip_x * np.cos(angle), -flip_y * np.sin(angle)
        c, d = flip_x * np.sin(angle), flip_y * np.cos(angle)
        b, d = ((right * np.cos(shear) - left * np.sin(shear)) * zoom_y for left, right in ((a, b), (c, d)))
        a, c = a * zoom_x, c * zoom_x
        offset_x = centre_x + shift_x - a * centre_x - b * centre_y
        offset_y = centre_y + shift_y - c * centre_x - d * centre_y
        zero = np.zeros(n)
        return np.stack([a, b, offset_x, c, d, offset_y, zero, zero], axis=1).astype(np.float32)

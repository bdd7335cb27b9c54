"""What all methods with networks share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np

from ..balancer import Balancer
from .callbacks import n_epochs_kept
from .trained import Trained

N_SHOWN = 12  # images while training
SECONDS_TO_START = 4.0  # building and tracing a network
UNMEASURED = {28: 1.0, 32: 1.3, 64: 5.0}  # seconds for an epoch of 1000 images if a method does not say


@dataclass(kw_only=True, eq=False, repr=False)
class TrainedBalancer(Trained, Balancer):
    """A balancer that trains networks.

    A subclass implements `networks`, `_stages(images, class_indices)` and `_sample`; `Trained` does the rest.

    Class attributes hold what plans and command lines need, beside those of `Trained`:

    - `schedules`: smoke, quick and thesis -> constructor arguments for images of your own; "steps" among them maps
      parameters of `epochs_of_stage` to numbers of steps, which do not depend on the number of images.
    - `seconds_per_1000_images`: stage -> {side of the images in pixels: seconds for one epoch of 1000 images on the
      reference machine}; `experiments/benchmark.py` measures it. A stage that is left out counts as `UNMEASURED`.
    """

    min_side_pixels = 8  # of the networks for any size
    schedules: ClassVar[Mapping[str, dict]]
    seconds_per_1000_images: ClassVar[Mapping[str, Mapping[int, float]]] = {}

    @abstractmethod
    def networks(self, image_shape: tuple[int, int, int], n_classes: int) -> dict[str, Callable[[], keras.Model]]:
        """Name of each network -> what builds it. `fit` builds them in this order, seeded, as `<name>_`."""

    @classmethod
    def arguments(cls, schedule, n_images, flip):
        values = dict(cls.schedules[schedule])
        n_steps = values.pop("steps", {})
        steps_per_epoch = max(1, n_images // min(values.get("batch_size", cls.batch_size), n_images))
        return values | {parameter: -(-n // steps_per_epoch) for parameter, n in n_steps.items()}

    def fit_seconds(self, n_images, image_shape, n_classes, n_small_classes):
        asked, seconds = (n_images, n_classes, n_small_classes), 0.0
        for stage in self.epochs_of_stage:
            per_1000 = seconds_of_size(self.seconds_per_1000_images.get(stage, UNMEASURED), image_shape)
            share = 1.0 if self.folder is None else 1.0 - self.share_kept(stage, n_small_classes)
            if share > 0:
                seconds += SECONDS_TO_START + share * per_1000 * self.n_images_seen(stage, *asked) / 1000
        return seconds

    def share_kept(self, stage: str, n_small_classes: int) -> float:
        """Estimate of how much of a stage's epochs, from 0 to 1, the checkpoints in `folder` hold.

        A stage that ended before its last epoch is whole once the next one has begun.
        """
        stages = list(self.epochs_of_stage)
        if any((Path(self.folder) / later).exists() for later in stages[stages.index(stage) + 1 :]):
            return 1.0
        return min(1.0, n_epochs_kept(Path(self.folder) / stage) / max(1, getattr(self, self.epochs_of_stage[stage])))

    def n_images_seen(self, stage: str, n_images: int, n_classes: int, n_small_classes: int) -> float:
        """Estimate of how many images the steps of a stage take in all, which `seconds_per_1000_images` are for.

        Arguments are those of `fit_seconds`. Networks of other sizes than the default ones count by their cost.
        """
        batch_size = min(self.batch_size, n_images)
        return getattr(self, self.epochs_of_stage[stage]) * (n_images // batch_size) * batch_size

    def _fit(self, images, class_indices):
        self._train(images, class_indices.astype(np.int64, copy=False))

    def _made_now(self) -> np.ndarray:
        """Images of one class after the other, each time from the same random state; for `Stage.made_now`."""
        shown = np.arange(N_SHOWN) % len(self.classes_)
        return np.concatenate([self._sample(class_index, 1, number) for number, class_index in enumerate(shown)])

    def _check_two_of_each(self, class_indices) -> None:
        """Raise ValueError if a class has one image."""
        for label, count in zip(self.classes_, np.bincount(class_indices), strict=True):
            if count < 2:
                raise ValueError(f"class {label} has one image; {type(self).__name__} needs at least two")

    def _builders(self, image_shape):
        return self.networks(image_shape, len(self.classes_))


def seconds_of_size(seconds_of_sides: Mapping[int, float], image_shape: tuple[int, ...]) -> float:
    """Those of the measured side nearest to the images', more for larger images."""
    area = image_shape[0] * image_shape[1]
    side = min(seconds_of_sides, key=lambda side: abs(side**2 - area))
    return seconds_of_sides[side] * max(1.0, area / side**2)


def cost_of_filters(n_filters: int, usual: int) -> float:
    """How much a step with so many filters costs, in multiples of one with the usual number.

    Not their square, as few filters are slower for each multiplication.
    """
    return (n_filters / usual) ** 1.5

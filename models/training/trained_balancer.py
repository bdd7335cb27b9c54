"""What all methods with networks share."""

import hashlib
import json
import numbers
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pandas as pd

from ..balancer import Balancer
from .fit import Stage, seeded, train

HISTORY_COLUMNS = ["epoch", "seconds", "stage"]  # beside the losses of each method


@dataclass(kw_only=True, eq=False, repr=False)
class TrainedBalancer(Balancer):
    """A balancer that trains networks, in one stage or several.

    A subclass implements `networks`, which names its networks, `_stages`, which says what each stage trains and does
    what is to be done between stages, and `_sample`. The base does the rest: `folder` keeps checkpoints and
    `history.csv` of each stage, and a fit with the same arguments and data continues from them; with `verbose` above 0
    a bar shows epoch, losses and time left. `history_` has a row for each epoch of each stage.

    Class attributes hold what the base, plans and command lines need:

    - `epochs_of_stage`: name of each stage -> the parameter that holds its number of epochs. Only a method with a
      single stage may name it "".
    - `smallest_numbers`: further whole numbers among the parameters -> the least that each may be.
    - `schedules`: smoke, quick and thesis -> constructor arguments for images of your own; "steps" among them maps
      parameters of `epochs_of_stage` to numbers of steps, which do not depend on the number of images.
    - `seconds_per_1000_images`: stage -> {side of the images in pixels: seconds for one epoch of 1000 images on the
      reference machine}; `experiments/benchmark.py` measures it. A stage that is left out counts as `UNMEASURED`.
    """

    n_epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-3
    folder: str | Path | None = None
    verbose: int = 0

    min_side_pixels = 8  # of the networks for any size
    epochs_of_stage: ClassVar[Mapping[str, str]] = {"": "n_epochs"}
    smallest_numbers: ClassVar[Mapping[str, int]] = {}
    schedules: ClassVar[Mapping[str, dict]]
    seconds_per_1000_images: ClassVar[Mapping[str, Mapping[int, float]]] = {}

    @abstractmethod
    def networks(self, image_shape: tuple[int, int, int], n_classes: int) -> dict[str, Callable[[], keras.Model]]:
        """Name of each network -> what builds it. `fit` builds them in this order, seeded, as `<name>_`."""

    @abstractmethod
    def _stages(self, images: np.ndarray, class_indices: np.ndarray) -> Iterator[Stage]:
        """Yield each stage in turn; by the time the next one is asked for, it has been trained."""

    @classmethod
    def arguments(cls, schedule, n_images, flip):
        values = dict(cls.schedules[schedule])
        n_steps = values.pop("steps", {})
        steps_per_epoch = max(1, n_images // min(values.get("batch_size", cls.batch_size), n_images))
        return values | {parameter: -(-n // steps_per_epoch) for parameter, n in n_steps.items()}

    @classmethod
    def n_images_seen(cls, stage: str, arguments: dict, n_images: int, n_classes: int, n_small_classes: int) -> float:
        """Estimate of how many images the steps of a stage take in all, which `seconds_per_1000_images` are for.

        Of `n_classes` so many `n_small_classes` get new images. Networks of other sizes count by their cost.
        """
        parameter = cls.epochs_of_stage[stage]
        return arguments.get(parameter, getattr(cls, parameter)) * n_images

    def _fit(self, images, class_indices):
        self._check_numbers()
        with seeded(self.seed_):
            self._build(images.shape[1:])
        histories = []
        for stage in self._stages(images, class_indices):
            history = train(
                stage,
                n_epochs=self._n_epochs(stage),
                random_state=self.seed_,
                description=", ".join(filter(None, (type(self).__name__, stage.name))),
                fingerprint=self._fingerprint(stage.epochs_of, images, class_indices),
                folder=Path(self.folder) / stage.name if self.folder else None,
                verbose=self.verbose,
            )
            histories.append(history.assign(stage=stage.name))
        self.history_ = pd.concat(histories, ignore_index=True) if histories else pd.DataFrame(columns=HISTORY_COLUMNS)

    def _n_epochs(self, stage: Stage) -> int:
        return getattr(self, self.epochs_of_stage[stage.epochs_of]) if stage.n_epochs is None else stage.n_epochs

    def _build(self, image_shape: tuple[int, int, int]) -> None:
        for name, build in self.networks(image_shape, len(self.classes_)).items():
            setattr(self, f"{name}_", build())

    def _check_numbers(self) -> None:
        """Raise ValueError if a number of epochs or a size is not valid."""
        smallest = {name: 1 for name in self.get_params() if name.endswith("_size")}
        smallest |= dict.fromkeys(self.epochs_of_stage.values(), 0) | self.smallest_numbers
        for name, least in smallest.items():
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")

    def _fingerprint(self, stage: str, images, class_indices) -> str:
        """Identifies a stage's training by its data and by all arguments that decide its weights after an epoch."""
        stages = list(self.epochs_of_stage)
        later = {self.epochs_of_stage[name] for name in stages[stages.index(stage) :]}
        free = {"folder", "verbose", "sampling_strategy"} | later
        arguments = {name: value for name, value in self.get_params().items() if name not in free}
        arguments["random_state"] = self.seed_
        data = hashlib.sha256(np.ascontiguousarray(images))
        data.update(np.ascontiguousarray(class_indices, np.int64).tobytes())
        identity = {"method": type(self).__name__, "data": data.hexdigest(), "arguments": arguments}
        return json.dumps(identity, indent=1, default=lambda value: value.item())  # numpy's numbers as Python's

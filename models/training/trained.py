"""What everything with networks shares."""

import hashlib
import json
import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ...datasets.stored_images import in_parts
from ..inputs import check_resumable
from .fit import Stage, seeded, train

HISTORY_COLUMNS = ["epoch", "seconds", "stage"]  # beside the losses of each method


@dataclass(kw_only=True, eq=False, repr=False)
class Trained(BaseEstimator, ABC):
    """What trains networks, in one stage or several.

    A subclass implements `_builders`, which names its networks, and `_stages`, which says what each stage trains and
    does what is to be done between stages. It has a `random_state`; its `fit` sets `seed_` and calls `_train`. The base
    does the rest: `folder` keeps checkpoints and `history.csv` of each stage, and a fit with the same arguments and
    data continues from them; with `verbose` above 0 a bar shows epoch, losses and time left. `history_` has a row for
    each epoch of each stage.

    Class attributes hold what the base needs:

    - `epochs_of_stage`: name of each stage -> the parameter that holds its number of epochs. Only a method with a
      single stage may name it "".
    - `smallest_numbers`: further whole numbers among the parameters -> the least that each may be.
    - `fractions`: parameters that must lie between 0 and 1; `positive_fractions` also not be 0.
    - `weights`: numbers that must not be negative, such as those of losses.
    - `choices`: parameters -> the values, words or None, that each may have.
    - `sampling_parameters`: those that only say how images are made of trained networks, so that they may change when
      checkpoints are continued.
    - `later_parameters`: parameters that came when there were already records and checkpoints -> the value with which
      everything is as it was before; where they have it, records do not name them, so that old ones stay valid.
    - `training_revision`: how often the way the networks are trained has changed; older checkpoints are refused.
    """

    n_epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-3
    folder: str | Path | None = None
    verbose: int = 0

    epochs_of_stage: ClassVar[Mapping[str, str]] = {"": "n_epochs"}
    smallest_numbers: ClassVar[Mapping[str, int]] = {}
    fractions: ClassVar[tuple[str, ...]] = ()
    positive_fractions: ClassVar[tuple[str, ...]] = ()
    weights: ClassVar[tuple[str, ...]] = ()
    choices: ClassVar[Mapping[str, tuple[str | bool | None, ...]]] = {}
    sampling_parameters: ClassVar[tuple[str, ...]] = ()
    later_parameters: ClassVar[Mapping[str, float]] = {}
    training_revision: ClassVar[int] = 0

    def recorded_parameters(self) -> dict:
        """All parameters but those of `later_parameters` that have the value given there."""
        return {
            name: value
            for name, value in self.get_params().items()
            if name not in self.later_parameters or value != self.later_parameters[name]
        }

    @abstractmethod
    def _builders(self, image_shape: tuple[int, int, int]) -> dict[str, Callable[[], keras.Model]]:
        """Name of each network -> what builds it. They are built in this order, seeded, as `<name>_`."""

    @abstractmethod
    def _stages(self, images: np.ndarray, others: np.ndarray) -> Iterator[Stage]:
        """Yield each stage in turn; by the time the next one is asked for, it has been trained."""

    def _train(self, images, others) -> None:
        """Build the networks and train all stages on uint8 images and an array that goes with them."""
        self._check_numbers()
        with seeded(self.seed_):
            self._build(images.shape[1:])
        histories = []
        for stage in self._stages(images, others):
            history = train(
                stage,
                n_epochs=self._n_epochs(stage),
                random_state=self.seed_,
                description=", ".join(filter(None, (type(self).__name__, stage.name))),
                fingerprint=self._fingerprint(stage.epochs_of, images, others),
                folder=Path(self.folder) / stage.name if self.folder else None,
                verbose=self.verbose,
            )
            histories.append(history.assign(stage=stage.name))
        self.history_ = pd.concat(histories, ignore_index=True) if histories else pd.DataFrame(columns=HISTORY_COLUMNS)

    def _n_epochs(self, stage: Stage) -> int:
        return getattr(self, self.epochs_of_stage[stage.epochs_of]) if stage.n_epochs is None else stage.n_epochs

    def _build(self, image_shape: tuple[int, int, int]) -> None:
        for name, build in self._builders(image_shape).items():
            setattr(self, f"{name}_", build())

    def _check_numbers(self) -> None:
        """Raise ValueError if a number of epochs, a size, a rate or a fraction is not valid."""
        smallest = {name: 1 for name in self.get_params() if name.endswith("_size")}
        smallest |= dict.fromkeys(self.epochs_of_stage.values(), 0) | self.smallest_numbers
        for name, least in smallest.items():
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
        rates = [name for name in self.get_params() if name.endswith("learning_rate")]
        for name in (*rates, *self.weights, *self.fractions, *self.positive_fractions):
            if not isinstance(getattr(self, name), numbers.Real):
                raise ValueError(f"{name} must be a number, got {getattr(self, name)!r}")
        for name in rates:
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        for name in self.weights:
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be a number of at least 0, got {getattr(self, name)!r}")
        for name, values in self.choices.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(map(str, values))}, got {getattr(self, name)!r}")
        check_resumable(self)
        for name in self.fractions:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)!r}")
        for name in self.positive_fractions:
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie above 0 and at most be 1, got {getattr(self, name)!r}")

    def _fingerprint(self, stage: str, images, others) -> str:
        """Identifies a stage's training by its data and by all arguments but those that only decide on later epochs."""
        stages = list(self.epochs_of_stage)
        later = {self.epochs_of_stage[name] for name in stages[stages.index(stage) :]}
        free = {"folder", "verbose", "sampling_strategy", *self.sampling_parameters} | later
        arguments = {name: value for name, value in self.recorded_parameters().items() if name not in free}
        arguments["random_state"] = self.seed_
        data = hashlib.sha256()
        for part in in_parts(images, f"{type(self).__name__}, hashing" if self.verbose else None):
            data.update(np.ascontiguousarray(part))
        data.update(np.ascontiguousarray(others))
        identity = {"method": type(self).__name__, "data": data.hexdigest(), "arguments": arguments}
        if self.training_revision:
            identity["revision"] = self.training_revision
        return json.dumps(identity, indent=1, default=_as_json)


def _as_json(value):
    """A path as text, one of numpy's numbers as Python's."""
    return str(value) if isinstance(value, Path) else value.item()


def check_optional(estimator: BaseEstimator, parameter: str) -> None:
    """Raise ValueError unless a parameter is None or a whole number of at least 1."""
    value = getattr(estimator, parameter)
    if value is not None and (not isinstance(value, numbers.Integral) or value < 1):
        raise ValueError(f"{parameter} must be None or at least 1, got {value!r}")

"""The best epoch of a classifier's training, and what a killed process leaves of one whose epochs are long."""

import json
import time
from pathlib import Path

import keras
import numpy as np

from ..datasets.files import appearing, read_archive

LONG_S = 60.0


class BestEpoch(keras.callbacks.Callback):
    """Restores the weights of the epoch with the best validation accuracy, the first of equal ones, at the end.

    `history` has a list of values per epoch for each of what Keras' history has. With a `path`, epochs that take longer
    than a minute leave there all that decides how the training goes on, from which `restore` continues to the bit.
    """

    def __init__(self, path: Path | None = None):
        super().__init__()
        self.path = path
        self.history: dict[str, list[float]] = {}
        self.weights: list[np.ndarray] = []

    def restore(self, model: keras.Model) -> int:
        """Give the compiled model what a killed training has left, if there is something; returns its epochs."""
        kept = read_archive(self.path) if self.path else None
        if kept is None:
            return 0
        for index, variable in enumerate(_state(model)):
            variable.assign(kept[f"state_{index}"])
        self.weights = [kept[f"best_{index}"] for index in range(len(model.get_weights()))]
        self.history = json.loads(str(kept["history"]))
        return len(self.history["val_accuracy"])

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        *earlier, last = self.history["val_accuracy"]
        if last > max(earlier, default=float("-inf")):
            self.weights = self.model.get_weights()
        if self.path and time.perf_counter() - self.started > LONG_S:
            arrays = {f"state_{index}": variable.numpy() for index, variable in enumerate(_state(self.model))}
            arrays |= {f"best_{index}": array for index, array in enumerate(self.weights)}
            with appearing(self.path) as file:
                np.savez(file, **arrays, history=json.dumps(self.history))

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)


def _state(model: keras.Model) -> list:
    """Weights, states of random layers, and the optimizer's variables."""
    return [*model.variables, *model.optimizer.variables]

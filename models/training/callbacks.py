"""What training does besides its steps: seeds, guards, history, pictures, checkpoints, progress."""

import hashlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from ...datasets import pictures
from ...datasets.files import write_atomically
from .history import read_history

CHECKPOINTS_KEPT = 2
EPOCHS_FILE = "epochs.txt"  # how many the training beside it is to have
CHECKPOINT_SHARE_OF_TIME = 0.05
N_PICTURES = 6
PLATEAU_EPOCHS = 5


class TrainingDivergedError(RuntimeError):
    """A loss or a weight became NaN or infinite; earlier checkpoints are kept."""


class EpochSeeds(keras.callbacks.Callback):
    """Seeds every Dropout layer from (random_state, epoch), since checkpoints do not hold their states."""

    def __init__(self, random_state):
        super().__init__()
        self.random_state = random_state

    def on_epoch_begin(self, epoch, logs=None):
        states = [variable for variable in self.model.variables if "seed_generator_state" in variable.path]
        for index, state in enumerate(states):
            state.assign(np.random.SeedSequence([self.random_state, epoch, index]).generate_state(2))


class FiniteLosses(keras.callbacks.Callback):
    """Stops training at the first loss that is not finite, and at its end if a weight is not.

    `folder` is where the training keeps checkpoints, if it does; `Checkpoints` has the weights checked before each.
    """

    def __init__(self, description, folder: Path | None = None):
        super().__init__()
        self.description = description
        self.folder = folder

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        for name, value in logs.items():
            if not np.isfinite(float(value)):
                raise TrainingDivergedError(
                    f"{self.description}: the loss term {name} became {float(value)} in epoch {self.epoch + 1}, "
                    f"step {batch + 1}. {self._advice()}"
                )

    def on_train_end(self, logs=None):
        self.check_weights()

    def check_weights(self) -> None:
        for variable in self.model.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                raise TrainingDivergedError(
                    f"{self.description}: the weights {variable.path} are no longer finite after epoch "
                    f"{self.epoch + 1}. {self._advice()}"
                )

    def _advice(self) -> str:
        if self.folder and n_epochs_kept(self.folder):
            return "Lower the learning rate; the last good checkpoint is kept."
        return "Lower the learning rate."


class History(keras.callbacks.Callback):
    """Losses and seconds of each epoch; `write` replaces the CSV file `path` as a whole."""

    def __init__(self, path: Path | None):
        super().__init__()
        self.path = path
        self.rows = []

    def restore(self, n_epochs_done: int) -> None:
        if self.path:
            self.rows = [row for row in read_history(self.path).to_dict("records") if row["epoch"] <= n_epochs_done]

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        losses = {name: float(logs[name]) for name in self.model.means}
        seconds = round(time.perf_counter() - self.started, 3)
        self.rows.append({"epoch": epoch + 1} | losses | {"seconds": seconds})

    def write(self) -> None:
        write_atomically(self.path, pd.DataFrame(self.rows).to_csv(index=False))


class StopAtPlateau(keras.callbacks.Callback):
    """Stops training after an epoch at whose end `at_plateau` holds; comes after `history`, before checkpoints."""

    def __init__(self, history: History, min_improvement: float):
        super().__init__()
        self.history = history
        self.min_improvement = min_improvement

    def on_epoch_end(self, epoch, logs=None):
        if at_plateau(self.history.rows, self.min_improvement):
            self.model.stop_training = True


def at_plateau(rows: list[dict], min_improvement: float) -> bool:
    """Whether the mean loss of the last five epochs is above 1 - `min_improvement` times that of the five before.

    `rows` are those of a history with one loss, which is positive. With `min_improvement` 0 a training has no plateau.
    """
    if min_improvement == 0 or len(rows) < 2 * PLATEAU_EPOCHS:
        return False
    values = [next(value for name, value in row.items() if name not in ("epoch", "seconds")) for row in rows]
    before, last = values[-2 * PLATEAU_EPOCHS : -PLATEAU_EPOCHS], values[-PLATEAU_EPOCHS:]
    return sum(last) > (1 - min_improvement) * sum(before)


class Checkpoints(keras.callbacks.Callback):
    """All variables of the model and its optimizers at the ends of epochs: `epoch-000012-<sha256>.npz`, the newest two.

    A file gets its name, which contains its own hash, only when it is complete and on disk. Files are written as often
    as five per cent of the time allows, and after the last epoch; before each, what is in `before_saving` is called.
    With several machines, all read and the chief writes.

    Not Keras' weight files: their library ends the process if the disk is full, and under a strategy of several
    machines Keras has all of them take part in saving.
    """

    def __init__(self, folder: Path, description: str, is_chief: bool, before_saving: tuple[Callable[[], None], ...]):
        super().__init__()
        self.folder = folder
        self.description = description
        self.is_chief = is_chief
        self.before_saving = before_saving
        self.last_saved = self.save_duration_s = float("-inf")

    def restore(self, model, n_epochs: int) -> int:
        """Load the newest sound checkpoint of at most `n_epochs`; returns its epoch. Damaged files are set aside."""
        for path in self.paths():
            epoch, digest = _epoch(path), path.stem.split("-")[2]
            if epoch > n_epochs:
                continue
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == digest:
                try:
                    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                        arrays = [archive[str(index)] for index in range(len(model.state()))]
                except (ValueError, KeyError) as error:
                    raise ValueError(f"{path} is refused: {error}; delete it") from error
                for variable, array in zip(model.state(), arrays, strict=True):
                    variable.assign(array)
                return epoch
            if self.is_chief:
                path.replace(path.with_suffix(".damaged"))
                print(f"{self.description}: checkpoint {path} is damaged and was set aside.", file=sys.stderr)
        if n_epochs_kept(self.folder) > n_epochs:
            raise ValueError(f"{self.folder} holds a training run of more than {n_epochs} epochs; use another folder")
        return 0

    def on_epoch_end(self, epoch, logs=None):
        started = time.perf_counter()
        is_last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        is_due = is_last or started - self.last_saved >= self.save_duration_s / CHECKPOINT_SHARE_OF_TIME
        if not (self.is_chief and is_due):
            return
        for call in self.before_saving:
            call()
        archive = io.BytesIO()
        np.savez(archive, **{str(index): variable.numpy() for index, variable in enumerate(self.model.state())})
        digest = hashlib.sha256(archive.getbuffer()).hexdigest()
        write_atomically(self.folder / f"epoch-{epoch + 1:06d}-{digest}.npz", archive.getvalue())
        for path in self.paths()[CHECKPOINTS_KEPT:]:
            path.unlink()
        self.last_saved = time.perf_counter()
        self.save_duration_s = self.last_saved - started

    def paths(self) -> list[Path]:
        """The checkpoints on disk, newest first."""
        return sorted(self.folder.glob("epoch-*.npz"), reverse=True)


def n_epochs_kept(folder: Path) -> int:
    """How many epochs the newest checkpoint in the folder holds; 0 without one."""
    return max((_epoch(path) for path in folder.glob("epoch-*.npz")), default=0)


def share_kept(folder: Path) -> float:
    """How much of the last training in the folder, from 0 to 1, its checkpoints hold; 0 if that is not known."""
    path = folder / EPOCHS_FILE
    try:
        return min(1.0, n_epochs_kept(folder) / max(1, int(path.read_text()))) if path.exists() else 0.0
    except ValueError:  # damaged; the training writes it again
        return 0.0


def _epoch(path: Path) -> int:
    return int(path.stem.split("-")[1])


class MadeMeanwhile(keras.callbacks.Callback):
    """Pictures of images side by side, after about six epochs of the training: `made-000012.png`."""

    def __init__(self, folder: Path, made_now):
        super().__init__()
        self.folder = folder
        self.made_now = made_now

    def on_epoch_end(self, epoch, logs=None):
        n_epochs = self.params["epochs"]
        if epoch + 1 in {round(n_epochs * share / N_PICTURES) for share in range(1, N_PICTURES + 1)}:
            pictures.save(self.folder / f"made-{epoch + 1:06d}.png", self.made_now()[None])


class Progress(keras.callbacks.Callback):
    """A bar on standard error over all steps of a fit, with epoch, losses and time left."""

    def __init__(self, description: str):
        super().__init__()
        self.description = description

    def on_train_begin(self, logs=None):
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        n_epochs, steps_per_epoch = self.params["epochs"], self.params["steps"]
        if self.bar is None:
            self.bar = tqdm(
                total=n_epochs * steps_per_epoch,
                initial=epoch * steps_per_epoch,
                unit="step",
                mininterval=0.5 if sys.stderr.isatty() else 60,
                dynamic_ncols=True,
            )
        self.bar.set_description(f"{self.description}, epoch {epoch + 1}/{n_epochs}", refresh=False)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_postfix({name: f"{float(value):.4g}" for name, value in logs.items()}, refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()

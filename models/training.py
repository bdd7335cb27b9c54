"""One resumable, deterministic fit, used by every trained method.

Everything random about a step is a pure function of (random_state, step): batches, noise and labels are made by
the input pipeline, dropout masks by seeds assigned at the start of each epoch. So a run that is killed and started
again continues from its last checkpoint as if nothing had happened, to the bit.
"""

import contextlib
import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from datasets.files import write_atomically
from datasets.pixels import to_network

CHECKPOINTS_KEPT = 2
CHECKPOINT_SHARE_OF_TIME = 0.05


class TrainingDivergedError(RuntimeError):
    """A loss or a weight became NaN or infinite; the last good checkpoint is kept."""


@contextlib.contextmanager
def seeded(random_state: int):
    """Within the block Keras draws initial weights from `random_state`.

    Python's and numpy's global generators are restored afterwards; TensorFlow's stays seeded.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(random_state)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def dense_gradients(tape, loss, variables) -> list[tuple]:
    """(gradient, variable) pairs, an embedding's gradient as a full array.

    Keras' optimizers take the sparse form for one with no class twice, which a batch of labels is not.
    """
    return [
        (tf.convert_to_tensor(gradient), variable)
        for gradient, variable in zip(tape.gradient(loss, variables), variables, strict=True)
    ]


@contextlib.contextmanager
def _graphs_as_written():
    """Within the block TensorFlow does not rewrite graphs.

    Its rewriter orders the terms of sums differently from run to run, which changes the last bits of gradients.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


def shuffled_batches(images, labels, batch_size: int, random_state: int):
    """Batches of whole epochs, each epoch in its own order; a remainder smaller than a batch is left out.

    Takes uint8 images (n, height, width, channels) and labels (n,), batch_size <= n. Returns
    (steps_per_epoch, batches), where `batches(first_step)` is an endless tf.data.Dataset that starts at a global
    step and yields {"step": (), "images": (batch_size, ...) float32 in [-1, 1], "labels": (batch_size,) int32}.
    """
    n_images = len(images)
    steps_per_epoch = n_images // batch_size
    images, labels = tf.constant(images), tf.constant(labels, tf.int32)

    def load(step):
        positions = (step % steps_per_epoch) * batch_size + tf.range(batch_size, dtype=tf.int64)
        seed = tf.stack([tf.cast(random_state, tf.int64), step // steps_per_epoch])
        chosen = tf.random.experimental.index_shuffle(positions, seed, n_images - 1)
        return {
            "step": step,
            "images": to_network(tf.gather(images, chosen)),
            "labels": tf.gather(labels, chosen),
        }

    def batches(first_step: int):
        return tf.data.Dataset.range(first_step, np.iinfo(np.int64).max).map(load)

    return steps_per_epoch, batches


def train(
    model: keras.Model,
    batches,
    *,
    n_epochs: int,
    steps_per_epoch: int,
    random_state: int,
    description: str,
    fingerprint: str,
    folder=None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Fit a compiled model to `n_epochs`, continuing from the newest sound checkpoint in `folder`.

    `batches(first_step)` yields the data from a global step on. Without a folder nothing is kept on disk. With
    verbose > 0 a progress bar shows epoch, losses and time left. Returns the history: a row an epoch with each
    loss's mean and the seconds it took; with a folder it also stands in `folder/history.csv`. Raises
    TrainingDivergedError at the first loss that is not finite, ValueError where the folder holds a training with
    another `fingerprint` or only checkpoints of more epochs.
    """
    model.optimizer.build(model.trainable_variables)
    if folder:
        _claim(Path(folder), fingerprint)
    checkpoints = _Checkpoints(Path(folder), description) if folder else None
    n_epochs_done = checkpoints.restore(model, n_epochs) if checkpoints else 0
    history = _History(Path(folder) / "history.csv" if folder else None, n_epochs_done)
    if n_epochs_done < n_epochs:
        callbacks = [_EpochSeeds(random_state), FiniteLosses(description), history]
        callbacks += [checkpoints] if checkpoints else []
        callbacks += [Progress(description, steps_per_epoch)] if verbose else []
        with _graphs_as_written():
            model.fit(
                batches(n_epochs_done * steps_per_epoch).prefetch(2),
                initial_epoch=n_epochs_done,
                epochs=n_epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                callbacks=callbacks,
                verbose=0,
            )
    return pd.DataFrame(history.rows)


def fingerprint(balancer, images, labels, free=()) -> str:
    """Identifies a training by its data and the balancer's arguments, but for how long, how loudly and where.

    `free` names further arguments that a continued training may change.
    """
    free = {"n_epochs", "folder", "verbose", "sampling_strategy", *free}
    arguments = {name: value for name, value in balancer.get_params().items() if name not in free}
    data = hashlib.sha256(images.tobytes())
    data.update(np.ascontiguousarray(labels, np.int64).tobytes())
    return json.dumps({"method": type(balancer).__name__, "data": data.hexdigest(), "arguments": arguments}, indent=1)


def _claim(folder: Path, fingerprint: str) -> None:
    path = folder / "training.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_atomically(path, fingerprint)
    elif path.read_text() != fingerprint:
        raise ValueError(f"{folder} holds a training with other arguments or images (see {path}); use another folder")


class _EpochSeeds(keras.callbacks.Callback):
    """Seeds every Dropout layer from (random_state, epoch), since checkpoints do not hold their states."""

    def __init__(self, random_state):
        super().__init__()
        self.random_state = random_state

    def on_epoch_begin(self, epoch, logs=None):
        states = [variable for variable in self.model.variables if "seed_generator_state" in variable.path]
        for index, state in enumerate(states):
            state.assign(np.random.SeedSequence([self.random_state, epoch, index]).generate_state(2))


class FiniteLosses(keras.callbacks.Callback):
    """Stops training at the first loss that is not finite, and before weights that are not finite are kept."""

    def __init__(self, description):
        super().__init__()
        self.description = description

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        for name, value in logs.items():
            if not np.isfinite(float(value)):
                raise TrainingDivergedError(
                    f"{self.description}: the loss term {name} became {float(value)} in epoch {self.epoch + 1}, "
                    f"step {batch + 1}. Lower the learning rate; the last good checkpoint is kept."
                )

    def on_epoch_end(self, epoch, logs=None):
        for variable in self.model.trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                raise TrainingDivergedError(
                    f"{self.description}: the weights {variable.path} are no longer finite after epoch {epoch + 1}. "
                    "Lower the learning rate; the last good checkpoint is kept."
                )


class _History(keras.callbacks.Callback):
    """Losses and seconds of each epoch, kept in a CSV file that is replaced as a whole."""

    def __init__(self, path, n_epochs_done):
        super().__init__()
        self.path = path
        self.rows = []
        if path and path.exists():
            rows = pd.read_csv(path).to_dict("records")
            self.rows = [row for row in rows if row["epoch"] <= n_epochs_done]

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        losses = {name: float(value) for name, value in logs.items()}
        seconds = round(time.perf_counter() - self.started, 3)
        self.rows.append({"epoch": epoch + 1} | losses | {"seconds": seconds})
        if self.path:
            write_atomically(self.path, pd.DataFrame(self.rows).to_csv(index=False))


class _Checkpoints(keras.callbacks.Callback):
    """Weights and optimizer state at epoch ends: `epoch-000012-<sha256>.weights.h5`, the newest two.

    A file gets its name, which holds its own hash, only when it is complete and on disk. It is written as often as
    takes five per cent of the time, and after the last epoch.
    """

    def __init__(self, folder: Path, description: str):
        super().__init__()
        self.folder = folder
        self.description = description
        self.last_saved = self.save_duration_s = float("-inf")

    def restore(self, model, n_epochs: int) -> int:
        """Load the newest sound checkpoint of at most `n_epochs`; returns its epochs. Damaged files are set aside."""
        for path in self._paths():
            _, epoch, digest = path.name.removesuffix(".weights.h5").split("-")
            if int(epoch) > n_epochs:
                continue
            if _sha256(path) == digest:
                model.load_weights(path)
                return int(epoch)
            path.replace(path.with_name(path.name.removesuffix(".weights.h5") + ".damaged"))
            print(f"{self.description}: checkpoint {path} is damaged and was set aside.", file=sys.stderr)
        if self._paths():
            raise ValueError(f"{self.folder} holds a training of more than {n_epochs} epochs; use another folder")
        return 0

    def on_epoch_end(self, epoch, logs=None):
        started = time.perf_counter()
        is_last = epoch + 1 == self.params["epochs"]
        if not is_last and started - self.last_saved < self.save_duration_s / CHECKPOINT_SHARE_OF_TIME:
            return
        partial = self.folder / "partial.weights.h5"
        self.model.save_weights(partial)
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        partial.replace(self.folder / f"epoch-{epoch + 1:06d}-{_sha256(partial)}.weights.h5")
        for path in self._paths()[CHECKPOINTS_KEPT:]:
            path.unlink()
        self.last_saved = time.perf_counter()
        self.save_duration_s = self.last_saved - started

    def _paths(self):
        return sorted(self.folder.glob("epoch-*.weights.h5"), reverse=True)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Progress(keras.callbacks.Callback):
    """A bar on standard error over all steps of a fit, with epoch, losses and time left."""

    def __init__(self, description: str, steps_per_epoch: int):
        super().__init__()
        self.description = description
        self.steps_per_epoch = steps_per_epoch

    def on_train_begin(self, logs=None):
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        n_epochs = self.params["epochs"]
        if self.bar is None:
            self.bar = tqdm(
                total=n_epochs * self.steps_per_epoch,
                initial=epoch * self.steps_per_epoch,
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

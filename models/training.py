"""One resumable, deterministic fit, used by every trained method.

Everything random about a step is a pure function of (random_state, step): batches, noise and labels are made by
the input pipeline, dropout masks by seeds assigned at the start of each epoch. So a run that is killed and started
again continues from its last checkpoint as if nothing had happened, to the bit.
"""

import contextlib
import hashlib
import json
import random
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from datasets.batches import prompt
from datasets.files import write_atomically
from models.callbacks import Checkpoints, EpochSeeds, FiniteLosses, History, Progress


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
    checkpoints = Checkpoints(Path(folder), description) if folder else None
    n_epochs_done = checkpoints.restore(model, n_epochs) if checkpoints else 0
    history = History(Path(folder) / "history.csv" if folder else None, n_epochs_done)
    if n_epochs_done < n_epochs:
        callbacks = [EpochSeeds(random_state), FiniteLosses(description), history]
        callbacks += [checkpoints] if checkpoints else []
        callbacks += [Progress(description, steps_per_epoch)] if verbose else []
        with _graphs_as_written():
            model.fit(
                prompt(batches(n_epochs_done * steps_per_epoch)),
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

"""One resumable, deterministic fit, used by every trained method.

Everything random about a step is a pure function of (random_state, step): batches, noise and labels are made by
the input pipeline, dropout masks from seeds assigned at the start of each epoch. So a run that is killed and restarted
continues from its last checkpoint as if nothing had happened, to the bit.
"""

import contextlib
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from ...datasets.batches import prompt
from ...datasets.files import set_aside, write_atomically
from .averaging import Average
from .callbacks import (
    EPOCHS_FILE,
    Checkpoints,
    EpochSeeds,
    FiniteLosses,
    History,
    MadeMeanwhile,
    Progress,
    StopAtPlateau,
    at_plateau,
)
from .replicas import all_sum, distributed, n_replicas, same_everywhere


@contextlib.contextmanager
def seeded(random_state: int):
    """Within the block, Keras draws initial weights from `random_state`.

    Python's and numpy's global generators are restored afterwards; TensorFlow's stays seeded.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(random_state)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


class TrainingModel(keras.Model):
    """The networks that a stage trains together, each by one of its optimizers.

    A subclass implements `train_step(batch)`, which calls `minimise` and ends with `return self.recorded(...)`.
    """

    def __init__(self, losses: tuple[str, ...], optimizers: dict[str, tuple]):
        """`losses` names the arguments of `recorded`; `optimizers`: name -> (optimizer, [networks that it updates])."""
        super().__init__()
        self.means = {loss: keras.metrics.Mean(loss) for loss in losses}
        self.optimizers = {name: optimizer for name, (optimizer, _) in optimizers.items()}
        self.updated = {name: networks for name, (_, networks) in optimizers.items()}
        self.averages: list[Average] = []
        self.averaging_networks = []  # so that Keras knows their weights
        self.built = True

    def keep_average(self, network: keras.Model, average: keras.Model, momentum: float) -> None:
        """Let `average` follow a network whenever its optimizer updates it; see `Average`."""
        self.averages.append(Average(network, average, momentum))
        self.averaging_networks.append(average)
        self.averages[-1].start()

    def build_optimizers(self) -> None:
        """Create the optimizers' variables, which must exist before they can be restored."""
        for name, optimizer in self.optimizers.items():
            optimizer.build(_trainable_variables(self.updated[name]))

    def state(self) -> list:
        """All variables that decide how training continues: the model's and those of its optimizers."""
        return [*self.variables, *(v for optimizer in self.optimizers.values() for v in optimizer.variables)]

    def minimise(self, optimizer: str, tape: tf.GradientTape, *losses: tuple) -> None:
        """One step of an optimizer on (loss, [networks]) pairs; every gradient is taken before any is applied.

        Then the averages of its networks follow.
        """
        pairs = []
        for loss, networks in losses:
            pairs += dense_gradients(tape, loss, _trainable_variables(networks))
        pairs = clipped_together(pairs, self.optimizers[optimizer].global_clipnorm)
        self.optimizers[optimizer].apply_gradients(pairs)
        for average in self.averages:
            if average.network in self.updated[optimizer]:
                average.update(self.optimizers[optimizer].iterations)

    def passes(self) -> list[tuple[keras.Model, float, float]]:
        """(network, forward passes, all passes) of one step, in batches, from which `benchmark.py` counts its cost.

        A pass back to a network's inputs counts as one, to its weights as another. By default one batch goes through
        each network that is updated, and back to both.
        """
        return [(network, 1, 3) for networks in self.updated.values() for network in networks]

    @property
    def metrics(self):
        return list(self.means.values())

    def recorded(self, *losses) -> dict:
        """The mean so far of each loss, in the order of their names."""
        for mean, loss in zip(self.means.values(), losses, strict=True):
            mean.update_state(loss)
        return {name: mean.result() for name, mean in self.means.items()}

    def make_train_function(self, force=False):
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            super().make_train_function(force)
            return

        @tf.function
        def step(batches):  # Keras' own fails if replicas are on several machines
            logs = strategy.run(self.train_step, args=(next(batches),))
            return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

        self.train_function = step

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Keras would average a batch over the replicas to learn its shape; here everything is built already."""


def _trainable_variables(networks) -> list:
    return [variable for network in networks for variable in network.trainable_variables]


def dense_gradients(tape, loss, variables) -> list[tuple]:
    """(gradient, variable) pairs for an optimizer, which sums them over replicas; an embedding's as a full array.

    Keras' optimizers take a sparse gradient for one without repeated rows, but a batch of labels repeats them.
    """
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, variables)]
    if n_replicas() > 1:
        gradients = [gradient / n_replicas() for gradient in gradients]  # the loss is the whole batch's on each
    return list(zip(gradients, variables, strict=True))


def clipped_together(pairs: list[tuple], norm: float | None) -> list[tuple]:
    """Where an optimizer clips the norm of all its gradients, and several replicas add up theirs: their clipped sum.

    An optimizer clips what it has on its own replica, before these are added; shares of the sum pass it unchanged.
    """
    if norm is None or n_replicas() == 1:
        return pairs
    gradients, _ = tf.clip_by_global_norm([all_sum(gradient) for gradient, _ in pairs], norm)
    return [(gradient / n_replicas(), variable) for gradient, (_, variable) in zip(gradients, pairs, strict=True)]


@contextlib.contextmanager
def graphs_as_written():
    """Within the block, TensorFlow does not rewrite graphs.

    Its rewriter orders the terms of sums differently from run to run, which changes the last bits of gradients.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@dataclass(frozen=True)
class Stage:
    """What a stage of training needs: a model, and its data from any global step on, as `datasets.batches` gives them.

    `name` is its name in the history and that of its folder; `kind` is its key in `Trained.epochs_of_stage` if
    several stages are of one kind, such as one for each class (None: its name). `n_epochs` is that of a stage which
    takes another number of epochs than this parameter says (None: as it says). `made_now` gives uint8 images (n,
    height, width, channels) of what the networks make by now, always from the same inputs. With `min_improvement` above
    0 a stage of one loss ends earlier where `callbacks.at_plateau` says so.
    """

    model: TrainingModel
    steps_per_epoch: int
    batches: Callable[[int], tf.data.Dataset]
    name: str = ""
    kind: str | None = None
    n_epochs: int | None = None
    made_now: Callable[[], np.ndarray] | None = None
    min_improvement: float = 0.0

    @property
    def epochs_of(self) -> str:
        return self.name if self.kind is None else self.kind


def train(
    stage: Stage,
    *,
    n_epochs: int,
    random_state: int,
    description: str,
    fingerprint: str,
    folder: Path | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Train a stage up to `n_epochs`, continuing from the newest sound checkpoint in `folder`.

    Without a folder nothing is kept on disk. With verbose > 0 a progress bar shows epoch, losses and time left. Returns
    the history: a row per epoch with each loss's mean and the seconds it took; with a folder it is also in
    `folder/history.csv`, and the folder gets pictures of what the networks made (`MadeMeanwhile`), if the stage has
    `made_now`. Raises TrainingDivergedError at the first loss that is not finite, and ValueError if the folder holds a
    training run with another `fingerprint`, only checkpoints of more epochs or, of a stage that may end at a plateau,
    not the whole history.

    In the scope of a `tf.distribute` strategy its replicas share each step; with several machines the chief writes.
    """
    model, steps_per_epoch = stage.model, stage.steps_per_epoch
    model.compile(optimizer=None)
    model.build_optimizers()
    is_chief = tf.distribute.get_strategy().extended.should_checkpoint
    if folder:
        _claim(folder, fingerprint, is_chief)
        if is_chief:
            write_atomically(folder / EPOCHS_FILE, str(n_epochs))
    guard, history = FiniteLosses(description, folder), History(folder / "history.csv" if folder else None)
    checkpoints = Checkpoints(folder, description, is_chief, (guard.check_weights, history.write)) if folder else None
    n_epochs_done = checkpoints.restore(model, n_epochs) if checkpoints else 0
    if not same_everywhere(n_epochs_done):
        raise ValueError(f"the machines found different checkpoints; {folder} must be shared by all of them")
    history.restore(n_epochs_done)
    if stage.min_improvement and folder and len(history.rows) < n_epochs_done:
        raise ValueError(
            f"{folder / 'history.csv'} no longer holds all {n_epochs_done} epochs, so nothing tells whether training "
            f"has ended at its plateau; without {folder} it is trained anew, to the same networks"
        )
    if n_epochs_done < n_epochs and not at_plateau(history.rows, stage.min_improvement):
        callbacks = [EpochSeeds(random_state), guard, history]
        callbacks += [StopAtPlateau(history, stage.min_improvement)]
        callbacks += [MadeMeanwhile(folder, stage.made_now)] if folder and stage.made_now and is_chief else []
        callbacks += [checkpoints] if checkpoints else []
        callbacks += [Progress(description)] if verbose and is_chief else []
        with graphs_as_written():
            model.fit(
                distributed(prompt(stage.batches(n_epochs_done * steps_per_epoch))),
                initial_epoch=n_epochs_done,
                epochs=n_epochs,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,
                callbacks=callbacks,
                verbose=0,
            )
    return pd.DataFrame(history.rows)


def _claim(folder: Path, fingerprint: str, is_chief: bool) -> None:
    path = folder / "training.json"
    if folder.is_file():
        raise ValueError(f"{folder} is a file; checkpoints need a folder")
    folder.mkdir(parents=True, exist_ok=True)
    found, checkpoints = path.read_bytes() if path.exists() else None, list(folder.glob("epoch-*.npz"))
    if found == fingerprint.encode():
        return
    if found is not None and _is_json(found):
        raise ValueError(
            f"{folder} holds a training run with other arguments or images (see {path}); use another folder"
        )
    if not is_chief:
        return
    if found is not None or checkpoints:  # nothing tells what the checkpoints are of
        for kept in (*folder.glob("history.csv"), *checkpoints):
            kept.replace(kept.with_name(kept.name + ".damaged"))
        if found is not None:
            set_aside(path, "its checkpoints too, and training begins anew")
        else:
            print(
                f"{path} is missing, so the checkpoints there were set aside, and training begins anew.",
                file=sys.stderr,
            )
    write_atomically(path, fingerprint)


def _is_json(content: bytes) -> bool:
    try:
        return bool(json.loads(content))
    except ValueError:
        return False

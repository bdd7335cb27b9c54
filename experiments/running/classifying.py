"""The classifiers of cells: what they learn from, and how they are trained."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from ...datasets.files import read_archive, write_archive
from ...datasets.image_dataset import ImageDataset
from ...datasets.stored_images import joined, taken
from ...evaluation import classifiers, protocol
from ...models import BASELINE, named
from ...models.networks.classifiers import builder
from ...models.training.callbacks import FiniteLosses, Progress
from . import locks
from .cell import AS_MANY_ORIGINALS, Cell
from .plan import Plan

KEPT = "classifier-epochs.npz"  # in the cell's folder while its classifier is trained
ORIGINALS, CLASSIFIER = "originals", "classifier.npz"  # weights of that of the originals, below the baseline's folder


class Classifying:
    """Trains the classifiers of a plan's cells; keeps those of the originals.

    `parts` gives the parts of the dataset of a task for one of its draws of training images.
    """

    def __init__(self, plan: Plan, parts: Callable[[str, int], protocol.Parts], verbose: int):
        self.plan = plan
        self.parts = parts
        self.verbose = verbose
        self.of_originals = cache(self._of_originals)

    def learned_from(self, cell: Cell, new_images: dict[int, np.ndarray]) -> tuple[ImageDataset, ImageDataset]:
        """Training and validation images of the cell's classifier, with `new_images` of each class among them."""
        task = self.plan.tasks[cell.task]
        parts = self.parts(cell.task, task.draw(cell.seed))
        if task.n_new_only and (cell.makes_images or cell.method == AS_MANY_ORIGINALS):
            real = [label for label in range(task.n_classes) if label not in new_images]
            n, random_state = task.n_new_only[self.plan.schedule], self.plan.random_state(cell)
            parts = protocol.with_few_real_images(parts, real, n, random_state)
        made = joined([taken(parts.train.images, np.arange(0)), *new_images.values()])
        labels = np.repeat(np.array(list(new_images), np.int64), [len(images) for images in new_images.values()])
        return protocol.with_new_images(parts, made, labels, task)

    def trained(self, cell: Cell, train: ImageDataset, validation: ImageDataset, kept: Path | None = None) -> tuple:
        """A classifier trained as the cell's method says, from its seed, and the history of its training.

        A long training continues from the file `kept`.
        """
        task = self.plan.tasks[cell.task]
        arguments = dict(task.classifier.schedules[self.plan.schedule])
        for way in named(cell.method).classifier_methods if cell.has_method else ():
            arguments |= way.new().classifier_arguments(train.labels)
        callbacks = [FiniteLosses(f"{cell}, classifier")]
        callbacks += [Progress(f"{cell}, classifier")] if self.verbose else []
        return classifiers.train_classifier(
            builder(task.classifier.network),
            train,
            validation,
            random_state=self.plan.random_state(cell),
            callbacks=callbacks,
            kept=kept,
            **arguments,
        )

    def _of_originals(self, task: str, draw: int = 0):
        """The network of the baseline's first seed, trained on the original images alone; its weights are kept.

        Where seeds have training images of their own, that of the seed `draw`.
        """
        asked = self.plan.tasks[task]
        cell = Cell(asked.baseline_task or task, BASELINE, draw)
        path = self.plan.folder(cell) / ORIGINALS / CLASSIFIER
        with locks.held(path.parent, wait=True):  # not the cell's own folder, which may wait for this one
            kept = read_archive(path)
            if kept:
                image_shape = self.parts(task, draw).train.images.shape[1:]
                model = builder(asked.classifier.network)(asked.n_classes, image_shape=image_shape)
                model.set_weights(list(kept.values()))
                return model
            model = self.trained(cell, *self.learned_from(cell, {}))[0]
            write_archive(path, {str(index): weights for index, weights in enumerate(model.get_weights())})
        return model

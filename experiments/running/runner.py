"""Run one cell: cached, atomic, resumable. A cell is finished when its folder holds `cell.json`."""

import io
import json
import time
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from ...datasets.files import read_json, write_atomically
from ...datasets.image_dataset import ImageDataset
from ...evaluation import classifiers, protocol, scores, ssim
from ...models import BASELINE, METHODS
from ...models.balancer import HasLatents
from ...models.networks.classifiers import builder
from ...models.training.callbacks import FiniteLosses, Progress
from . import locks, pictures
from .cell import ORIGINAL, Cell
from .environment import environment
from .filters import FILTERS, NEED_CLASSIFIER
from .plan import Plan

N_SAMPLES_SHOWN = 12


class Runner:
    """Runs the cells of a plan; keeps the last fitted balancer and the classifier of the originals.

    `datasets` by name; `groups` (n,) names images of the only dataset that stay together. Networks are trained in the
    scope of `strategy` (None: TensorFlow's default), classifiers on one device. Processes that run cells of the same
    folder keep out of each other's way.
    """

    def __init__(self, plan: Plan, datasets: dict[str, ImageDataset], groups=None, strategy=None, verbose: int = 1):
        self.plan = plan
        self.datasets = datasets
        self.groups = groups
        self.strategy = strategy or tf.distribute.get_strategy()
        self.verbose = verbose
        self.parts = cache(self._parts)
        self.original_classifier = cache(self._original_classifier)
        self._fitted: tuple[Path, object, float] | None = None

    def cached(self, cell: Cell) -> dict | None:
        """The record of a finished cell, or None; a damaged one is set aside."""
        return read_json(self.plan.folder(cell) / "cell.json")

    def failure_log(self, cell: Cell) -> Path:
        return self.plan.folder(cell) / "failed.log"

    def has_failed(self, cell: Cell) -> bool:
        """Whether the last attempt at a cell that is not finished failed."""
        return self.failure_log(cell).exists() and not self.plan.is_finished(cell)

    def run(self, cell: Cell, wait: bool = True) -> dict:
        """The cell's record, computed unless it is cached.

        If another process is computing the cell or its networks, waits for it or raises locks.BusyError.
        """
        record = self.cached(cell)
        if record is None:
            folder = self.plan.folder(cell)
            with locks.held(folder, wait):
                record = self.cached(cell)  # another process may have finished it meanwhile
                if record is None:
                    record = self._compute(cell, wait)
                    write_atomically(folder / "cell.json", json.dumps(record, indent=1) + "\n")
                    self.failure_log(cell).unlink(missing_ok=True)
        return record

    def train(self, cell: Cell) -> None:
        """Train only the cell's networks, as machines other than the chief do."""
        self._fit(self._new_balancer(cell), cell)

    def _parts(self, task: str) -> protocol.Parts:
        """The parts of a task's dataset."""
        asked = self.plan.tasks[task]
        return protocol.parts(self.datasets[asked.dataset], asked, self.plan.protocol, self.groups)

    def _compute(self, cell: Cell, wait: bool) -> dict:
        started = time.perf_counter()
        task, parts = self.plan.tasks[cell.task], self.parts(cell.task)
        record = {
            "cell": str(cell),
            "schedule": self.plan.schedule,
            "configuration": self.plan.configuration(cell),
            "environment": environment(self.strategy),
            "n_train_images": len(parts.train.labels),
            "n_test_images": len(parts.test.labels),
        }
        images = {}  # of each class
        if cell.method == ORIGINAL:
            images = self._originals(cell)
        elif cell.makes_images:
            balancer, record["training_s"] = self.fitted(cell, wait)
            if NEED_CLASSIFIER & set(self.plan.filters):
                self.original_classifier(cell.task)  # trained here, its time is not counted as the method's
            sampling_started = time.perf_counter()
            images, dropped = self._sampled(cell, balancer)
            names = parts.train.class_names
            record |= {
                "sampling_s": round(time.perf_counter() - sampling_started, 1),
                "n_new": {names[label]: len(made) for label, made in images.items()},
                "n_dropped": {chosen: {names[k]: n for k, n in of.items()} for chosen, of in dropped.items()},
            }
            if cell.is_trained:
                record["training"] = self.plan.training_folder(cell).name
                record["training_environments"] = self._training_environments(cell)
        if self.plan.has_ssim(cell):
            if cell.makes_images:
                _save_archive(self.plan.folder(cell) / "images.npz", images)
            if cell.seed == 0:
                self._save_pictures(cell, images)
            record |= _ssim(images, cell.seed, task.ssim_range or ssim.DEFAULT_RANGE)
        if cell.has_classifier:
            record |= self._classify(cell, images)
        record["wall_time_s"] = round(time.perf_counter() - started, 1)
        return record

    def _originals(self, cell: Cell) -> dict[int, np.ndarray]:
        """As many original images of each class as are missing, from before anything was dropped."""
        task = self.plan.tasks[cell.task]
        whole = protocol.parts(self.datasets[task.dataset], task.undropped, self.plan.protocol, self.groups).train
        found = {}
        for label, n in self.parts(cell.task).missing.items():
            members = np.flatnonzero(whole.labels == label)
            chosen = np.random.default_rng(cell.seed).choice(members, min(n, len(members)), replace=False)
            found[label] = whole.images[chosen]
        return found

    def _sampled(self, cell: Cell, balancer) -> tuple[dict[int, np.ndarray], dict[str, dict[int, int]]]:
        """New images of each class that passed all filters, and how many each filter dropped.

        A method whose images are copies is not filtered for duplicates: nothing would be left of it.
        """
        train = self.parts(cell.task).train
        filters = [name for name in self.plan.filters if not (name == "duplicates" and balancer.makes_copies)]
        images, dropped = {}, {name: {} for name in filters}
        for label, n in self.parts(cell.task).additions(cell.proportion).items():
            made = balancer.sample(label, n, random_state=cell.seed)
            kept, originals = np.ones(n, bool), train.images[train.labels == label]
            for name in filters:
                classifier = self.original_classifier(cell.task) if name in NEED_CLASSIFIER else None
                passed = FILTERS[name](made, label, originals, classifier)
                dropped[name][label] = int((kept & ~passed).sum())
                kept &= passed
            images[label] = made[kept]
        return images, dropped

    def fitted(self, cell: Cell, wait: bool = True):
        """The method fitted to all that it may see, continued from its checkpoints, and the seconds that this took.

        The last one is kept in memory.
        """
        folder = self.plan.training_folder(cell)
        if self._fitted is None or self._fitted[0] != folder:
            self._fitted = None
            balancer = self._new_balancer(cell)
            started = time.perf_counter()
            if cell.is_trained:
                with locks.held(folder, wait):
                    self._note_environment(cell)
                    self._fit(balancer, cell)
                seconds = sum(pd.read_csv(path)["seconds"].sum() for path in folder.rglob("history.csv"))
            else:
                self._fit(balancer, cell)
                seconds = time.perf_counter() - started
            self._fitted = folder, balancer, round(float(seconds), 1)
        return self._fitted[1:]

    def _new_balancer(self, cell: Cell):
        parts, arguments = self.parts(cell.task), self.plan.arguments(cell)
        if cell.is_trained:
            arguments |= {"folder": self.plan.training_folder(cell), "verbose": self.verbose}
        counts = np.bincount(parts.train.labels, minlength=parts.train.n_classes)
        return METHODS[cell.method].load()(
            sampling_strategy={label: int(counts[label]) + n for label, n in parts.missing.items()},
            random_state=self.plan.tasks[cell.task].training_random_state,
            **arguments,
        )

    def _fit(self, balancer, cell: Cell) -> None:
        train = self.parts(cell.task).train
        with self.strategy.scope():
            balancer.fit(train.images, train.labels)

    def _training_environments(self, cell: Cell) -> list[dict]:
        """The environments in which the cell's networks were trained: several if another machine continued."""
        return read_json(self.plan.training_folder(cell) / "environments.json") or []

    def _note_environment(self, cell: Cell) -> None:
        known, own = self._training_environments(cell), environment(self.strategy)
        if own not in known:
            path = self.plan.training_folder(cell) / "environments.json"
            write_atomically(path, json.dumps([*known, own], indent=1) + "\n")

    def _save_pictures(self, cell: Cell, images: dict[int, np.ndarray]) -> None:
        """The first images, a row per class, as `samples.png` and, if the method has latents, `interpolations.png`."""
        folder, n = self.plan.folder(cell), min([N_SAMPLES_SHOWN, *map(len, images.values())])
        if n:
            pictures.save(folder / "samples.png", np.stack([made[:n] for made in images.values()]))
        if cell.makes_images and isinstance(self._fitted[1], HasLatents):
            train, label = self.parts(cell.task).train, next(iter(images))
            rows = pictures.interpolations(self._fitted[1], train.images[train.labels == label], label)
            pictures.save(folder / "interpolations.png", rows)

    def _classify(self, cell: Cell, new_images: dict[int, np.ndarray]) -> dict:
        task, parts = self.plan.tasks[cell.task], self.parts(cell.task)
        started = time.perf_counter()
        model, history = self.classifier(cell, *self.learned_from(cell, new_images))
        predicted = classifiers.predict(model, parts.test.images)
        record = {
            "scores": scores.scores(parts.test.labels, predicted, task.measured, parts.test.n_classes),
            "classifier_history": {name: [round(v, 6) for v in values] for name, values in history.items()},
            "classifier_s": round(time.perf_counter() - started, 1),
        }
        return record | ({"predicted": predicted.tolist()} if task.keeps_predictions else {})

    def learned_from(self, cell: Cell, new_images: dict[int, np.ndarray]) -> tuple[ImageDataset, ImageDataset]:
        """Training and validation images of the cell's classifier, with `new_images` of each class among them."""
        parts = self.parts(cell.task)
        made = np.concatenate([parts.train.images[:0], *new_images.values()])
        labels = np.repeat(np.array(list(new_images), np.int64), [len(images) for images in new_images.values()])
        return protocol.with_new_images(parts, made, labels, self.plan.tasks[cell.task])

    def classifier(self, cell: Cell, train: ImageDataset, validation: ImageDataset) -> tuple:
        """A classifier trained as the cell's method says, from its seed, and the history of its training."""
        task = self.plan.tasks[cell.task]
        arguments = dict(task.classifier.schedules[self.plan.schedule])
        if cell.method in METHODS and not cell.makes_images:
            arguments |= METHODS[cell.method].load()().classifier_arguments(train.labels)
        n_steps = arguments.get("steps_per_epoch") or len(train.labels) // min(
            arguments["batch_size"], len(train.labels)
        )
        callbacks = [FiniteLosses(f"{cell}, classifier")]
        callbacks += [Progress(f"{cell}, classifier", n_steps)] if self.verbose else []
        return classifiers.train_classifier(
            partial(builder(task.classifier.network), image_shape=train.images.shape[1:]),
            train,
            validation,
            random_state=cell.seed,
            callbacks=callbacks,
            **arguments,
        )

    def _original_classifier(self, task: str):
        """The network of the baseline's first seed, trained on the original images alone."""
        cell = Cell(task, BASELINE, 0)
        return self.classifier(cell, *self.learned_from(cell, {}))[0]


def _ssim(images: dict[int, np.ndarray], seed: int, value_range) -> dict:
    """Mean over classes of the SSIM of random pairs of one class."""
    measured = [ssim.pairwise_ssim(made, seed, value_range) for made in images.values()]
    n = len(measured)
    return {
        "ssim": {
            "value": sum(each.mean for each in measured) / n,
            "standard_error": float(np.sqrt(sum(each.standard_error**2 for each in measured))) / n,
        },
        "n_images": sum(map(len, images.values())),
        "n_pairs": sum(each.n_pairs for each in measured),
    }


def _save_archive(path: Path, images: dict[int, np.ndarray]) -> None:
    archive = io.BytesIO()
    np.savez_compressed(archive, **{f"class_{label}": made for label, made in images.items()})
    write_atomically(path, archive.getvalue())

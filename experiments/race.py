"""Classifiers trained with each method on the same images, and what they say of the same test images; cached."""

import json
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.files import read_json, write_atomically
from datasets.image_dataset import ImageDataset
from evaluation import classifiers
from evaluation.nearest import near_copies
from experiments import folder_methods, plan
from experiments.command_line import DiskFullError, is_full_disk, is_out_of_memory
from experiments.folder_methods import BASELINE, WITHOUT_IMAGES
from experiments.parts import Parts
from experiments.run_cells import in_a_line
from experiments.runner import environment
from models.callbacks import FiniteLosses

TRAINING_RANDOM_STATE = 0


@dataclass(frozen=True)
class Arm:
    """A method and, of one that makes images, how many: 1 restores the balance, 0.5 is half of that."""

    method: str
    proportion: float = 1.0

    def __str__(self):
        return self.method if self.proportion == 1 else f"{self.method} x{self.proportion:g}"

    @property
    def makes_images(self) -> bool:
        return self.method not in WITHOUT_IMAGES


class Race:
    """Runs arms below a folder: `runs/<arm>-<digest>/seed-<n>.json`, checkpoints in `runs/<method>-training-<digest>`.

    The digest is that of the arguments of method and classifier, so that nothing old is taken for new; images, groups
    and filters are those of the folder's `run.json`.
    """

    def __init__(self, out: Path, parts: Parts, schedule: str, filters, flip: bool, strategy):
        self.out = out
        self.parts = parts
        self.schedule = schedule
        self.filters = filters
        self.flip = flip
        self.strategy = strategy
        self.n_images = len(parts.train.labels)
        self.classifier_arguments = folder_methods.classifier_arguments(schedule, self.n_images)
        self._fitted: tuple[str, object] | None = None
        self._original_classifier = None

    def record(self, arm: Arm, seed: int) -> dict | None:
        """What is known of a finished classifier, or None; a damaged file is set aside."""
        return read_json(self.folder(arm) / f"seed-{seed}.json")

    def configuration(self, arm: Arm) -> dict:
        """Arguments of the arm's method and of its classifier."""
        if not arm.makes_images:
            return {"classifier": self.classifier_arguments}
        arguments = folder_methods.arguments(arm.method, self.schedule, self.n_images, self.flip)
        return {"method": arguments, "classifier": self.classifier_arguments}

    def folder(self, arm: Arm) -> Path:
        return self.out / "runs" / f"{str(arm).replace(' ', '-')}-{plan.digest(self.configuration(arm))}"

    def failure_log(self, arm: Arm) -> Path:
        return self.folder(arm) / "failed.log"

    def run(self, arm: Arm, seed: int) -> dict | None:
        """The record of one classifier, computed unless it is cached; None where the method failed, which is logged.

        A lack of memory is raised: TensorFlow does not recover from it in this process.
        """
        record = self.record(arm, seed)
        if record is None:
            self.folder(arm).mkdir(parents=True, exist_ok=True)
            try:
                record = self._compute(arm, seed)
            except Exception as error:  # one method that fails does not stop the others
                if is_full_disk(error):
                    raise DiskFullError(f"no space left on the disk of {self.out}") from error
                if is_out_of_memory(error):
                    raise
                write_atomically(self.failure_log(arm), "".join(traceback.format_exception(error)))
                print(f"{arm} FAILED: {in_a_line(error)}; see {self.failure_log(arm)}", file=sys.stderr)
                return None
            write_atomically(self.folder(arm) / f"seed-{seed}.json", json.dumps(record) + "\n")
            self.failure_log(arm).unlink(missing_ok=True)
        return record

    def _compute(self, arm: Arm, seed: int) -> dict:
        train, n_new, n_dropped, training_s = self.parts.train, {}, {}, 0.0
        sampling_s = 0.0
        if arm.makes_images:
            balancer, training_s = self.fitted(arm.method)
            if "confidence" in self.filters:
                _ = self.original_classifier  # trained here, it is not counted as the method's
            started = time.perf_counter()
            train, n_new, n_dropped = self._balanced(balancer, arm, seed)
            sampling_s = time.perf_counter() - started
        started = time.perf_counter()
        model = self.classifier(arm.method, train, seed)
        if arm.method == BASELINE and seed == 0:
            self._original_classifier = model
        return {
            "configuration": self.configuration(arm),
            "environment": environment(self.strategy),
            "predicted": classifiers.predict(model, self.parts.test.images).tolist(),
            "n_new": n_new,
            "n_dropped": n_dropped,
            "training_s": round(training_s, 1),
            "sampling_s": round(sampling_s, 1),
            "classifier_s": round(time.perf_counter() - started, 1),
        }

    def classifier(self, method: str, train: ImageDataset, seed: int):
        """A trained classifier; `method` may change how it is trained."""
        arguments = dict(self.classifier_arguments)
        if method == "class_weights":
            arguments["class_weight"] = classifiers.balanced_class_weight(train.labels)
        model, _ = classifiers.train_classifier(
            classifiers.scaled_classifier(train.images.shape[1:]),
            train,
            self.parts.validation,
            random_state=seed,
            mixup=method == "mixup",
            callbacks=[FiniteLosses(f"{method}, classifier")],
            **arguments,
        )
        return model

    @property
    def original_classifier(self):
        """Trained on the original images alone, from the first seed."""
        if self._original_classifier is None:
            self._original_classifier = self.classifier(BASELINE, self.parts.train, seed=0)
        return self._original_classifier

    def fitted(self, method: str):
        """The method fitted to the training images, continued from its checkpoints, and the seconds that took."""
        arguments = self.configuration(Arm(method))["method"]
        folder = self.out / "runs" / f"{method}-training-{plan.digest(arguments)}"
        if self._fitted is None or self._fitted[0] != method:
            self._fitted = None
            train = self.parts.train
            started = time.perf_counter()
            balancer = folder_methods.balancer(
                method, self.schedule, self.n_images, self.flip, folder, 1, random_state=TRAINING_RANDOM_STATE
            )
            with self.strategy.scope():
                balancer.fit(train.images, train.labels)
            seconds = time.perf_counter() - started
            histories = [pd.read_csv(path)["seconds"].sum() for path in folder.rglob("history.csv")]
            self._fitted = method, balancer, float(sum(histories)) or seconds
        return self._fitted[1:]

    def additions(self, proportion: float) -> dict[int, int]:
        """How many images each class gets: that share of what it lacks to the largest."""
        counts = np.bincount(self.parts.train.labels)
        wanted = np.round(proportion * (counts.max() - counts)).astype(int)
        return {label: int(n) for label, n in enumerate(wanted) if n}

    def _balanced(self, balancer, arm: Arm, seed: int):
        """The training images with new ones, and by class name how many are new and how many filters dropped.

        The copies that random oversampling makes are not taken for duplicates: nothing would be left of it.
        """
        train = self.parts.train
        filters = [name for name in self.filters if (name, arm.method) != ("duplicates", "random_oversampling")]
        images, labels, n_new, n_dropped = [train.images], [train.labels], {}, {}
        for label, n in self.additions(arm.proportion).items():
            name = train.class_names[label]
            made = balancer.sample(label, n, random_state=seed)
            kept = np.ones(n, bool)
            for chosen in filters:
                passed = self._passes(chosen, made, label)
                n_dropped.setdefault(chosen, {})[name] = int((kept & ~passed).sum())
                kept &= passed
            images.append(made[kept])
            labels.append(np.full(kept.sum(), label, np.int64))
            n_new[name] = int(kept.sum())
        together = ImageDataset(train.name, np.concatenate(images), np.concatenate(labels), train.class_names)
        return together, n_new, n_dropped

    def _passes(self, chosen: str, images: np.ndarray, label: int) -> np.ndarray:
        """confidence: the classifier of the originals gives an image its class; duplicates: it is no near copy."""
        if chosen == "confidence":
            return classifiers.predict(self.original_classifier, images) == label
        return ~near_copies(images, self.parts.train.images[self.parts.train.labels == label])
